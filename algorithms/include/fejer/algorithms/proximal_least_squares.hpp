#pragma once
#include <fejer/algorithms/run.hpp>
#include <fejer/linear_operator.hpp>

namespace fejer {

/// f(x) = 1/2 ||Ax - y||^2 as a function with a prox,
///   prox_{gamma f}(v) = (I + gamma A*A)^{-1} (v + gamma A*y),
/// by conjugate gradients from v on (A*A + 1/gamma) d = A*(y - A v), x = v + d, until the residual
/// is `tolerance` times what it was at first, or `max_products` have been spent: about
/// 1/2 sqrt(1 + gamma ||A||^2) ln(2 / tolerance) products with A*A.
template <class X, class Y = X>
class ProximalLeastSquares {
 public:
  struct Options {
    double tolerance = 1e-6;
    Index max_products = 500;
  };
  ProximalLeastSquares(LinearOperator<X, Y> A, Array<Y> y, const Options& options = {1e-6, 500});
  void prox(ConstView<X> v, double gamma, View<X> out) const;
  double value(ConstView<X> x) const;

 private:
  LinearOperator<X, Y> A_;
  Array<Y> y_;
  Options options_;
};

}  // namespace fejer
