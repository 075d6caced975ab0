#include <doctest/doctest.h>

#include <fejer/algorithms/equilibrium_gradient.hpp>
#include <fejer/models/model_file.hpp>
#include <fejer/models/ridge_gradient_step.hpp>
#include <fejer/models/training/ridge_equilibrium.hpp>
#include <fejer/models/training/ridge_unrolled.hpp>
#include <fejer/operators/identity.hpp>
#include <fejer/vector.hpp>

#include "data.hpp"
#include "small_models.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

const auto smooth_loss = [](ConstView<double> x, ConstView<double> target, View<double> gradient) {
  double sum = 0;
  for (Index i = 0; i < x.size(); ++i) {
    gradient[i] = x[i] - target[i];
    sum += gradient[i] * gradient[i] / 2;
  }
  return sum;
};

void add_random(double scale, const std::string& name, Array<double>& x) {
  const Array<double> d = random_array(x.shape(), name, scale);
  axpy<double>(1, d, x);
}

/// Three noisy images of different noise levels.
struct Data {
  std::vector<Array<double>> images;
  std::vector<double> sigmas{0.02, 0.05, 0.1};
  explicit Data(const Shape& shape = {1, 9, 11}) {
    for (int i = 0; i < 3; ++i) {
      Array<double> clean(shape);
      for (Index k = 0; k < clean.size(); ++k)
        clean[k] = 0.5 + 0.2 * std::sin(0.3 * static_cast<double>(k * (i + 1)));
      Array<double> noisy = clean;
      add_random(sigmas[static_cast<std::size_t>(i)], "noise" + std::to_string(i), noisy);
      images.push_back(std::move(clean));
      images.push_back(std::move(noisy));
    }
  }
  Shard<double> shard() const {
    Shard<double> s;
    for (std::size_t i = 0; i < 3; ++i)
      s.push_back({images[2 * i + 1], images[2 * i], sigmas[i], i});
    return s;
  }
};

struct Evaluated {
  double value = 0;
  Parameters gradient;
  Figures figures;
};

Evaluated evaluate(const Learner<double>& learner, const Parameters& p,
                   const Shard<double>& shard) {
  const auto prepared = learner.prepare(p);
  Parameters effective = learner.effective_zeros(prepared);
  Evaluated e;
  e.value = learner.shard_gradient(prepared, shard, smooth_loss, effective, e.figures);
  e.gradient = learner.pull_back(p, prepared, effective);
  p.require_like("gradient", e.gradient);
  e.value += learner.penalty(p, prepared, e.gradient);
  return e;
}

/// Every kind of parameter against central differences, in several directions.
void check_gradients(const Learner<double>& learner, const Parameters& p,
                     const Shard<double>& shard, double h, double tolerance,
                     const std::string& idle = {}) {
  const Evaluated at = evaluate(learner, p, shard);
  for (std::size_t i = 0; i < p.entries().size(); ++i) {
    const std::string& name = p.entries()[i].name;
    CAPTURE(name);
    const Array<double>& gradient = at.gradient[name];
    if (name == idle) {
      CHECK(norm(gradient) == 0);
      continue;
    }
    CHECK(norm(gradient) > 0);
    for (int trial = 0; trial < 3; ++trial) {
      Array<double> d = random_array(p[name].shape(), name + std::to_string(trial));
      const double length = h * std::max(1.0, std::abs(p[name][0])) / norm(d);
      Parameters up = p, down = p;
      axpy<double>(length, d, up[name]);
      axpy<double>(-length, d, down[name]);
      const double slope =
          (evaluate(learner, up, shard).value - evaluate(learner, down, shard).value) /
          (2 * length);
      CHECK(std::abs(slope - dot(gradient, d)) <=
            tolerance * std::max(std::abs(slope), 0.05 * norm(gradient) * norm(d)));
    }
  }
}

RidgeEquilibriumOptions small_equilibrium(Borders borders, double rho) {
  RidgeEquilibriumOptions o;
  o.channels = {1, 2, 3, 5};
  o.kernel_size = 3;
  o.borders = borders;
  o.rho = rho;
  o.knots = 21;
  o.scaling_knots = 4;
  o.start_log_mu = 1.5;
  o.tolerance = 1e-15;
  o.max_iterations = 20000;
  o.backward_tolerance = 1e-13;
  o.backward_max_iterations = 1000;
  return o;
}

