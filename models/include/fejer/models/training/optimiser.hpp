#pragma once
/// First-order optimisers over Parameters, their learning rates, and averages of the parameters.
#include <map>
#include <string>
#include <vector>

#include <fejer/models/training/parameters.hpp>

namespace fejer {

enum class OptimiserKind { adam, adamax, adagrad, sgd };
/// "adam", …; throws ArgumentError for other names.
OptimiserKind optimiser_from(const std::string& name);
const std::vector<std::string>& optimiser_names();

struct OptimiserOptions {
  OptimiserKind kind = OptimiserKind::adam;
  double rate = 1e-3;
  std::map<std::string, double> group_rates{};  ///< instead of `rate`, for groups of parameters
  double beta1 = 0.9, beta2 = 0.999;            ///< adam, adamax
  double epsilon = 1e-8;                        ///< adam, adamax, adagrad
  double momentum = 0;                          ///< sgd
};

/// With the gradient g, the learning rate r of a parameter's group times the schedule's factor, and
/// t = 1, 2, … counting steps:
///   adam     m <- b1 m + (1-b1) g, v <- b2 v + (1-b2) g^2,
///            p <- p - r (m / (1-b1^t)) / (sqrt(v / (1-b2^t)) + eps)   (Kingma, Ba, ICLR 2015)
///   adamax   m as above, u <- max(b2 u, |g| + eps), p <- p - r / (1-b1^t) m / u
///   adagrad  v <- v + g^2, p <- p - r g / (sqrt(v) + eps)   (Duchi, Hazan, Singer, JMLR 2011)
///   sgd      m <- momentum m + g, p <- p - r m
/// as PyTorch rounds them up to the order of operations. All that changes is in State.
class Optimiser {
 public:
  struct State {
    Index step = 0;
    Parameters first, second;  ///< m; v or u (empty values where the kind has none)
  };

  /// Throws ArgumentError for options out of range, and for a group that `parameters` does not
  /// have.
  Optimiser(OptimiserOptions options, const Parameters& parameters);
  State initial(const Parameters& parameters) const;
  void step(const Parameters& gradient, double factor, State& state, Parameters& parameters) const;

 private:
  OptimiserOptions options_;
};

/// The factor of all learning rates at a step, step = 0, 1, …
struct Schedule {
  enum class Kind {
    constant,
    step,    ///< decay^min(floor(step / every), at_most)
    cosine,  ///< (1 + cos(pi step / over)) / 2, 0 from `over` on
  };
  Kind kind = Kind::constant;
  double decay = 0.75;
  Index every = 500, at_most = 10;
  Index over = 1;
  Index warm_up = 0;  ///< steps of a linear rise: times min(1, (step + 1) / warm_up)
  double factor(Index step) const;
};
const std::vector<std::string>& schedule_names();
Schedule::Kind schedule_from(const std::string& name);

/// gradient <- gradient min(1, largest / ||gradient||); returns the norm before. largest = 0: as
/// is.
double clip_norm(Parameters& gradient, double largest);

/// average <- d average + (1-d) parameters, d = min(decay, (1+step) / (10+step)): early values are
/// forgotten faster.
void update_average(double decay, Index step, const Parameters& parameters, Parameters& average);

}  // namespace fejer
