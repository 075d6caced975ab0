#pragma once
#include <fejer/algorithms/run.hpp>
#include <fejer/linear_operator.hpp>

namespace fejer {

/// Conjugate gradients on the normal equations (A*A + mu I) x = A*y, mu >= 0, that is for
///   min_x 1/2 ||Ax - y||^2 + mu/2 ||x||^2
/// (Hestenes, Stiefel 1952). For real and complex arrays alike, with the real inner product.
/// Cost of a step: one A*A.
template <class X, class Y = X>
class ConjugateGradient {
 public:
  using Scalar = X;
  struct State {
    Array<X> x, r, p, q;
    double rr = 0;  ///< ||r||^2, r the residual of the normal equations
    Index iteration = 0;
    double residual = 0;
    template <class V>
    void visit(V&& v) {
      v("x", x), v("r", r), v("p", p), v("rr", rr), v("iteration", iteration),
          v("residual", residual);
    }
  };
  ConjugateGradient(LinearOperator<X, Y> A, Array<Y> y, double mu = 0);
  State init(Array<X> x0) const;
  void step(State& s) const;
  const Array<X>& solution(const State& s) const { return s.x; }
  double objective(const State& s) const;
  const char* name() const { return "cg"; }

 private:
  void normal(const Array<X>& x, Array<X>& out) const;
  LinearOperator<X, Y> A_;
  Array<Y> y_;
  Array<X> right_hand_side_;
  double mu_;
};

}  // namespace fejer
