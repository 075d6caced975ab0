#pragma once
#include <fejer/function.hpp>
#include <fejer/linear_operator.hpp>

namespace fejer {

/// f(x) = 1/2 ||Ax - y||^2, gradient A*(Ax - y) = A*A x - A*y.
/// x of A's domain, y of its range. The Lipschitz constant is ||A||^2, enclosed by the square of
/// A's norm interval. Cost: value one product with A, gradient one with A*A, both at once one with
/// A and one with A*. `convexity`: a modulus <= the smallest eigenvalue of A*A, where the user
/// knows one.
template <class X, class Y = X>
class LeastSquares {
 public:
  LeastSquares(LinearOperator<X, Y> A, Array<Y> y, double convexity = 0);

  double value(ConstView<X> x) const;
  void gradient(ConstView<X> x, View<X> out) const;
  double value_and_gradient(ConstView<X> x, View<X> out) const;
  Interval lipschitz_interval() const;
  double convexity() const { return convexity_; }

  const LinearOperator<X, Y>& forward_operator() const { return operator_; }
  const Array<Y>& data() const { return data_; }

 private:
  LinearOperator<X, Y> operator_;
  Array<Y> data_;
  Array<X> adjoint_data_;  // A*y
  double convexity_;
};

}  // namespace fejer
