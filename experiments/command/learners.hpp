#pragma once
/// What `fejer train` can train.
#include <functional>
#include <string>
#include <vector>

#include <fejer/models/model.hpp>
#include <fejer/models/patch_denoiser.hpp>
#include <fejer/models/ridge.hpp>
#include <fejer/models/training/trainer.hpp>

#include "config_file.hpp"

namespace fejer::command {

struct Trainable {
  Learner<float> learner;
  std::function<Model<float>(const Parameters&)> to_model;
  /// What is learned for given operators: their measurement files as a message names them, the
  /// hash of these files, and the shape of the images.
  std::string measurement = {}, measurement_sha256 = {};
  std::string denoiser_sha256 = {};  ///< of the model file that it begins with
  Shape image = {};
  bool iterates = false;  ///< from a state that can be kept for the next time (training.warm)
  /// What was learned beside the model, for the record.
  std::function<nlohmann::ordered_json(const Parameters&)> learned = {};
  /// Of networks on patches, which take [finish]; --finish takes up those with leaky ReLU (see
  /// finisher.hpp).
  std::function<PatchDenoiserParameters(const Parameters&)> patches = {};
  /// Of ridge regularisers with noise scaling, whose filters can be chosen (see
  /// filter_finisher.hpp).
  std::function<RidgeParameters(const Parameters&)> filters = {};
  bool finishable = false;  ///< by --finish
};

template <class L>
Trainable trainable(L learner) {
  return {.learner = learner,
          .to_model = [learner](const Parameters& p) { return learner.to_model(p); }};
}

const std::vector<std::string>& learner_names();

/// Where [model] names measurement files, their noise level is that of the training, unless [noise]
/// says otherwise (`given`), as it has to where they differ.
void set_default_noise(const std::string& kind, Section& model, bool given,
                       TrainingOptions& options);

/// The learner that [model] kind names, with the other keys of [model].
Trainable make_learner(const std::string& kind, Section& model, const TrainingOptions& options);

}  // namespace fejer::command
