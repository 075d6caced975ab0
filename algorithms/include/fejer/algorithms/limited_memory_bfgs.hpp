#pragma once
#include <fejer/algorithms/run.hpp>
#include <fejer/function.hpp>

namespace fejer {

/// L-BFGS (Nocedal, Math. Comp. 35, 1980) for min f(x), f smooth, with a guard in place of a line
/// search. Of the last `memory` pairs s = x+ - x, y = grad f(x+) - grad f(x) it makes H, an
/// approximation of the inverse Hessian, and tries x+ = x - H grad f(x). With L the Lipschitz
/// constant of grad f and w = -convexity of f (f + w/2 ||.||^2 is convex, its gradient (L + w)-
/// Lipschitz, hence co-coercive) gradients alone show that
///   f(x+) - f(x) <= B = <grad f(x+), s> + w/2 ||s||^2 - ||y + w s||^2 / (2 (L + w)),
/// and x+ is accepted where B <= 1e-4 <grad f(x), s>; for w > 0, where B is loose, also where
/// f(x+) - f(x), computed with the gradients, is that small. Else the pair of x+, which has seen
/// the curvature that was underestimated, is remembered, and H of the new pairs tries again from x.
/// After eight failures, or where a pair cannot be used, the pairs are dropped for
/// x+ = x - grad f(x)/L.
///
/// Convergence. Either step lowers f: by the test, or by ||grad f(x)||^2/(2 L). Only pairs with
/// <s, y> >= 1e-6 L ||s||^2 and ||y||^2 <= 10 L <s, y> (for convex f L will do) are remembered, so
/// the eigenvalues of H lie in a fixed interval [a, b], a > 0 (as in Liu, Nocedal, Math. Program.
/// 45, 1989), and an accepted step lowers f by at least 1e-4 a ||grad f(x)||^2. So f never rises,
/// and where it is bounded below sum ||grad f(x_k)||^2 is finite: grad f(x_k) -> 0, for weakly
/// convex f too; for strongly convex f the iterates converge linearly to the minimiser. No second
/// derivatives are asked for: f may be piecewise quadratic. The guard is as sure as L and the
/// convexity that f states.
///
/// Cost of a step: one gradient (for w > 0 with the value), and another for every trial that is
/// refused; 4 memory + 6 passes over vectors; 2 memory + 5 vectors are kept.
template <class X>
class LimitedMemoryBfgs {
 public:
  using Scalar = X;
  struct State {
    Array<X> x, gradient;
    Array<X> steps, changes;  ///< s and y, (memory, size of x)
    Array<double> curvature;  ///< <s, y> of each pair
    Array<X> x_next, gradient_next, direction;
    double value = 0, value_next = 0;  ///< f at x, where w > 0
    Index pairs = 0, newest = 0;       ///< how many there are, and which is the last
    double scale = 0;                  ///< H without pairs: <s, y>/||y||^2 of the last one
    Index iteration = 0;
    double residual = 0;
    Index gradients = 0;    ///< evaluated so far
    Index plain_steps = 0;  ///< steps x - grad f(x)/L
    template <class V>
    void visit(V&& v) {
      v("x", x), v("gradient", gradient), v("steps", steps), v("changes", changes),
          v("curvature", curvature), v("value", value), v("pairs", pairs), v("newest", newest),
          v("scale", scale), v("iteration", iteration), v("residual", residual),
          v("gradients", gradients), v("plain_steps", plain_steps);
    }
  };
  /// Throws ArgumentError for memory < 1, or where no Lipschitz constant is known.
  explicit LimitedMemoryBfgs(SmoothFunction<X> f, Index memory = 8);
  State init(Array<X> x0) const;
  void step(State& s) const;
  const Array<X>& solution(const State& s) const { return s.x; }
  double objective(const State& s) const { return f_.value(s.x); }
  const char* name() const { return "l-bfgs"; }
  /// Of the plain step, 1/L.
  double step_size() const { return step_; }

 private:
  void find_direction(State& s) const;
  /// x_next = x - direction, its gradient and its pair, in the place of the oldest; whether f is
  /// seen to fall by 1e-4 of what its slope along the direction, not positive, promises.
  bool advance(State& s, double slope) const;
  /// The gradient; for w > 0 also the value, else 0.
  double evaluate(const Array<X>& x, Array<X>& gradient) const;
  /// Counts the pair of the last advance, if it may be used; whether it may.
  bool remember(State& s) const;
  SmoothFunction<X> f_;
  Index memory_;
  double step_;
  double lipschitz_, weak_convexity_;
};

}  // namespace fejer
