#include <fejer/algorithms/safeguarded_accelerated_gradient.hpp>

#include <algorithm>

#include "objective.hpp"

namespace fejer {
namespace {
constexpr double beta = 1.001;
}

template <class X>
SafeguardedAcceleratedGradient<X>::SafeguardedAcceleratedGradient(SmoothFunction<X> f,
                                                                  std::optional<ProxFunction<X>> g,
                                                                  const StepSize& step)
    : f_(std::move(f)),
      g_(std::move(g)),
      step_(choose_step("sagd", step, f_.lipschitz_interval().upper, 1.0, 1.0)),
      weak_convexity_(std::max(0.0, -f_.convexity())) {}

template <class X>
typename SafeguardedAcceleratedGradient<X>::State SafeguardedAcceleratedGradient<X>::init(
    Array<X> x0) const {
  State s;
  s.x_old = x0;
  s.z_old = x0;
  s.z = Array<X>(x0.shape());
  s.gradient = Array<X>(x0.shape());
  s.x = std::move(x0);
  return s;
}

template <class X>
void SafeguardedAcceleratedGradient<X>::step(State& s) const {
  const auto momentum = static_cast<Real<X>>((s.t_old - 1) / s.t);
  combine<X>(1 + momentum, s.x, -momentum, s.x_old, s.z);
  f_.gradient(s.z, s.gradient);
  // z - z_old; z_old is not needed after this.
  combine<X>(1, s.z, -1, s.z_old, s.z_old);
  const double moved = dot(s.z_old, s.z_old);
  if (dot(s.gradient, s.z_old) + weak_convexity_ * beta / 2 * moved > 0) {
    copy<X>(s.x, s.z);
    s.t = s.t_old = 1;
    ++s.restarts;
    f_.gradient(s.z, s.gradient);
  }
  std::swap(s.x, s.x_old);  // x_old <- x
  copy<X>(s.z, s.z_old);
  axpy<X>(static_cast<Real<X>>(-step_), s.gradient, s.z);
  detail::apply_prox(g_, s.z, step_, s.x);
  s.t_old = s.t;
  s.t = (1 + std::sqrt(1 + 4 * s.t * s.t)) / 2;
  s.residual = relative_change(s.x, s.x_old);
}

template <class X>
double SafeguardedAcceleratedGradient<X>::objective(const State& s) const {
  return detail::composite_objective(f_, g_, s.x);
}

template class SafeguardedAcceleratedGradient<float>;
template class SafeguardedAcceleratedGradient<double>;
template class SafeguardedAcceleratedGradient<std::complex<float>>;
template class SafeguardedAcceleratedGradient<std::complex<double>>;

}  // namespace fejer
