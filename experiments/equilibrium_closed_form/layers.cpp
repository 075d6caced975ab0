#include "layers.hpp"
#include "dense.hpp"

#include <cmath>

namespace fejer::equilibrium_closed_form {
namespace {

template <class T>
Eigen::Map<const Vector<T>> in(ConstView<T> x) {
  return {x.data(), x.size()};
}
template <class T>
Eigen::Map<Vector<T>> to(View<T> x) {
  return {x.data(), x.size()};
}

template <class T>
double product(const Vector<T>& a, const Vector<T>& b) {
  return a.template cast<double>().dot(b.template cast<double>());
}

}  // namespace

template <class T>
GradientLayer<T> GradientLayer<T>::moved(Index i, double by) const {
  GradientLayer other = *this;
  if (i == number) other.lambda *= std::exp(by);
  if (count == 1 && i == 1) other.tau *= std::exp(by);
  return other;
}

template <class T>
void GradientLayer<T>::forward(ConstView<T> x, View<T> out, Saved* saved) const {
  const auto v = in(x);
  if (saved != nullptr) *saved = v;
  to(out) = v - static_cast<T>(tau) * (f.A * (f.A * v) - f.Ay + static_cast<T>(lambda) * (f.P * v));
}

template <class T>
void GradientLayer<T>::vjp(const Saved& x, ConstView<T> u, View<T> xbar, Gradient* gradient) const {
  const Vector<T> w = in(u), smooth = f.P * x;
  if (gradient != nullptr) {
    const double by_lambda = -tau * lambda * product<T>(w, smooth);
    (*gradient)[number] += by_lambda;
    if (count == 1) {
      const Vector<T> slope = f.A * (f.A * x) - f.Ay + static_cast<T>(lambda) * smooth;
      (*gradient)[1] -= tau * product<T>(w, slope);
    }
  }
  to(xbar) = w - static_cast<T>(tau) * (f.A * (f.A * w) + static_cast<T>(lambda) * (f.P * w));
}

template <class T>
double GradientLayer<T>::lipschitz_bound() const {
  const Matrix<T> H = f.A * f.A + static_cast<T>(lambda) * f.P;
  return (1 - tau * eigenvalues(Matrix<double>(H.template cast<double>())).array())
      .abs()
      .maxCoeff();
}

template <class T>
SmoothingLayer<T>::SmoothingLayer(Quadratic<T> quadratic, double c_, double tau_)
    : f(std::move(quadratic)), c(c_), tau(tau_) {
  const Matrix<double> P = f.P.template cast<double>(),
                       I = Matrix<double>::Identity(P.rows(), P.cols());
  smoothing = solve(I + c * P, I).template cast<T>();
}

template <class T>
SmoothingLayer<T> SmoothingLayer<T>::moved(Index i, double by) const {
  return {f, i == 0 ? c * std::exp(by) : c, i == 1 ? tau * std::exp(by) : tau};
}

template <class T>
void SmoothingLayer<T>::forward(ConstView<T> x, View<T> out, Saved* saved) const {
  const Vector<T> residual = f.A * (f.A * in(x)) - f.Ay;
  to(out) = smoothing * (in(x) - static_cast<T>(tau) * residual);
  if (saved != nullptr) *saved = {residual, to(out)};
}

template <class T>
void SmoothingLayer<T>::vjp(const Saved& saved, ConstView<T> u, View<T> xbar,
                            Gradient* gradient) const {
  const Vector<T> w = smoothing * in(u);
  if (gradient != nullptr) {
    (*gradient)[0] -= c * product<T>(w, f.P * saved.out);
    (*gradient)[1] -= tau * product<T>(w, saved.residual);
  }
  to(xbar) = w - static_cast<T>(tau) * (f.A * (f.A * w));
}

template <class T>
LassoLayer<T> LassoLayer<T>::moved(Index i, double by) const {
  LassoLayer other = *this;
  other.omega[i] += static_cast<T>(by);
  return other;
}

template <class T>
void LassoLayer<T>::forward(ConstView<T> x, View<T> out, Saved* saved) const {
  const Vector<T> v = in(x) - static_cast<T>(tau) * (A.transpose() * (A * in(x)-y));
  if (saved != nullptr) *saved = v;
  for (Index j = 0; j < v.size(); ++j) {
    const T threshold = static_cast<T>(tau) * std::exp(omega[j]);
    out[j] = std::copysign(std::max(T(0), std::abs(v[j]) - threshold), v[j]);
  }
}

template <class T>
void LassoLayer<T>::vjp(const Saved& v, ConstView<T> u, View<T> xbar, Gradient* gradient) const {
  Vector<T> w = in(u);
  for (Index j = 0; j < v.size(); ++j) {
    const T threshold = static_cast<T>(tau) * std::exp(omega[j]);
    if (std::abs(v[j]) <= threshold) {
      w[j] = 0;
    } else if (gradient != nullptr) {
      (*gradient)[j] -= static_cast<double>(std::copysign(threshold, v[j]) * w[j]);
    }
  }
  to(xbar) = w - static_cast<T>(tau) * (A.transpose() * (A * w));
}

AffineLayer AffineLayer::moved(Index, double by) const { return {J, B, theta + by}; }

void AffineLayer::forward(ConstView<double> x, View<double> out, Saved*) const {
  to(out) = J * in(x) + theta * B;
}

void AffineLayer::vjp(const Saved&, ConstView<double> u, View<double> xbar,
                      Gradient* gradient) const {
  if (gradient != nullptr) (*gradient)[0] += B.dot(in(u));
  to(xbar) = J.transpose() * in(u);
}

void SineLayer::forward(ConstView<double> x, View<double> out, Saved* saved) const {
  if (saved != nullptr) *saved = x[0];
  out[0] = 0.7 * std::sin(x[0]) + theta;
}

void SineLayer::vjp(const Saved& x, ConstView<double> u, View<double> xbar,
                    Gradient* gradient) const {
  if (gradient != nullptr) (*gradient)[0] += u[0];
  xbar[0] = 0.7 * std::cos(x) * u[0];
}

template struct GradientLayer<float>;
template struct GradientLayer<double>;
template struct SmoothingLayer<float>;
template struct SmoothingLayer<double>;
template struct LassoLayer<float>;
template struct LassoLayer<double>;

}  // namespace fejer::equilibrium_closed_form