/// Parameters in general position: slopes on both sides of their bounds.
Parameters moved(const Learner<double>& learner, double spline_scale) {
  Parameters p = learner.initial(Rng(3));
  for (auto& e : p.entries()) {
    if (e.group == "spline") add_random(spline_scale, e.name, e.value);
    if (e.group == "scaling") add_random(0.3, e.name, e.value);
  }
  return p;
}

RidgeUnrolledOptions small_unrolled(Borders borders, int steps) {
  RidgeUnrolledOptions o;
  o.steps = steps;
  o.channels = {1, 3, 5};
  o.kernel_size = 3;
  o.borders = borders;
  o.knots = 11;
  o.power_size = 4;
  o.power_steps = 1000;
  o.start_mu = 1.3;
  o.start_lambda = 2;
  o.least_norm = 1e-3;
  return o;
}

Parameters moved_unrolled(const Learner<double>& learner) {
  Parameters p = learner.initial(Rng(4));
  Array<double>& f = p["profile"];
  const Array<double> change = random_array(f.shape(), "profile", 0.01);
  for (Index i = 0; i < f.size(); ++i)
    f[i] += 0.004 * static_cast<double>(i % f.shape()[1]) + change[i];
  return p;
}

}  // namespace

TEST_CASE("equilibrium: gradients of the loss at the fixed point, every kind of parameter") {
  const Data data;
  for (const Borders borders : {Borders::zero_once, Borders::zero_every_layer})
    for (const double rho : {1.0, 0.0}) {
      CAPTURE(rho);
      const Learner<double> learner =
          RidgeEquilibriumLearner<double>(small_equilibrium(borders, rho));
      const Parameters p = moved(learner, 0.01);
      CHECK(p.entries().size() == (rho > 0 ? 7 : 6));
      check_gradients(learner, p, data.shard(), 1e-6, 1e-6);
      const Figures figures = evaluate(learner, p, data.shard()).figures;
      CHECK(figures.at("backward_residual") < 3e-13);
      CHECK(figures.at("forward_iterations") > 3);
    }
}

TEST_CASE("equilibrium: with jfb_passes the gradient is that of restarted JFB at the minimiser") {
  const Data data;
  const Shard<double> shard{data.shard()[1]};
  for (const double rho : {1.0, 0.0})
    for (const int passes : {1, 4}) {
      CAPTURE(rho);
      CAPTURE(passes);
      RidgeEquilibriumOptions o = small_equilibrium(Borders::zero_once, rho);
      o.jfb_passes = passes;
      const RidgeEquilibriumLearner<double> learner(o);
      const auto prepared = learner.prepare(moved(Learner<double>(learner), 0.01));
      Parameters effective = learner.effective_zeros(prepared);
      Figures figures;
      const double value = learner.shard_gradient(prepared, shard, smooth_loss, effective, figures);
      CHECK(figures["backward_iterations"] == passes);
      CHECK(figures["backward_residual"] <= 1);

      const double gamma = 2 / (2 - rho + prepared.lipschitz);
      const RidgeGradientStep<double> layer(prepared.model,
                                            Identity<double>(shard[0].input.shape()),
                                            shard[0].input, {gamma, 1, shard[0].sigma});
      RidgeGradientStep<double>::Gradient expected = layer.zero_gradient();
      EquilibriumOptions e;
      e.depth = passes;
      e.until_tolerance = true;
      e.tolerance = 1e-14;
      e.power_iterations = 0;
      Array<double> x(shard[0].input);
      const auto report = equilibrium_gradient(
          layer, e,
          [&](ConstView<double> end, View<double> g) {
            return smooth_loss(end, shard[0].target, g);
          },
          x, expected);
      CHECK(value == doctest::Approx(report.loss).epsilon(1e-10));
      const std::vector<Array<double>> kernels = expected.kernels->gradients();
      for (std::size_t l = 0; l < kernels.size(); ++l)
        CHECK(distance(effective["kernel_" + std::to_string(l)], kernels[l]) <
              1e-9 * norm(kernels[l]));
      CHECK(distance(effective["profile"], expected.profile) < 1e-9 * norm(expected.profile));
    }
}

