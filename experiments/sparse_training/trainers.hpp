#pragma once
/// The ways to train, with what a record says of each.
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include <fejer/algorithms/inexact_augmented_lagrangian.hpp>
#include <fejer/models/training/optimiser.hpp>

#include "problem.hpp"

namespace fejer::sparse_training {

struct Trained {
  Array<double> p;
  nlohmann::ordered_json record;
  double objective() const { return record.at("objective").get<double>(); }
};

/// `sweeps` outer iterations over run(), the state in `state_file` with a hash of problem, options
/// and start after its name: with `resume` it goes on from there, bit for bit. CPU seconds are
/// those of this process.
Trained by_ialm(const Problem& problem, const Array<double>& start,
                const AugmentedLagrangianOptions& options, Index sweeps,
                const std::string& state_file, bool resume);

/// An optimiser on F's subgradients (0 for the norm of a zero column), or, proximal, on those of F
/// without its group norms, each step followed by their prox with the step's rate.
struct Stochastic {
  OptimiserOptions optimiser;
  bool proximal = false;  ///< of sgd without momentum only, whose steps the prox fits
};

/// Random batches of 64, cosine decay to 0 over `steps`.
Trained by_batches(const Problem& problem, const Array<double>& start, const Stochastic& how,
                   Index steps, const Rng& rng);

/// A stochastic method to compare with.
struct Baseline {
  const char* name;
  OptimiserKind kind;
  bool proximal;
  double momentum, rate;  ///< the middle one of the first three rates
  Stochastic with_rate(double value) const {
    return {{.kind = kind, .rate = value, .momentum = momentum}, proximal};
  }
};

/// adam, adamax, adagrad, sgd with momentum 0.9, proximal_sgd.
const std::vector<Baseline>& baselines();

/// The best of three rates a factor 3 apart, and of further ones as long as the best is at an end
/// (`few`: of the three); all go to `tried`, with their objectives.
double tuned_rate(const Baseline& baseline, const std::function<double(double rate)>& objective,
                  bool few, nlohmann::ordered_json& tried);

/// Full-batch proximal gradient: p+ = prox(p - t g), t halved until F without its group norms is at
/// p+ at most its linear model at p plus ||p+ - p||^2 / 2t, and 1.05 times as large in the next
/// step. Ends after `gradients` evaluations, or where no t above 1e-12 will do.
Trained by_proximal_gradient(const Problem& problem, const Array<double>& start, Index gradients);

}  // namespace fejer::sparse_training
