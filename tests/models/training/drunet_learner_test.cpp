#include <fejer/models/training/drunet_learner.hpp>

#include <doctest/doctest.h>
#include <fejer/error.hpp>
#include <fejer/models/training/dataset.hpp>
#include <fejer/models/training/trainer.hpp>
#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

#include "denoising_pairs.hpp"

using namespace fejer;
using namespace fejer_test;

TEST_CASE("DRUNet learner: the gradient of the loss for every weight") {
  const ScopedThreads one(1);  // small images
  for (const Index channels : {1, 3}) {
    // softplus: no kinks for differences to fall on
    const DrunetOptions options = small_drunet_options(DrunetActivation::softplus, channels);
    const Learner<double> learner = DrunetLearner<double>(options);
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

TEST_CASE("DRUNet learner: the model gives the estimates, and starts near the identity") {
  const DrunetLearner<float> author(small_drunet_options());
  const Learner<float> learner = author;
  const Parameters p = learner.initial(Rng(3));
  const Model<float> model = author.to_model(p);
  CHECK(model.kind() == "drunet");
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
  CHECK_THROWS_AS(DrunetLearner<float>(DrunetOptions{1, {4, 0, 4, 4}, 1}), ArgumentError);
}

TEST_CASE("DRUNet learner: learns, and the same bits for any number of threads") {
  const Learner<float> learner = DrunetLearner<float>(small_drunet_options());
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
