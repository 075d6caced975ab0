#include <fejer/algorithms/step_size.hpp>

#include <cmath>

#include <fejer/error.hpp>

namespace fejer {

double choose_step(const char* algorithm, const StepSize& step, double bound, double factor,
                   double limit) {
  const std::string who = algorithm;
  if (step.value == 0) {
    if (!std::isfinite(bound))
      throw ArgumentError(who +
                          ": no upper bound of the Lipschitz constant is known; state a "
                          "norm_interval or give step_size with allow_larger");
    return bound > 0 ? factor / bound : 1.0;
  }
  if (!(step.value > 0) || !std::isfinite(step.value))
    throw ArgumentError(who + ": step_size " + std::to_string(step.value) +
                        " must be positive and finite");
  if (step.value * bound > limit * (1 + 1e-12) && !step.allow_larger)
    throw ArgumentError(who + ": step_size " + std::to_string(step.value) +
                        " is beyond the largest one known to converge, " +
                        std::to_string(limit / bound) +
                        "; set allow_larger to use it all the same");
  return step.value;
}

}  // namespace fejer
