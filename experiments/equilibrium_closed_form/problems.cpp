#include "problems.hpp"
#include "dense.hpp"

#include <numbers>

namespace fejer::equilibrium_closed_form {
namespace {

constexpr Index n = 64;

Matrix<double> circulant(const Vector<double>& first_column) {
  Matrix<double> C(n, n);
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) C(i, j) = first_column[(i - j + n) % n];
  return C;
}

Matrix<double> blur() {
  Vector<double> a = Vector<double>::Zero(n);
  for (Index k = -4; k <= 4; ++k)
    a[(k + n) % n] = std::exp(-0.5 * std::pow(static_cast<double>(k) / 1.2, 2));
  return circulant(a / a.sum());
}

Array<double> to_array(const Vector<double>& v) {
  Array<double> a(Shape{v.size()});
  std::copy(v.begin(), v.end(), a.begin());
  return a;
}

Vector<double> to_vector(const Array<double>& a) {
  return Eigen::Map<const Vector<double>>(a.data(), a.size());
}

}  // namespace

Array<double> tikhonov_truth() {
  Array<double> x(Shape{n});
  for (Index i = 0; i < n; ++i) x[i] = (i >= 16 && i < 40 ? 1 : 0) + (i >= 28 && i < 52 ? 0.5 : 0);
  return x;
}

Array<double> tikhonov_data() {
  Vector<double> y = blur() * to_vector(tikhonov_truth());
  for (Index i = 0; i < n; ++i) y[i] += 0.05 * std::sin(1.7 * static_cast<double>(i * i) + 0.3);
  return to_array(y);
}

template <class T>
Quadratic<T> tikhonov() {
  Vector<double> p = Vector<double>::Zero(n);
  p[0] = 2;
  p[1] = p[n - 1] = -1;
  const Matrix<double> A = blur();
  const Vector<double> Ay = A * to_vector(tikhonov_data());
  return {A.cast<T>(), circulant(p).cast<T>(), Ay.cast<T>()};
}

GradientLayer<double> tikhonov_layer(double tau) { return {tikhonov<double>(), 0.05, tau}; }

Array<double> lasso_truth() {
  return to_array((Vector<double>(8) << 1.5, 0, 0, -1, 0, 0.8, 0, 0).finished());
}

template <class T>
LassoLayer<T> lasso() {
  Matrix<double> A(12, 8);
  for (Index i = 0; i < 12; ++i)
    for (Index j = 0; j < 8; ++j)
      A(i, j) = std::cos(0.7 * static_cast<double>((i + 1) * (j + 1))) / std::sqrt(6.0);
  Vector<double> y = A * to_vector(lasso_truth()), omega(8);
  for (Index i = 0; i < 12; ++i) y[i] += 0.1 * std::sin(2.3 * static_cast<double>(i + 1));
  for (Index j = 0; j < 8; ++j) omega[j] = std::log(0.15) + 0.1 * static_cast<double>(j);
  const Vector<double> h = eigenvalues(Matrix<double>(A.transpose() * A));
  return {A.cast<T>(), y.cast<T>(), omega.cast<T>(), 1 / h.maxCoeff()};
}

LassoLayer<double> diagonal_lasso() {
  Vector<double> a(4), y(4), weights(4);
  a << 1, 0.8, 0.5, 0.3;
  y << 2, -1.5, 1, 0.2;
  weights << 0.1, 0.2, 0.1, 0.5;
  return {a.asDiagonal(), y, weights.array().log(), 1};
}

Array<double> diagonal_truth() {
  return to_array((Vector<double>(4) << 1.8, -1.6, 2.2, 0.1).finished());
}

EquilibriumOptions exact_options(AdjointSolver solver) {
  EquilibriumOptions o;
  o.strategy = GradientStrategy::implicit;
  o.tolerance = 3e-15;
  o.max_passes = 20000;
  o.adjoint = solver;
  o.adjoint_tolerance = 1e-12;
  return o;
}

EquilibriumOptions restarted_options(Index K, Index R) {
  EquilibriumOptions o = exact_options();
  o.strategy = GradientStrategy::restarted;
  o.depth = K;
  o.restarts = std::max<Index>(0, R);
  o.until_tolerance = R < 0;
  return o;
}

EquilibriumOptions unrolled_options(Index K) {
  EquilibriumOptions o;
  o.strategy = GradientStrategy::unrolled;
  o.depth = K;
  return o;
}

double cosine(const Array<double>& a, const Array<double>& b) {
  return dot(a, b) / (norm(a) * norm(b));
}

double relative(const Array<double>& a, const Array<double>& b) { return distance(a, b) / norm(b); }

template Quadratic<float> tikhonov();
template Quadratic<double> tikhonov();
template LassoLayer<float> lasso();
template LassoLayer<double> lasso();

}  // namespace fejer::equilibrium_closed_form
