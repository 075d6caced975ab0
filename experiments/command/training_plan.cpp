#include "training_plan.hpp"

#include <cstdlib>

#include <fejer/error.hpp>
#include <fejer/files.hpp>

#include "filter_finisher.hpp"
#include "record.hpp"

namespace fejer::command {
namespace {

using Json = nlohmann::ordered_json;

/// One number: fixed; two: from, to.
void read_noise(Section& noise, TrainingOptions& o) {
  const std::vector<double> sigma = noise.numbers("sigma", {o.noise_low, o.noise_high});
  if (sigma.empty() || sigma.size() > 2)
    throw ArgumentError("[noise] sigma: expected one level, or the two ends of an interval");
  o.noise_low = sigma.front();
  o.noise_high = sigma.back();
  noise.finish();
}

void read_optimiser(Section& section, TrainingOptions& o) {
  OptimiserOptions& p = o.optimiser;
  p.kind = optimiser_from(section.word("kind", "adam", optimiser_names()));
  p.rate = section.number("rate", p.rate);
  p.group_rates = section.table("rates");
  p.beta1 = section.number("beta1", p.beta1);
  p.beta2 = section.number("beta2", p.beta2);
  p.epsilon = section.number("epsilon", p.epsilon);
  p.momentum = section.number("momentum", p.momentum);
  o.clip = section.number("clip", o.clip);
  o.average = section.number("average", o.average);
  section.finish();
}

void read_schedule(Section& section, TrainingOptions& o) {
  Schedule& s = o.schedule;
  s.kind = schedule_from(section.word("kind", "constant", schedule_names()));
  if (s.kind == Schedule::Kind::step) {
    s.decay = section.number("decay", s.decay);
    s.every = section.count("every", s.every, 1);
    s.at_most = section.count("at_most", s.at_most);
  }
  if (s.kind == Schedule::Kind::cosine) s.over = section.count("over", o.steps, 1);
  s.warm_up = section.count("warm_up", 0);
  section.finish();
}

void read_loss(Section& section, TrainingOptions& o) {
  o.loss.kind = loss_from(section.word("kind", "l1", loss_names()));
  if (o.loss.kind == LossKind::huber) o.loss.delta = section.number("delta", o.loss.delta);
  o.loss.reference_pixels = section.number("reference_pixels", o.loss.reference_pixels);
  section.finish();
}

void read_data(Section& section, TrainingPlan& plan) {
  plan.data = section.text("train");
  plan.images.grey = section.flag("grey", false);
  plan.images.shrink = section.count("shrink", 1, 1);
  PatchOptions& p = plan.patches;
  const Shape& image = plan.trainable.image;
  if (image.rank() > 0) p.size = image[1], p.columns = image[2];
  const Index rows = p.size;
  p.size = section.count("patch", p.size, 1);
  if (image.rank() > 0 && p.size != rows)
    throw ArgumentError("[data] patch: got " + std::to_string(p.size) + ", but " +
                        plan.trainable.measurement + " is of images " + to_string(image) +
                        "; leave patch out");
  p.stride = section.count("stride", p.stride, 1);
  p.scales = section.numbers("scales", p.scales);
  p.flips = section.flag("flips", p.flips);
  p.turns = section.flag("turns", p.turns);
  section.finish();
}

void read_validation(Section& section, TrainingPlan& plan) {
  TrainingOptions& o = plan.options;
  plan.validation = section.text("data", "");
  o.validation_noise = section.numbers("sigma", {o.noise_high});
  o.validate_every = section.count("every", o.validate_every, 1);
  o.patience = section.count("patience", o.patience);
  section.finish();
}

}  // namespace

std::string TrainingPlan::fingerprint() const {
  Json bound = resolved;
  bound["data"].erase("train");
  bound["validation"].erase("data");
  bound["model"].erase("measurement");
  // As before there were such things.
  if (!options.warm) bound["training"].erase("warm");
  if (kind == "patch-denoiser" && bound["model"]["activation"] == "relu")
    bound["model"].erase("activation");
  if (bound["model"].value("levels", 2) == 1) bound["model"].erase("levels");
  bound["training"].erase("steps");
  bound["training"].erase("checkpoint_every");
  bound.erase("finish");
  const std::string text = json_text(bound);
  return sha256(text.data(), text.size());
}

TrainingPlan plan_training(const std::string& file, const Json& config) {
  static const std::vector<std::string> sections = {"model",      "data",     "noise",
                                                    "optimiser",  "schedule", "loss",
                                                    "validation", "training", "finish"};
  for (const auto& [name, value] : config.items())
    if (std::find(sections.begin(), sections.end(), name) == sections.end())
      throw ArgumentError(file + ": " + unknown_name("section", name, sections));
  Json resolved = Json::object();
  for (const std::string& name : sections)
    if (name != "finish") resolved[name] = Json::object();
  const auto section = [&](const char* name) { return Section(file, config, name, resolved); };

  Section training = section("training");
  TrainingOptions options;
  options.seed = static_cast<std::uint64_t>(training.count("seed", 42));
  options.steps = training.count("steps", options.steps, 1);
  options.batch = training.count("batch", options.batch, 1);
  options.checkpoint_every = training.count("checkpoint_every", options.checkpoint_every, 1);
  options.warm = training.flag("warm", false);
  training.finish();
  Section model = section("model");
  const std::string kind = model.word("kind", "", learner_names());
  set_default_noise(kind, model, config.contains("noise"), options);
  Section noise = section("noise"), optimiser = section("optimiser");
  Section schedule = section("schedule"), loss = section("loss");
  read_noise(noise, options);
  read_optimiser(optimiser, options);
  read_schedule(schedule, options);
  read_loss(loss, options);

  TrainingPlan plan{make_learner(kind, model, options), kind, {}, {}, {}, {}, options, {}, {}};
  model.finish();
  if (options.warm && !plan.trainable.iterates)
    throw ArgumentError(file + ": [training] warm: a model of kind " + kind +
                        " does not iterate; expected wcrr or one that begins with pnp-");
  if (plan.trainable.patches || plan.trainable.filters) {
    resolved["finish"] = Json::object();
    Section finish = section("finish");
    plan.finish = plan.trainable.filters ? read_filter_finish(finish) : read_finish(finish);
  } else if (config.contains("finish")) {
    throw ArgumentError(file + ": [finish]: " + cannot_be_finished(kind));
  }
  Section data = section("data"), validation = section("validation");
  read_data(data, plan);
  read_validation(validation, plan);
  plan.patches.seed = options.seed;
  plan.options.require_valid();
  plan.resolved = std::move(resolved);
  return plan;
}

}  // namespace fejer::command
