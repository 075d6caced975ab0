#pragma once
/// Samples for learners of DRUNets, and their loss as a function of the parameters.
#include <string>
#include <vector>

#include <fejer/models/training/learner.hpp>

#include "../small_drunet.hpp"
#include "differences.hpp"

namespace fejer_test {

/// Two samples of different levels, whose sizes are no multiples of 8.
struct DenoisingPairs {
  std::vector<fejer::Array<double>> inputs, targets;
  fejer::Shard<double> shard;
  explicit DenoisingPairs(fejer::Index channels) {
    for (const char* name : {"a", "b"}) {
      inputs.push_back(random_array({channels, 9, 11}, std::string("input ") + name));
      targets.push_back(random_array({channels, 9, 11}, std::string("target ") + name));
    }
    for (std::size_t i = 0; i < 2; ++i)
      shard.push_back({inputs[i], targets[i], i == 0 ? 0.05 : 0.4, i});
  }
};

/// Sum of the samples' losses and the learner's own terms, and its gradient unless null.
inline double shard_loss(const fejer::Learner<double>& learner, const fejer::Shard<double>& shard,
                         const fejer::Parameters& at, fejer::Parameters* gradient) {
  const auto prepared = learner.prepare(at);
  fejer::Parameters effective = learner.effective_zeros(prepared);
  fejer::Figures figures;
  const double value = learner.shard_gradient(prepared, shard, half_square, effective, figures);
  if (gradient != nullptr) *gradient = learner.pull_back(at, prepared, effective);
  return value;
}

/// Weights that all move the output, other than those of a start near the identity.
inline fejer::Parameters random_parameters(const fejer::Learner<double>& learner,
                                           const fejer::DrunetOptions& options) {
  fejer::Parameters p = learner.initial(fejer::Rng(3));
  const std::vector<fejer::Array<double>> weights = random_drunet_weights(options);
  for (std::size_t k = 0; k < weights.size(); ++k) p.entries()[k].value = weights[k];
  return p;
}

/// Of the gradient of shard_loss for one entry, against differences of every 17th element.
inline double shard_gradient_error(const fejer::Learner<double>& learner,
                                   const fejer::Shard<double>& shard, const fejer::Parameters& p,
                                   const fejer::Parameters& gradient, const std::string& name) {
  const auto value = [&](const fejer::Array<double>& v) {
    fejer::Parameters moved = p;
    moved[name] = v;
    return shard_loss(learner, shard, moved, nullptr);
  };
  return gradient_error(value, p[name], gradient[name], 1e-5, 17);
}

}  // namespace fejer_test
