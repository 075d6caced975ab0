#pragma once
/// The kinds of training that make DRUNets from scratch.
#include "learners.hpp"

namespace fejer::command {

/// One network for all noise levels of the training.
Trainable drunet(Section& model, const TrainingOptions& options);
/// The gradient step on the potential of such a network.
Trainable gsdrunet(Section& model, const TrainingOptions& options);

}  // namespace fejer::command
