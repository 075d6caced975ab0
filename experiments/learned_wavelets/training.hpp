#pragma once
/// Weights learned by any gradient strategy with a given number of passes, and what they give.
#include <optional>
#include <string>
#include <vector>

#include <fejer/algorithms/equilibrium_gradient.hpp>
#include <fejer/algorithms/warm_states.hpp>

#include "tasks.hpp"

namespace fejer::learned_wavelets {

struct Method {
  std::string name;
  EquilibriumOptions options;
  /// From what the last step on the same sample left; the first iterates until it has settled.
  bool warm = false;
  double share = 1;  ///< of the budget
};

/// unrolled(K), unrolled(K T), DEQ cold and warm, JFB after K T - 1 passes, JFB(K, T - 1) cold,
/// JFB(K, 0) warm; and, to see where exact gradients lead, DEQ warm with three times the passes.
std::vector<Method> methods(Index K, Index T);
Method restarted_warm(Index K);
/// Solves forward and adjoint system as far as single precision goes.
Method reference_method();
/// Iterates to the fixed point.
EquilibriumOptions settle_options();

struct Gradient {
  double loss = 0;       ///< mean over samples and pixels of (S u - truth)^2
  Array<double> value;   ///< of the loss, in theta
  double passes = 0;     ///< products with B*B, forward and back, of all samples
  double unsettled = 0;  ///< samples whose forward or adjoint tolerance was not reached
};
/// Mean over `samples`; each by itself, added in their order.
Gradient gradient(const Problem& problem, const std::vector<std::size_t>& samples,
                  const Array<double>& theta, const Method& method, WarmStates<float>& states);

/// Against the gradient of reference_method() at the same theta, on a few samples.
struct Agreement {
  double cosine = 0, relative_error = 0;
};

struct Learned {
  Array<double> theta;
  Index steps = 0;
  double passes = 0, cpu_seconds = 0, unsettled = 0;
  std::vector<Agreement> agreement;  ///< first step, half of the passes, end; empty unless asked
};
struct Learning {
  double passes = 40000;  ///< the budget
  Index batch = 4;
  double rate = 0.1;   ///< of Adam; falls to 0 with the passes that are left
  double start = 0.1;  ///< all weights
  bool compare = false;
};
Learned learn(const Problem& problem, const Method& method, const Learning& learning);

/// From the start value to the fixed point.
struct Path {
  std::vector<double> psnr;  ///< mean over samples after each of the depths asked for
  double start = 0, settled = 0, loss = 0, passes = 0;
  std::vector<Array<float>> images;  ///< at the fixed point
};
/// From `states` (unless null), and leaving the fixed points there.
Path follow(const Problem& problem, const Array<double>& theta, const std::vector<Index>& depths,
            WarmStates<float>* states = nullptr);

/// One weight for all that minimises the loss at the fixed point: golden-section search over
/// [1e-3, 1], to 10 %; each fixed point from the last.
Learned tune(const Problem& problem);

}  // namespace fejer::learned_wavelets
