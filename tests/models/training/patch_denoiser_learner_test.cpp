#include <fejer/models/training/patch_denoiser_learner.hpp>

#include <doctest/doctest.h>
#include <fejer/algorithms/sparse_fit.hpp>
#include <fejer/error.hpp>
#include <fejer/models/training/dataset.hpp>
#include <fejer/models/training/fully_connected.hpp>
#include <fejer/models/training/trainer.hpp>
#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

#include "../small_models.hpp"
#include "differences.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

PatchDenoiserOptions tiny_patches() {
  PatchDenoiserOptions o;
  o.noise_level = 0.2;
  o.size = 3;
  o.hidden = {5, 4};
  o.slope = 0.1;
  o.lambda_w = 0.3;
  o.lambda_b = 0.7;
  return o;
}

PatchDenoiserOptions tiny_splines() {
  PatchDenoiserOptions o = tiny_patches();
  o.activation = Activation::spline;
  o.knots = 7;
  o.x_min = -2;
  o.x_max = 2;
  o.tv2 = 0.4;
  return o;
}

/// Biases that are not 0, too.
Parameters moved_parameters(const Learner<double>& learner) {
  Parameters p = learner.initial(Rng(3));
  for (auto& entry : p.entries()) entry.value = random_array(entry.value.shape(), entry.name, 0.5);
  return p;
}

double patch_objective(const Learner<double>& learner, const Parameters& at,
                       const Shard<double>& shard, Parameters* gradient = nullptr) {
  const auto prepared = learner.prepare(at);
  Parameters effective = learner.effective_zeros(prepared);
  Figures figures;
  double value = learner.shard_gradient(prepared, shard, half_square, effective, figures);
  Parameters sum = learner.pull_back(at, prepared, effective);
  value += learner.penalty(at, prepared, sum);
  if (gradient != nullptr) *gradient = sum;
  return value;
}

void check_gradients(const PatchDenoiserOptions& options) {
  const Learner<double> learner = PatchDenoiserLearner<double>(options);
  const Parameters p = moved_parameters(learner);
  for (const Shape& shape : {Shape{1, 3, 3}, Shape{1, 7, 6}}) {
    const Array<double> a = random_array(shape, "a"), b = random_array(shape, "b"),
                        c = random_array(shape, "c"), d = random_array(shape, "d");
    const Shard<double> shard{{a, b, 0.2, 0}, {c, d, 0.2, 1}};
    Parameters gradient;
    patch_objective(learner, p, shard, &gradient);
    gradient.require_like("gradient", p);
    for (const auto& entry : p.entries()) {
      const auto value = [&](const Array<double>& v) {
        Parameters moved = p;
        moved[entry.name] = v;
        return patch_objective(learner, moved, shard);
      };
      INFO(entry.name, " ", to_string(shape));
      CHECK(gradient_error(value, entry.value, gradient[entry.name], 1e-6) < 1e-6);
    }
  }
}

}  // namespace

TEST_CASE("patch denoiser learner: the gradient of loss and penalty, on patches and on images") {
  check_gradients(tiny_patches());
}

TEST_CASE("patch denoiser learner: the same with splines, within wide bounds and at narrow ones") {
  PatchDenoiserOptions o = tiny_splines();
  check_gradients(o);
  o.bounds = {-0.2, 0.7, false};
  check_gradients(o);
  o.bounds = {};
  check_gradients(o);
}

