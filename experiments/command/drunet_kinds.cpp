#include "drunet_kinds.hpp"

#include <algorithm>
#include <variant>

#include <fejer/files.hpp>
#include <fejer/models/model_file.hpp>
#include <fejer/models/training/drunet_learner.hpp>
#include <fejer/models/training/gradient_step_learner.hpp>

#include "data_folder.hpp"

namespace fejer::command {
namespace {

/// Small by default: 1.0 million weights.
DrunetOptions read_drunet(Section& model, DrunetActivation otherwise) {
  DrunetOptions o;
  o.image_channels = model.count("image_channels", o.image_channels, 1);
  const std::vector<Index> channels = model.counts("channels", {16, 32, 64, 128});
  if (channels.size() != o.channels.size())
    throw ArgumentError("[model] channels: expected one number for each of the " +
                        std::to_string(o.channels.size()) + " levels, got " +
                        std::to_string(channels.size()));
  std::copy(channels.begin(), channels.end(), o.channels.begin());
  o.blocks = model.count("blocks", 2, 1);
  o.activation = drunet_activation_named(model.text("activation", to_string(otherwise)));
  return o;
}

}  // namespace

Trainable drunet(Section& model, const TrainingOptions&) {
  return trainable(DrunetLearner<float>(read_drunet(model, DrunetActivation::relu)));
}

/// (Who changes the order of keys changes what is resumed.)
Trainable gsdrunet(Section& model, const TrainingOptions&) {
  GradientStepOptions o;
  o.network = read_drunet(model, o.network.activation);
  o.jacobian_weight = model.number("jacobian_weight", o.jacobian_weight);
  o.jacobian_bound = model.number("jacobian_bound", o.jacobian_bound);
  o.power_steps = model.count("power_steps", o.power_steps, 1);
  o.power_tolerance = model.number("power_tolerance", o.power_tolerance);
  const std::string start = model.text("start", "");
  if (start.empty()) return trainable(GradientStepLearner<float>(o));
  const std::string file = with_data_folder(start);
  const Model<float> made_before = load_model<float>(file);
  const auto* denoiser = std::get_if<GradientStepDrunet<float>>(&made_before.value);
  if (denoiser == nullptr || !(denoiser->network().options() == o.network))
    throw ArgumentError(
        "[model] start: " + file + " is of kind " + made_before.kind() +
        ", expected a gsdrunet with the channels, blocks and activation of [model]");
  o.start = denoiser->network().weights();
  Trainable made = trainable(GradientStepLearner<float>(o));
  made.denoiser_sha256 = sha256_of_file(file);
  return made;
}

}  // namespace fejer::command
