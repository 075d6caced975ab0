#include <algorithm>
#include <cmath>
#include <memory>

#include <fejer/models/training/loss.hpp>
#include <fejer/models/training/ridge_equilibrium.hpp>
#include <fejer/models/training/ridge_unrolled.hpp>
#include <fejer/parallel.hpp>
#include <fejer/rng.hpp>

#include "ridge_model.hpp"

namespace fejer::benchmarks {
namespace {

constexpr Index side = 40;
constexpr double level = 25.0 / 255;

/// Loss and gradients of one batch, as the trainer takes them; optimiser and patches left out.
struct TrainingStep {
  Learner<float> learner;
  Parameters parameters;
  Array<float> inputs, targets;
  std::vector<Shard<float>> shards{};
  double loss = 0;
  Parameters effective{};  ///< what the others compute, too: before the preparation is undone
  Parameters gradient{};
  Figures figures{};

  TrainingStep(Learner<float> what, Parameters at, const Setting& setting,
               const std::vector<double>& sigmas)
      : learner(std::move(what)),
        parameters(std::move(at)),
        inputs(patches(setting, static_cast<Index>(sigmas.size()), side, side)),
        targets(inputs) {
    for (std::size_t i = 0; i < sigmas.size(); ++i) {
      const auto n = static_cast<Index>(i);
      add_normal<float>(inputs.slice(n), sigmas[i],
                        Rng(2026).stream("measurement/" + std::to_string(i)));
      if (i % shard_size == 0) shards.emplace_back();
      shards.back().push_back(
          {std::as_const(inputs).slice(n), std::as_const(targets).slice(n), sigmas[i], i});
    }
    setting.files.save("x", inputs);
    setting.files.save("target", targets);
    warm_up();
  }
  /// Code and tables are in memory before memory is measured.
  void warm_up() {
    const Array<float> small(Shape{16, 16}, 0.5F);
    const auto prepared = learner.prepare(parameters);
    effective = learner.effective_zeros(prepared);
    learner.shard_gradient(prepared, {{small, small, level, 0}}, Loss{}, effective, figures);
  }
  void run() {
    const auto prepared = learner.prepare(parameters);
    std::vector<Parameters> parts(shards.size());
    std::vector<double> losses(shards.size());
    std::vector<Figures> facts(shards.size());
    parallel_for(static_cast<Index>(shards.size()), 1, [&](Index begin, Index end) {
      for (auto s = static_cast<std::size_t>(begin); s < static_cast<std::size_t>(end); ++s) {
        parts[s] = learner.effective_zeros(prepared);
        losses[s] = learner.shard_gradient(prepared, shards[s], Loss{}, parts[s], facts[s]);
      }
    });
    const double share = 1 / static_cast<double>(inputs.shape()[0]);
    effective = std::move(parts[0]);
    figures = {};
    loss = 0;
    for (std::size_t s = 0; s < shards.size(); ++s) {
      if (s > 0) axpy(1.0, parts[s], effective);
      loss += share * losses[s];
      for (const auto& [name, value] : facts[s]) figures[name] += share * value;
    }
    scale(effective, share);
    gradient = learner.pull_back(parameters, prepared, effective);
    learner.penalty(parameters, prepared, gradient);
  }
  void save(const Exchange& files, const std::string& name) const {
    files.save(name, std::vector<double>{loss});
    int part = 0;
    for (const Parameters::Entry& e : effective.entries())
      files.save(name + "-" + std::to_string(++part), e.value);
  }
};

Call make_call(const std::shared_ptr<TrainingStep>& state, const Setting& setting) {
  return {
      .run = [state] { state->run(); },
      .save = [state, files = setting.files](const std::string& name) { state->save(files, name); },
      .notes =
          [state] {
            Notes notes;
            if (state->figures.contains("forward_iterations"))
              notes["iterations"] = state->figures.at("forward_iterations") +
                                    state->figures.at("backward_iterations");
            return notes;
          },
      .results = 1 + static_cast<int>(state->effective.entries().size())};
}

Call unrolled(const Setting& setting, Borders borders) {
  RidgeUnrolledOptions options;
  options.borders = borders;
  options.noise_level = level;
  const RidgeUnrolledLearner<float> learner(options);
  const RidgeModel model = ridge_model(setting, RidgeKind::crr);
  const RidgeParameters& published = model.parameters;
  Parameters p = learner.initial(Rng(2026));
  for (std::size_t l = 0; l < published.kernels.size(); ++l)
    p["kernel_" + std::to_string(l)] = published.kernels[l];
  p["profile"] = published.profile;
  p["mu"][0] = published.scale;
  p["lambda"][0] = published.weight / published.scale;

  const auto prepared = learner.prepare(p);
  RidgeParameters plain = prepared.model.parameters();
  plain.weight = plain.scale = 1;
  save_ridge(setting.files, RidgeRegulariser<float>(plain), level);
  setting.files.save("steps",
                     {prepared.lambda, prepared.mu, prepared.first_step(), prepared.step()});
  Call call = make_call(
      std::make_shared<TrainingStep>(learner, p, setting, std::vector<double>(128, level)),
      setting);
  call.remark = model.remark;
  return call;
}

/// Profiles with phi = mu convex - rho concave, each with slopes in [0, 1].
void split_profile(const RidgeParameters& model, Parameters& p) {
  const Index knots = model.profile.size();
  Array<double>&convex = p["convex"], &concave = p["concave"];
  convex[0] = concave[0] = 0;
  for (Index k = 1; k < knots; ++k) {
    const double rise = model.profile[k] - model.profile[k - 1];
    convex[k] = convex[k - 1] + std::max(rise, 0.0) / model.mu;
    concave[k] = concave[k - 1] + std::max(-rise, 0.0) / model.rho;
  }
}

/// Row i: how the values at the knots of the scaling make up that at the i-th noise level.
Array<double> hats(const NoiseScaling& scaling, const std::vector<double>& sigmas) {
  const Index knots = scaling.coefficients.shape()[1];
  Array<double> result(Shape{static_cast<Index>(sigmas.size()), knots});
  for (std::size_t i = 0; i < sigmas.size(); ++i) {
    const double at = (255 * sigmas[i] - scaling.g_min) / (scaling.g_max - scaling.g_min) *
                      static_cast<double>(knots - 1);
    const Index k = std::clamp(static_cast<Index>(at), Index{0}, knots - 2);
    double* const row = result.data() + static_cast<Index>(i) * knots;
    row[k + 1] = at - static_cast<double>(k);
    row[k] = 1 - row[k + 1];
  }
  return result;
}

Call equilibrium(const Setting& setting, Borders borders) {
  RidgeEquilibriumOptions options;
  options.borders = borders;
  const RidgeEquilibriumLearner<float> learner(options);
  const RidgeModel model = ridge_model(setting, RidgeKind::wcrr);
  const RidgeParameters& published = model.parameters;
  Parameters p = learner.initial(Rng(2026));
  for (std::size_t l = 0; l < published.kernels.size(); ++l)
    p["kernel_" + std::to_string(l)] = published.kernels[l];
  p["mu"][0] = std::log(published.mu);
  split_profile(published, p);
  if (published.scaling) p["scaling"] = published.scaling->coefficients;

  std::vector<double> sigmas;
  for (int i = 0; i < 16; ++i) sigmas.push_back((1 + 2 * i) * 30.0 / 32 / 255);
  const auto prepared = learner.prepare(p);
  save_ridge(setting.files, prepared.model, sigmas);
  setting.files.save("hats", hats(*prepared.model.parameters().scaling, sigmas));
  setting.files.save("step", {1 / (1 + prepared.lipschitz)});
  setting.files.save(
      "stops", {options.tolerance, static_cast<double>(options.max_iterations),
                options.backward_tolerance, static_cast<double>(options.backward_max_iterations)});
  Call call = make_call(std::make_shared<TrainingStep>(learner, p, setting, sigmas), setting);
  call.remark = model.remark;
  return call;
}

}  // namespace

/// Tolerances: slopes at knots, as in ridge_rows.cpp, and signs of the loss's gradient. At
/// equilibrium errors of x and of b are amplified by (Id + Hess R)^-1, rho being 1: stopped at 1e-4
/// as published, gradients of kernels are 20 to 40 % from those of x to 1e-6, the same on both
/// sides, and what rounding leaves between the sides is up to 2e-2 in kernels, 1e-4 in profiles.
void add_training_rows(std::vector<Row>& rows) {
  for (const bool once : {false, true}) {
    const Borders borders = once ? Borders::zero_once : Borders::zero_every_layer;
    const std::string end = once ? "-once" : "", padded = once ? ", padded once" : "";
    Row crr{.name = "crr-training-step/128x40x40" + end,
            .what = "CRR-NN, ten unrolled steps, l1: loss and gradients of a batch" + padded +
                    "; ours with the norm of W and its gradient, which the others are given",
            .opponents = {{"torch-tuned", 3, 7}},
            .ours = [=](const Setting& setting) { return unrolled(setting, borders); },
            .tolerance = 5e-3,
            .memory = 8};
    if (!once) crr.opponents.push_back({"torch-published-tuned"});
    rows.push_back(crr);
    rows.push_back(
        {.name = "wcrr-equilibrium-step/16x40x40" + end,
         .what = "WCRR-NN denoising at equilibrium, noise 1/255 to 29/255, l1: loss and gradients "
                 "of a batch" +
                 padded +
                 "; iterations: forward (accelerated gradients, to 1e-4) and backward (conjugate "
                 "residuals, to 1e-3), mean over images",
         .opponents = {{"torch-tuned", 5, 9}},
         .ours = [=](const Setting& setting) { return equilibrium(setting, borders); },
         .tolerance = 5e-2,
         .memory = 8});
  }
}

}  // namespace fejer::benchmarks
