#include <fejer/algorithms/prox_pnp.hpp>

#include <cmath>
#include <limits>
#include <string>

namespace fejer {
namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

void require_relaxation(const char* algorithm, double relaxation) {
  if (!(relaxation > 0 && relaxation <= 1))
    throw ArgumentError(std::string(algorithm) + ": the relaxation must lie in (0, 1], got " +
                        std::to_string(relaxation));
}

/// out = x - lambda grad g(x); returns phi(out).
template <class X>
double denoise_step(const SmoothFunction<X>& g, double lambda, ConstView<X> x, View<X> out) {
  const double value = g.value_and_gradient(x, out);
  const double length = lambda * norm<X>(out);
  combine<X>(1, x, static_cast<Real<X>>(-lambda), out, out);
  return lambda * value - length * length / 2;
}

}  // namespace

template <class X>
ProxPnpForwardBackward<X>::ProxPnpForwardBackward(SmoothFunction<X> f, SmoothFunction<X> g,
                                                  const Options& options)
    : f_(std::move(f)),
      g_(std::move(g)),
      relaxation_(options.relaxation),
      step_(choose_step("prox-pnp", options.step, f_.lipschitz_interval().upper, 1.0, 1.0)) {
  require_relaxation("prox-pnp", relaxation_);
}

template <class X>
typename ProxPnpForwardBackward<X>::State ProxPnpForwardBackward<X>::init(Array<X> x0) const {
  State s;
  s.next = Array<X>(x0.shape());
  s.work = Array<X>(x0.shape());
  s.phi = unknown;
  s.x = std::move(x0);
  return s;
}

template <class X>
void ProxPnpForwardBackward<X>::step(State& s) const {
  f_.gradient(s.x, s.next);
  combine<X>(1, s.x, static_cast<Real<X>>(-step_), s.next, s.work);
  s.phi = denoise_step<X>(g_, relaxation_, s.work, s.next);
  s.residual = relative_change(s.next, s.x);
  std::swap(s.x, s.next);
}

template <class X>
double ProxPnpForwardBackward<X>::objective(const State& s) const {
  return std::isnan(s.phi) ? unknown : f_.value(s.x) + s.phi / step_;
}

template <class X>
ProxPnpDouglasRachford<X>::ProxPnpDouglasRachford(ProxFunction<X> f, SmoothFunction<X> g,
                                                  const Options& options)
    : f_(std::move(f)), g_(std::move(g)), options_(options) {
  require_relaxation("prox-drs", options.relaxation);
  if (!(options.step > 0) || !std::isfinite(options.step))
    throw ArgumentError("prox-drs: the step must be positive and finite, got " +
                        std::to_string(options.step));
  if (!f_.has_value())
    throw ArgumentError("prox-drs: the data term has no value, without which there is no envelope");
}

template <class X>
typename ProxPnpDouglasRachford<X>::State ProxPnpDouglasRachford<X>::init(Array<X> x0) const {
  State s;
  s.u = x0;
  s.v = Array<X>(x0.shape());
  s.envelope = unknown;
  s.x = std::move(x0);
  return s;
}

template <class X>
void ProxPnpDouglasRachford<X>::step(State& s) const {
  const double phi = denoise_step<X>(g_, options_.relaxation, s.x, s.u);
  Array<X> reflected(s.x.shape());
  combine<X>(2, s.u, -1, s.x, reflected);
  f_.prox(reflected, options_.step, s.v);
  // With d = v - u: <x - u, d> + 1/2 ||d||^2.
  const double f = f_.value(s.v);
  combine<X>(1, s.x, -1, s.u, reflected);
  axpy<X>(-1, s.u, s.v);
  const double moved = norm(s.v);
  const double envelope = f + (phi + dot(reflected, s.v) + moved * moved / 2) / options_.step;
  axpy<X>(1, s.v, s.x);
  const double change = std::abs(envelope - s.envelope), size = std::abs(s.envelope);
  s.residual = s.iteration == 0 ? 1 : (size > 0 ? change / size : change);
  s.envelope = envelope;
}

template class ProxPnpForwardBackward<float>;
template class ProxPnpForwardBackward<double>;
template class ProxPnpDouglasRachford<float>;
template class ProxPnpDouglasRachford<double>;

}  // namespace fejer