TEST_CASE("fully connected pass: gradients for inputs and all parameters, leaky and with splines") {
  for (const bool splines : {false, true})
    for (const bool shared : {false, true})
      for (const bool activated : {false, true}) {
        FullyConnectedParameters network;
        network.activated_output = activated;
        const std::vector<Index> widths = {3, 5, 4, 2};
        for (std::size_t l = 0; l < 3; ++l) {
          const std::string name = std::to_string(l);
          network.weights.push_back(random_array({widths[l + 1], widths[l]}, "w" + name));
          network.biases.push_back(random_array({widths[l + 1]}, "b" + name));
        }
        for (std::size_t l = 0; splines && l < network.activated(); ++l)
          network.splines.push_back(random_array({shared ? 1 : widths[l + 1], 6}, "f"));
        const Array<double> x = random_array({3, 7}, "x"), g = random_array({2, 7}, "g");
        const auto product = [&](const FullyConnectedParameters& at, const Array<double>& from) {
          Array<double> y(g.shape());
          FullyConnectedNetwork<double>(at).values(from, y);
          return dot<double>(g, y);
        };
        const FullyConnectedLayers<double> layers(network);
        FullyConnectedPass<double> pass(layers);
        Array<double> y(g.shape()), gx;
        FullyConnectedNetwork<double>(network).values(x, y);
        CHECK(largest_difference(pass.forward(x), y) == 0);
        Parameters gradient;
        const auto check = [&](const std::string& name, std::vector<Array<double>>& all,
                               std::size_t l) {
          const Array<double> kept = all[l];
          const auto value = [&](const Array<double>& v) {
            all[l] = v;
            const double result = product(network, x);
            all[l] = kept;
            return result;
          };
          INFO(name);
          CHECK(gradient_error(value, kept, gradient[name + std::to_string(l)], 1e-6) < 1e-6);
        };
        for (std::size_t l = 0; l < 3; ++l) {
          gradient.add("weight_" + std::to_string(l), "", network.weights[l]);
          gradient.add("bias_" + std::to_string(l), "", network.biases[l]);
        }
        for (std::size_t l = 0; l < network.splines.size(); ++l)
          gradient.add("activation_" + std::to_string(l), "", network.splines[l]);
        gradient = gradient.zeros();
        pass.backward(g, gradient, &gx);
        CHECK(gradient_error([&](const Array<double>& v) { return product(network, v); }, x, gx,
                             1e-6) < 1e-6);
        for (std::size_t l = 0; l < 3; ++l) {
          check("weight_", network.weights, l);
          check("bias_", network.biases, l);
        }
        for (std::size_t l = 0; l < network.splines.size(); ++l)
          check("activation_", network.splines, l);
      }
}

TEST_CASE(
    "patch denoiser learner: on single patches the objective is that of the finishing method") {
  const PatchDenoiserOptions o = tiny_patches();
  const Learner<double> learner = PatchDenoiserLearner<double>(o);
  const Parameters p = moved_parameters(learner);
  constexpr Index count = 6, pixels = 9;
  std::vector<Array<double>> noisy, clean;
  Array<double> x(Shape{pixels, count}), y(Shape{pixels, count});
  Shard<double> shard;
  for (Index n = 0; n < count; ++n) {
    noisy.push_back(random_array({1, 3, 3}, "noisy " + std::to_string(n)));
    clean.push_back(random_array({1, 3, 3}, "clean " + std::to_string(n)));
    double mean = 0;
    for (const double v : noisy.back()) mean += v / pixels;
    for (Index q = 0; q < pixels; ++q) {
      x[q * count + n] = (noisy.back()[q] - mean) / o.noise_level;
      y[q * count + n] = (clean.back()[q] - mean) / o.noise_level;
    }
  }
  for (std::size_t n = 0; n < noisy.size(); ++n) shard.push_back({noisy[n], clean[n], 0.2, n});
  SparseFitOptions f;
  f.hidden = o.hidden;
  f.slope = o.slope;
  f.lambda_w = o.lambda_w;
  f.lambda_b = o.lambda_b;
  const SparseFit fit(x, y, f);
  Array<double> packed(Shape{fit.parameters()});
  Index at = 0;
  for (const auto& entry : p.entries())
    for (const double v : entry.value) packed[at++] = v;
  CHECK(at == packed.size());
  const auto prepared = learner.prepare(p);
  Parameters unused = p.zeros();
  const double penalty = learner.penalty(p, prepared, unused);
  const double mean = (patch_objective(learner, p, shard) - penalty) / count + penalty;
  CHECK(mean ==
        doctest::Approx(o.noise_level * o.noise_level / 2 * fit.value(packed)).epsilon(1e-12));
}

