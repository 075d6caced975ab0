#pragma once
/// Unrolled proximal gradient descent, trained for the operators of a task by `fejer train`'s
/// configuration experiments/train_unrolled_pgd/deblur.toml.
#include <string>

#include <fejer/models/model.hpp>

#include "../experiment.hpp"
#include "tasks.hpp"

namespace fejer::reconstruction {

/// Whether networks are trained for the task of this name.
bool has_unrolled(const std::string& task);

/// Whether there are images to train on. Those of CT are photographs, `--set photographs=IMAGES`;
/// where there are none that were not asked for, a note says so.
bool has_training_images(const std::string& task, const experiments::Context& context);

/// Trains, or goes on where a resumed run stopped, in `context.out`/trainings/<task>.
Model<float> trained_unrolled(const Task& task, const experiments::Context& context);

}  // namespace fejer::reconstruction