TEST_CASE("equilibrium: with enough jfb_passes the gradient is exact") {
  RidgeEquilibriumOptions o = small_equilibrium(Borders::zero_once, 0.5);
  const Learner<double> exact = RidgeEquilibriumLearner<double>(o);
  o.jfb_passes = 2000;
  const Learner<double> by_passes = RidgeEquilibriumLearner<double>(o);
  const Parameters p = moved(exact, 0.01);
  const Data data;
  const Shard<double> shard = data.shard();
  const Evaluated a = evaluate(exact, p, shard), b = evaluate(by_passes, p, shard);
  for (const auto& e : p.entries())
    CHECK(distance(a.gradient[e.name], b.gradient[e.name]) < 1e-9 * norm(a.gradient[e.name]));
  o.jfb_passes = -1;
  CHECK_THROWS_AS(RidgeEquilibriumLearner<double>{o}, ArgumentError);
}

TEST_CASE("equilibrium: an image's solution does not depend on the others") {
  const Data data;
  RidgeEquilibriumOptions o = small_equilibrium(Borders::zero_once, 1);
  o.tolerance = 1e-5;
  o.max_iterations = 200;
  const RidgeEquilibriumLearner<double> learner(o);
  const Parameters p = moved(Learner<double>(learner), 0.01);
  const auto prepared = learner.prepare(p);
  const Shard<double> shard = data.shard();
  std::vector<Array<double>> together;
  Parameters effective = learner.effective_zeros(prepared);
  Figures figures;
  const auto record = [&](ConstView<double> x, ConstView<double> target, View<double> g) {
    together.emplace_back(x);
    return smooth_loss(x, target, g);
  };
  learner.shard_gradient(prepared, shard, record, effective, figures);
  CHECK(figures["unconverged"] == 0);
  for (std::size_t i = 0; i < 3; ++i) {
    Array<double> alone(shard[i].input.shape());
    learner.estimate(prepared, shard[i], alone);
    CHECK(same_bits(alone, together[i]));
    // The denoiser of the exported model finds the same minimiser.
    const RidgeDenoiser<double> denoiser(learner.to_model(p).ridge(),
                                         {.tolerance = 1e-12, .max_iterations = 20000});
    Array<double> x(alone.shape());
    denoiser.denoise(shard[i].input, shard[i].sigma, x);
    CHECK(distance(x, alone) < 1e-3 * norm(x));
  }
}

TEST_CASE("equilibrium: from its own solution nothing is left to do") {
  const Data data;
  RidgeEquilibriumOptions o = small_equilibrium(Borders::zero_once, 1);
  o.tolerance = 1e-8;
  const Learner<double> learner = RidgeEquilibriumLearner<double>(o);
  const Parameters p = moved(learner, 0.01);
  Shard<double> shard = data.shard();
  std::vector<Array<double>> states(shard.size());
  for (std::size_t i = 0; i < shard.size(); ++i) shard[i].state = &states[i];
  const Evaluated cold = evaluate(learner, p, shard), warm = evaluate(learner, p, shard);
  for (std::size_t i = 0; i < shard.size(); ++i) CHECK(states[i].shape() == shard[i].input.shape());
  CHECK(warm.value == doctest::Approx(cold.value).epsilon(1e-7));
  CHECK(warm.figures.at("forward_iterations") < 0.2 * cold.figures.at("forward_iterations"));
}

TEST_CASE("unrolled: gradients of loss and penalty, every kind of parameter") {
  const Data data;
  for (const Borders borders : {Borders::zero_once, Borders::zero_every_layer})
    for (const int steps : {1, 2, 5}) {
      if (steps == 5 && borders == Borders::zero_every_layer) continue;
      CAPTURE(steps);
      const Learner<double> learner = RidgeUnrolledLearner<double>(small_unrolled(borders, steps));
      const Parameters p = moved_unrolled(learner);
      // lambda plays no part in one step.
      check_gradients(learner, p, data.shard(), 1e-7, 1e-6, steps == 1 ? "lambda" : "");
    }
}

