#pragma once
/// What `fejer train` can train.
#include <functional>
#include <string>
#include <vector>

#include <fejer/models/model.hpp>
#include <fejer/models/training/trainer.hpp>

#include "config_file.hpp"

namespace fejer::command {

struct Trainable {
  Learner<float> learner;
  std::function<Model<float>(const Parameters&)> to_model;
};

const std::vector<std::string>& learner_names();

/// The learner that [model] kind names, with the other keys of [model].
Trainable make_learner(const std::string& kind, Section& model, const TrainingOptions& options);

}  // namespace fejer::command
