#pragma once
/// A configuration as what it stands for.
#include <string>

#include <fejer/models/training/checkpoint.hpp>

#include "finisher.hpp"
#include "learners.hpp"

namespace fejer::command {

struct TrainingPlan {
  Trainable trainable;
  std::string kind;
  std::string data, validation;  ///< as open_images takes them; validation may be empty
  ImageOptions images;
  PatchOptions patches;
  TrainingOptions options;
  FinishOptions finish;             ///< where trainable.patches is set
  nlohmann::ordered_json resolved;  ///< every key, defaults filled in

  /// SHA-256 of the resolved configuration without what may change when a training goes on: where
  /// data and the measurement file lie, the number of steps, how often a checkpoint is kept, how it
  /// is finished.
  std::string fingerprint() const;
};

/// Sections model, data, noise, optimiser, schedule, loss, validation, training, and finish for
/// networks on patches. "$FEJER_DATA" at the head of a path is the folder of the data sets. Throws
/// ArgumentError for unknown sections and keys, with the nearest spelling, and for values out of
/// range.
TrainingPlan plan_training(const std::string& file, const nlohmann::ordered_json& config);

}  // namespace fejer::command
