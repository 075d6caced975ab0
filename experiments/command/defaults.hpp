#pragma once
/// Every default that follows from the problem, in one place.
#include <optional>
#include <string>

#include <fejer/array.hpp>

namespace fejer::command {

/// What the defaults may depend on. The noise level is in the unit that the prior sees.
struct Situation {
  std::string prior;  ///< none, tv, model, pnp
  std::string operator_kind;
  double noise_level = 0;
  std::optional<double> model_noise_level;  ///< the one level a model was trained for
  std::string algorithm = {};               ///< of pnp: see pnp_algorithm
};

/// TV: noise_level^2 / 0.1, so that 1/2 ||Ax - y||^2 / noise_level^2 + TV(x) / 0.1.
/// model: (noise_level / sigma)^2, since R(x; sigma) / sigma^2 stands for -log p(x); 1 for denoise.
/// pnp-fbs, pnp-drs and prox-pnp: 1, the relaxation; prox-drs: 1/2. gs-pnp 0.1, dpir 0.23, as
/// published.
double default_lambda(const Situation& situation, double sigma);

/// Beyond these levels learned priors were not trained: ridge models, networks for many levels.
constexpr double largest_ridge_level = 30.0 / 255, largest_network_level = 50.0 / 255;

/// A model's own level where it has but one; the noise level for denoise and dpir (its last one);
/// 1.8 times that for gs-pnp, half of it, but at least 1.9/255, for prox-pnp, as published; 2, 1
/// and 0.75 times that for prox-drs at 2.55, 7.65 and 12.75/255, as published, linear in the
/// logarithm of the noise level in between and constant beyond; otherwise twice the noise level,
/// between 5/255 and 30/255.
double default_sigma(const Situation& situation);

/// Step size times ||A||^2: 1; prox-pnp 0.99, prox-drs 5, 1.5 and 1 at the noise levels above, as
/// published, its logarithm linear in that of the noise level in between.
double default_step(const Situation& situation);

/// prox-drs: 1e-8 on the relative change of its envelope, as published.
double default_tolerance(const Situation& situation);
Index default_max_iterations(const Situation& situation);

/// The published solver of the ridge denoisers.
constexpr double denoise_tolerance = 1e-4;
constexpr Index denoise_max_iterations = 500;

/// Stands in for a noise level of 0, where a weight of 0 would switch the prior off.
constexpr double smallest_noise_level = 1e-3;

}  // namespace fejer::command