TEST_CASE("unrolled, ReLU: gradients, and the exported model") {
  const Data data;
  RidgeUnrolledOptions o = small_unrolled(Borders::zero_once, 3);
  o.activation = RidgeActivation::relu;
  o.range = 4;
  o.knots = 81;
  o.start_lambda = 0.05;
  o.noise_level = 0.05;
  const RidgeUnrolledLearner<double> learner(o);
  Parameters p = learner.initial(Rng(4));
  add_random(0.3, "bias", p["bias"]);
  check_gradients(learner, p, data.shard(), 1e-7, 1e-6);
  const auto prepared = learner.prepare(p);
  // Where it matters the profile is max(t + b, 0).
  const RidgeParameters& effective = prepared.model.parameters();
  const LinearSpline<double> phi(effective.profile, -4, 4, Extrapolation::constant);
  for (Index c = 0; c < phi.channels(); ++c) {
    const double b = p["bias"][c];
    CHECK(phi.value(c, 1.23) == doctest::Approx(1.23 + b));
    CHECK(phi.value(c, -1.23 - std::abs(b)) == 0);
    CHECK(std::abs(phi.value(c, -b)) < 0.03);
  }
  const Sample<double> sample = data.shard()[1];
  Array<double> trained(sample.input.shape()), denoised(sample.input.shape());
  learner.estimate(prepared, sample, trained);
  make_denoiser(learner.to_model(p)).denoise(sample.input, 0.05, denoised);
  CHECK(distance(trained, denoised) < 1e-12);
}

TEST_CASE("unrolled: what the exported model denoises is what was trained") {
  const Data data;
  for (const Borders borders : {Borders::zero_once, Borders::zero_every_layer}) {
    RidgeUnrolledOptions o = small_unrolled(borders, 4);
    o.noise_level = 0.05;
    o.power_size = 128;  // as to_model
    o.power_steps = 60;
    if (borders == Borders::zero_once) o.least_norm = 5;  // at work
    const RidgeUnrolledLearner<double> learner(o);
    const Parameters p = moved_unrolled(Learner<double>(learner));
    const Sample<double> sample = data.shard()[1];
    Array<double> trained(sample.input.shape()), denoised(sample.input.shape());
    learner.estimate(learner.prepare(p), sample, trained);
    const Model<double> model = learner.to_model(p);
    CHECK(model.kind() == "crr-tstep");
    make_denoiser(model).denoise(sample.input, 0.05, denoised);
    CHECK(distance(trained, denoised) < (borders == Borders::zero_once ? 1e-12 : 2e-3));
    CHECK(distance<double>(denoised, sample.input) > 0.1);
  }
  const RidgeUnrolledLearner<double> fresh(small_unrolled(Borders::zero_once, 4));
  CHECK(
      throws_with<ArgumentError>([&] { fresh.to_model(fresh.initial(Rng(1))); }, "train it first"));
}

TEST_CASE("trained models have a proven bound, and survive a round trip") {
  const ScratchFolder folder;
  const std::string path = folder / "model.h5";
  const RidgeEquilibriumLearner<float> learner(small_equilibrium(Borders::zero_once, 1));
  Parameters p = learner.initial(Rng(5));
  p["convex"] = random_array(p["convex"].shape(), "convex", 0.01);
  const Model<float> model = learner.to_model(p);
  save_model(path, model);
  const Model<float> again = load_model<float>(path);
  const Bound lipschitz = again.ridge().lipschitz_bound(), weak = again.ridge().weak_convexity();
  CHECK(lipschitz.kind == Certificate::Kind::proven);
  CHECK(lipschitz.value <= again.ridge().parameters().mu);
  CHECK(weak.kind == Certificate::Kind::proven);
  CHECK(weak.value <= 1);
  CHECK(weak.value == doctest::Approx(1).epsilon(1e-6));
  const RidgeDenoiser<float> denoiser(again.ridge());
  CHECK(denoiser.certificate().kind == Certificate::Kind::proven);
  const Array<float> y = random_array<float>({1, 20, 20}, "y", 0.2F);
  Array<float> x(y.shape());
  denoiser.denoise(y, 0.05, x);
  CHECK(all_finite(x));
}
