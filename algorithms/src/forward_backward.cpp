#include <fejer/algorithms/forward_backward.hpp>

#include "objective.hpp"

namespace fejer {

template <class X>
ForwardBackward<X>::ForwardBackward(SmoothFunction<X> f, std::optional<ProxFunction<X>> g,
                                    const StepSize& step)
    : f_(std::move(f)),
      g_(std::move(g)),
      // Beyond 1/L descent of a weakly convex f is no longer assured.
      step_(choose_step("forward-backward", step, f_.lipschitz_interval().upper, 1.0,
                        f_.convexity() < 0 ? 1.0 : 2.0)) {}

template <class X>
typename ForwardBackward<X>::State ForwardBackward<X>::init(Array<X> x0) const {
  State s;
  s.x_next = Array<X>(x0.shape());
  s.work = Array<X>(x0.shape());
  s.x = std::move(x0);
  return s;
}

template <class X>
void ForwardBackward<X>::step(State& s) const {
  const auto gamma = static_cast<Real<X>>(step_);
  f_.gradient(s.x, s.x_next);
  combine<X>(1, s.x, -gamma, s.x_next, s.work);
  detail::apply_prox(g_, s.work, step_, s.x_next);
  s.residual = relative_change(s.x_next, s.x);
  std::swap(s.x, s.x_next);
}

template <class X>
double ForwardBackward<X>::objective(const State& s) const {
  return detail::composite_objective(f_, g_, s.x);
}

template class ForwardBackward<float>;
template class ForwardBackward<double>;
template class ForwardBackward<std::complex<float>>;
template class ForwardBackward<std::complex<double>>;

}  // namespace fejer
