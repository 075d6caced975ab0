#include <fejer/algorithms/gradient_step_pnp.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace fejer {
namespace {

template <class X>
constexpr double slack = 16 * static_cast<double>(std::numeric_limits<Real<X>>::epsilon());

}  // namespace

template <class X>
GradientStepPnp<X>::GradientStepPnp(ProxFunction<X> f, SmoothFunction<X> g, const Options& options)
    : f_(std::move(f)), g_(std::move(g)), options_(options) {
  if (!f_.has_value())
    throw ArgumentError("gs-pnp: the data term has no value, without which no decrease is seen");
  const auto inside = [](const char* what, double value, double low, double high) {
    if (!(value > low && value < high))
      throw ArgumentError(std::string("gs-pnp: ") + what + " must lie in (" + std::to_string(low) +
                          ", " + std::to_string(high) + "), got " + std::to_string(value));
  };
  inside("lambda", options.lambda, 0, 1e30);
  inside("shrink", options.shrink, 0, 1);
  inside("decrease", options.decrease, 0, 0.5);
  if (options.first_step != 0) inside("the first step", options.first_step, 0, 1e30);
  if (options.max_backtracks < 0) throw ArgumentError("gs-pnp: max_backtracks cannot be negative");
}

template <class X>
typename GradientStepPnp<X>::State GradientStepPnp<X>::init(Array<X> x0) const {
  State s;
  s.z = x0;
  s.gradient = Array<X>(x0.shape());
  s.objective = f_.value(x0) + options_.lambda * g_.value_and_gradient(x0, s.gradient);
  s.tau = options_.first_step > 0 ? options_.first_step : 1 / options_.lambda;
  s.x = std::move(x0);
  return s;
}

template <class X>
void GradientStepPnp<X>::step(State& s) const {
  Array<X> z(s.x.shape()), next(s.x.shape()), gradient(s.x.shape());
  for (Index tries = 0; tries <= options_.max_backtracks; ++tries) {
    combine<X>(1, s.x, static_cast<Real<X>>(-s.tau * options_.lambda), s.gradient, z);
    f_.prox(z, s.tau, next);
    const double objective =
        f_.value(next) + options_.lambda * g_.value_and_gradient(next, gradient);
    const double change = distance(next, s.x);
    s.residual = std::isfinite(change) ? relative_change(next, s.x) : 1;
    // What values in this precision cannot tell is let pass; a NaN is not: that step was too long.
    const double rounding = slack<X> * std::abs(s.objective);
    if (!(s.objective - objective >= options_.decrease / s.tau * change * change - rounding)) {
      s.tau *= options_.shrink;
      ++s.backtracks;
      continue;
    }
    if (options_.objective_residual)
      s.residual = std::abs(s.objective - objective) / std::max(std::abs(objective), 1e-300);
    s.objective = objective;
    s.x = std::move(next);
    s.z = std::move(z);
    s.gradient = std::move(gradient);
    return;
  }
}

template class GradientStepPnp<float>;
template class GradientStepPnp<double>;
template class GradientStepPnp<std::complex<float>>;
template class GradientStepPnp<std::complex<double>>;

}  // namespace fejer
