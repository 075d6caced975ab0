#pragma once
/// Operators as explicit real matrices, for tests on tiny shapes. A complex element counts as two
/// real ones (real part, imaginary part), which is what the real inner product sees.
#include <Eigen/Core>

#include <fejer/linear_operator.hpp>

namespace fejer_test {

template <class X>
Eigen::VectorXd as_real(const fejer::Array<X>& x) {
  constexpr fejer::Index parts = fejer::is_complex<X> ? 2 : 1;
  const auto* p = reinterpret_cast<const fejer::Real<X>*>(x.data());
  Eigen::VectorXd v(parts * x.size());
  for (Eigen::Index i = 0; i < v.size(); ++i) v[i] = static_cast<double>(p[i]);
  return v;
}

/// Column i is the image of the i-th real unit vector of `domain` under `map`.
template <class X, class Map>
Eigen::MatrixXd columns(const fejer::Shape& domain, Map map) {
  constexpr fejer::Index parts = fejer::is_complex<X> ? 2 : 1;
  Eigen::MatrixXd matrix;
  for (fejer::Index i = 0; i < parts * domain.size(); ++i) {
    fejer::Array<X> unit(domain);
    reinterpret_cast<fejer::Real<X>*>(unit.data())[i] = 1;
    const Eigen::VectorXd image = as_real(map(unit));
    if (i == 0) matrix.resize(image.size(), parts * domain.size());
    matrix.col(i) = image;
  }
  return matrix;
}

template <class X, class Y>
Eigen::MatrixXd dense(const fejer::LinearOperator<X, Y>& A) {
  return columns<X>(A.domain(), [&](const fejer::Array<X>& x) { return A.apply(x); });
}
template <class X, class Y>
Eigen::MatrixXd dense_adjoint(const fejer::LinearOperator<X, Y>& A) {
  return columns<Y>(A.range(), [&](const fejer::Array<Y>& y) { return A.apply_adjoint(y); });
}

}  // namespace fejer_test