TEST_CASE("patch denoiser learner: exported splines keep their bounds whatever was learned") {
  PatchDenoiserOptions o = tiny_splines();
  const PatchDenoiserLearner<float> author(o);
  const Learner<float> learner = author;
  Parameters p = learner.initial(Rng(3));
  const auto slopes = [&] {
    const Model<float> model = author.to_model(p);
    return std::get<PatchDenoiser<float>>(model.value).network().activation_slopes();
  };
  for (const double slope : slopes()) CHECK(slope == doctest::Approx(1));  // a leaky ReLU
  for (auto& entry : p.entries()) entry.value = random_array(entry.value.shape(), entry.name, 9);
  for (const double slope : slopes()) CHECK(slope <= 1 + 1e-12);
  const Model<float> model = author.to_model(p);
  const Array<float> x = random_array<float>({1, 12, 10}, "x");
  Array<float> estimate(x.shape()), denoised(x.shape());
  learner.estimate(learner.prepare(p), {x, x, 0.2, 0}, estimate);
  make_denoiser(model).denoise(x, 0.2, denoised);
  CHECK(largest_difference(estimate, denoised) == 0);
}

TEST_CASE("patch denoiser learner: the model gives the estimates") {
  const PatchDenoiserLearner<float> author(tiny_patches());
  const Learner<float> learner = author;
  const Parameters p = learner.initial(Rng(3));
  const Model<float> model = author.to_model(p);
  CHECK(model.kind() == "patch-denoiser");
  const Array<float> x = random_array<float>({1, 12, 10}, "x");
  Array<float> estimate(x.shape()), denoised(x.shape());
  learner.estimate(learner.prepare(p), {x, x, 0.2, 0}, estimate);
  make_denoiser(model).denoise(x, 0.2, denoised);
  CHECK(largest_difference(estimate, denoised) == 0);
  Parameters other = p;
  other.entries().pop_back();
  CHECK_THROWS_AS(author.to_model(other), ArgumentError);
  for (const auto& change : std::vector<void (*)(PatchDenoiserOptions&)>{
           [](PatchDenoiserOptions& o) {
             o.hidden = {4, 0};
           },
           [](PatchDenoiserOptions& o) { o.slope = 1; },
           [](PatchDenoiserOptions& o) { o.size = 1; },
           [](PatchDenoiserOptions& o) { o.lambda_w = -1; },
           [](PatchDenoiserOptions& o) { o.noise_level = 25; },
           [](PatchDenoiserOptions& o) { o.activation = Activation::groupsort; },
           [](PatchDenoiserOptions& o) { o.tv2 = -1; },
           [](PatchDenoiserOptions& o) {
             o.activation = Activation::spline;
             o.knots = 1;
           },
           [](PatchDenoiserOptions& o) {
             o.activation = Activation::spline;
             o.x_min = 4;
           }}) {
    PatchDenoiserOptions o = tiny_patches();
    change(o);
    CHECK_THROWS_AS(PatchDenoiserLearner<float>{o}, ArgumentError);
  }
}

namespace {

void check_learning(PatchDenoiserOptions options) {
  options.lambda_w = 1e-3;
  options.lambda_b = 1e-3;
  const Learner<float> learner = PatchDenoiserLearner<float>(options);
  TrainingOptions o;
  o.steps = 80;
  o.noise_low = o.noise_high = options.noise_level;
  o.batch = 32;
  o.loss = {.kind = LossKind::l2, .reference_pixels = 9};
  o.validate_every = 80;
  o.optimiser.rate = 1e-2;
  const Dataset data = open_images("dead-leaves:6x48:3");
  std::vector<TrainingResult> results;
  for (const int threads : {1, 2, 4}) {
    const ScopedThreads scope(threads);
    PatchSource patches(data, {.size = 3, .stride = 3});
    results.push_back(train(learner, patches, nullptr, o, initial_state(learner, o)));
  }
  const auto& history = results[0].state.history;
  CHECK(history.back().loss < 0.8 * history.front().loss);
  for (const TrainingResult& other : {results[1], results[2]})
    for (const auto& entry : results[0].state.parameters.entries())
      CHECK(largest_difference(entry.value, other.state.parameters[entry.name]) == 0);
}

}  // namespace

TEST_CASE("patch denoiser learner: learns, and the same bits for any number of threads") {
  check_learning(tiny_patches());
  check_learning(tiny_splines());
}
