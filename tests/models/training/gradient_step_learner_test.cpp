#include <fejer/models/training/gradient_step_learner.hpp>

#include <doctest/doctest.h>
#include <fejer/error.hpp>
#include <fejer/models/training/dataset.hpp>
#include <fejer/models/training/trainer.hpp>
#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

#include "denoising_pairs.hpp"

using namespace fejer;
using namespace fejer_test;

TEST_CASE("gradient-step learner: the gradient of the loss for every weight") {
  const ScopedThreads one(1);  // small images
  for (const Index channels : {1, 3}) {
    // softplus: the derivative of ELU's slope jumps, and differences fall on that
    const DrunetOptions options = small_drunet_options(DrunetActivation::softplus, channels);
    const Learner<double> learner = GradientStepLearner<double>({.network = options});
    const Parameters p = random_parameters(learner, options);
    const DenoisingPairs pairs(channels);
    Parameters gradient;
    shard_loss(learner, pairs.shard, p, &gradient);
    gradient.require_like("gradient", p);
    for (const auto& entry : p.entries()) {
      INFO(entry.name);
      CHECK(shard_gradient_error(learner, pairs.shard, p, gradient, entry.name) < 1e-6);
    }
  }
}

TEST_CASE("gradient-step learner: the penalty on the norm of Hess g, for every weight") {
  const ScopedThreads one(1);  // small images
  const DrunetOptions network = small_drunet_options(DrunetActivation::softplus);
  GradientStepOptions o{.network = network, .power_steps = 3000, .power_tolerance = 0};
  const GradientStepLearner<double> plain(o);
  const Parameters p = random_parameters(plain, network);
  const DenoisingPairs pairs(1);
  const auto at = [&](double weight, double bound, Parameters& gradient) {
    o.jacobian_weight = weight, o.jacobian_bound = bound;
    return shard_loss(GradientStepLearner<double>(o), pairs.shard, p, &gradient);
  };
  Parameters loss_gradient, gradient, unused;
  const double loss = at(0, 0.9, loss_gradient);
  const double norms = (at(2.5, 1e-3, gradient) - loss) / 2.5;  // of both samples
  CHECK(norms > 0);
  CHECK(at(2.5, 1e9, unused) == doctest::Approx(loss + 2 * 2.5e9).epsilon(1e-12));
  for (const auto& entry : p.entries())  // below the bound: no gradient
    CHECK(largest_difference(unused[entry.name], loss_gradient[entry.name]) == 0);
  // Of the penalty alone, which the loss would hide.
  o.jacobian_weight = 2.5, o.jacobian_bound = 1e-3;
  const GradientStepLearner<double> learner(o);
  Parameters difference = gradient;
  axpy(-1, loss_gradient, difference);
  for (const auto& entry : p.entries()) {
    INFO(entry.name);
    const auto penalty = [&](const Array<double>& v) {
      Parameters moved = p;
      moved[entry.name] = v;
      return shard_loss(learner, pairs.shard, moved, nullptr) -
             shard_loss(plain, pairs.shard, moved, nullptr);
    };
    CHECK(gradient_error(penalty, entry.value, difference[entry.name], 1e-5,
                         std::max<Index>(1, entry.value.size() / 2)) < 1e-5);
  }
  Figures figures;
  const auto prepared = learner.prepare(p);
  Parameters effective = learner.effective_zeros(prepared);
  learner.shard_gradient(prepared, pairs.shard, half_square, effective, figures);
  CHECK(figures["jacobian norm"] == doctest::Approx(norms).epsilon(1e-9));
}

TEST_CASE("gradient-step learner: starts from given weights") {
  GradientStepOptions o{.network = small_drunet_options(DrunetActivation::softplus)};
  o.start = random_drunet_weights(o.network);
  const Parameters p = GradientStepLearner<double>(o).initial(Rng(1));
  for (std::size_t k = 0; k < o.start.size(); ++k)
    CHECK(largest_difference(p.entries()[k].value, o.start[k]) == 0);
}

TEST_CASE("gradient-step learner: the model gives the estimates, and starts near the identity") {
  const GradientStepLearner<float> author({.network = small_drunet_options(DrunetActivation::elu)});
  const Learner<float> learner = author;
  const Parameters p = learner.initial(Rng(3));
  const Model<float> model = author.to_model(p);
  CHECK(model.kind() == "gsdrunet");
  const Array<float> x = random_array<float>({1, 12, 10}, "x");
  Array<float> estimate(x.shape()), denoised(x.shape());
  learner.estimate(learner.prepare(p), {x, x, 0.1, 0}, estimate);
  make_denoiser(model).denoise(x, 0.1, denoised);
  CHECK(largest_difference(estimate, denoised) == 0);
  CHECK(distance(estimate, x) < 0.3 * norm(x));
  CHECK(distance(estimate, x) > 0);

  Parameters other = p;
  other.entries().pop_back();
  CHECK_THROWS_AS(author.to_model(other), ArgumentError);
  const auto refused = [](const GradientStepOptions& o) {
    CHECK_THROWS_AS(GradientStepLearner<float>{o}, ArgumentError);
  };
  refused({.network = small_drunet_options(DrunetActivation::relu)});
  const DrunetOptions network = small_drunet_options(DrunetActivation::softplus);
  refused({.network = network, .jacobian_weight = -1});
  refused({.network = network, .jacobian_bound = 0});
  refused({.network = network, .power_steps = 0});
  refused({.network = network, .power_tolerance = std::nan("")});
  refused({.network = network, .start = {Array<double>(Shape{2})}});
}

TEST_CASE("gradient-step learner: learns, and the same bits for any number of threads") {
  const Learner<float> learner =
      GradientStepLearner<float>({.network = small_drunet_options(DrunetActivation::softplus)});
  TrainingOptions o;
  o.steps = 60;
  o.noise_low = o.noise_high = 0.1;  // so that losses can be compared
  o.batch = 16;
  o.validate_every = 60;
  o.optimiser.rate = 5e-3;
  const Dataset data = open_images("dead-leaves:6x48:3");
  std::vector<TrainingResult> results;
  for (const int threads : {1, 2, 4}) {
    const ScopedThreads scope(threads);
    PatchSource patches(data, {.size = 24, .stride = 24});
    results.push_back(train(learner, patches, nullptr, o, initial_state(learner, o)));
  }
  const auto& history = results[0].state.history;
  CHECK(history.back().loss < 0.8 * history.front().loss);
  for (const TrainingResult& other : {results[1], results[2]})
    for (const auto& entry : results[0].state.parameters.entries())
      CHECK(largest_difference(entry.value, other.state.parameters[entry.name]) == 0);
}
