#include <fejer/algorithms/accelerated_forward_backward.hpp>

#include "objective.hpp"

namespace fejer {

template <class X>
AcceleratedForwardBackward<X>::AcceleratedForwardBackward(SmoothFunction<X> f,
                                                          std::optional<ProxFunction<X>> g,
                                                          const StepSize& step, bool restart)
    : f_(std::move(f)),
      g_(std::move(g)),
      step_(choose_step(name(), step, f_.lipschitz_interval().upper, 1.0, 1.0)),
      restart_(restart) {}

template <class X>
typename AcceleratedForwardBackward<X>::State AcceleratedForwardBackward<X>::init(
    Array<X> x0) const {
  State s;
  s.z = x0;
  s.x_next = Array<X>(x0.shape());
  s.work = Array<X>(x0.shape());
  s.x = std::move(x0);
  return s;
}

template <class X>
void AcceleratedForwardBackward<X>::step(State& s) const {
  f_.gradient(s.z, s.x_next);
  combine<X>(1, s.z, static_cast<Real<X>>(-step_), s.x_next, s.work);
  detail::apply_prox(g_, s.work, step_, s.x_next);
  s.residual = relative_change(s.x_next, s.x);
  // <z - x+, x+ - x> > 0: the momentum points uphill.
  combine<X>(1, s.x_next, -1, s.x, s.work);
  combine<X>(1, s.z, -1, s.x_next, s.z);
  const bool uphill = dot(s.z, s.work) > 0;
  if (restart_ && uphill) {
    s.t = 1;
    ++s.restarts;
    copy<X>(s.x_next, s.z);
  } else {
    const double t_next = (1 + std::sqrt(1 + 4 * s.t * s.t)) / 2;
    combine<X>(1, s.x_next, static_cast<Real<X>>((s.t - 1) / t_next), s.work, s.z);
    s.t = t_next;
  }
  std::swap(s.x, s.x_next);
}

template <class X>
double AcceleratedForwardBackward<X>::objective(const State& s) const {
  return detail::composite_objective(f_, g_, s.x);
}

template class AcceleratedForwardBackward<float>;
template class AcceleratedForwardBackward<double>;
template class AcceleratedForwardBackward<std::complex<float>>;
template class AcceleratedForwardBackward<std::complex<double>>;

}  // namespace fejer
