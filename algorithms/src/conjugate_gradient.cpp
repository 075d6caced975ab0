#include <fejer/algorithms/conjugate_gradient.hpp>

namespace fejer {

template <class X, class Y>
ConjugateGradient<X, Y>::ConjugateGradient(LinearOperator<X, Y> A, Array<Y> y, double mu)
    : A_(std::move(A)), y_(std::move(y)), right_hand_side_(A_.apply_adjoint(y_)), mu_(mu) {
  if (!(mu >= 0)) throw ArgumentError("cg: mu must be 0 or more");
}

template <class X, class Y>
void ConjugateGradient<X, Y>::normal(const Array<X>& x, Array<X>& out) const {
  A_.normal(x, out);
  if (mu_ > 0) axpy<X>(static_cast<Real<X>>(mu_), x, out);
}

template <class X, class Y>
typename ConjugateGradient<X, Y>::State ConjugateGradient<X, Y>::init(Array<X> x0) const {
  require_shape("cg: starting point", x0.shape(), A_.domain());
  State s;
  s.q = Array<X>(x0.shape());
  normal(x0, s.q);
  s.r = right_hand_side_;
  axpy<X>(-1, s.q, s.r);
  s.p = s.r;
  s.rr = dot(s.r, s.r);
  s.x = std::move(x0);
  return s;
}

template <class X, class Y>
void ConjugateGradient<X, Y>::step(State& s) const {
  normal(s.p, s.q);
  const double curvature = dot(s.p, s.q);
  // p = 0 or in the kernel of A: x is a minimiser already.
  if (!(curvature > 0)) {
    s.residual = std::isnan(curvature) ? curvature : 0;
    return;
  }
  const double alpha = s.rr / curvature;
  axpy<X>(static_cast<Real<X>>(alpha), s.p, s.x);
  axpy<X>(static_cast<Real<X>>(-alpha), s.q, s.r);
  const double size = norm(s.x);
  const double change = alpha * norm(s.p);
  s.residual = size > 0 ? change / size : change;
  const double rr = dot(s.r, s.r);
  combine<X>(1, s.r, static_cast<Real<X>>(rr / s.rr), s.p, s.p);
  s.rr = rr;
}

template <class X, class Y>
double ConjugateGradient<X, Y>::objective(const State& s) const {
  const Array<Y> fitted = A_.apply(s.x);
  const double misfit = distance(fitted, y_);
  const double size = norm(s.x);
  return misfit * misfit / 2 + mu_ * size * size / 2;
}

template class ConjugateGradient<float>;
template class ConjugateGradient<double>;
template class ConjugateGradient<std::complex<float>>;
template class ConjugateGradient<std::complex<double>>;

}  // namespace fejer
