#pragma once
/// Unrolled proximal gradient descent, trained for the operators of a task by `fejer train`'s
/// configuration experiments/train_unrolled_pgd/deblur.toml.
#include <optional>
#include <string>

#include <fejer/models/model.hpp>

#include "../experiment.hpp"
#include "tasks.hpp"

namespace fejer::reconstruction {

/// Whether networks are trained for the task of this name.
bool has_unrolled(const std::string& task);

/// Trains, or goes on where a resumed run stopped, in `context.out`/trainings/<task>; nothing where
/// the photographs to train on (`--set photographs=FILE`) are missing, which a note says.
std::optional<Model<float>> trained_unrolled(const Task& task, const experiments::Context& context);

}  // namespace fejer::reconstruction
