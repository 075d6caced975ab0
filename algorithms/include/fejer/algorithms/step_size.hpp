#pragma once
/// Step sizes come from proven bounds; a larger one needs an explicit override.
#include <string>

namespace fejer {

struct StepSize {
  double value = 0;           ///< 0: the default of the algorithm, from the bounds
  bool allow_larger = false;  ///< accept a value beyond the largest one that is known to converge
};

/// The step to use. `bound`: upper end of the Lipschitz constant; `factor`: default = factor/bound;
/// `limit`: steps up to limit/bound are known to converge. Throws ArgumentError for a step that is
/// not positive and finite, beyond limit/bound without `allow_larger`, or for an infinite bound
/// without a value.
double choose_step(const char* algorithm, const StepSize& step, double bound, double factor,
                   double limit);

}  // namespace fejer
