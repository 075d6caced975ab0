#pragma once
#include <optional>

#include <fejer/algorithms/run.hpp>
#include <fejer/algorithms/step_size.hpp>
#include <fejer/function.hpp>

namespace fejer {

/// FISTA for min_x f(x) + g(x) (Beck, Teboulle, SIAM J. Imaging Sci. 2(1), 2009), with the adaptive
/// restart of O'Donoghue and Candes (Found. Comput. Math. 15, 2015, gradient scheme):
///   x+ = prox_{gamma g}(z - gamma grad f(z)),  t+ = (1 + sqrt(1 + 4 t^2))/2,
///   z+ = x+ + (t - 1)/t+ (x+ - x);   if <z - x+, x+ - x> > 0:  t+ = 1, z+ = x+.
/// Default gamma = 1/L, which is also the largest step known to converge. Without g this is the
/// accelerated gradient method with restart that the ridge regularisers' denoisers were published
/// with (Goujon, Neumayer, Unser, SIAM J. Imaging Sci. 17(1), 2024).
/// Cost of a step: one gradient, one prox.
template <class X>
class AcceleratedForwardBackward {
 public:
  using Scalar = X;
  struct State {
    Array<X> x, z, x_next, work;
    double t = 1;
    Index iteration = 0;
    double residual = 0;
    Index restarts = 0;
    template <class V>
    void visit(V&& v) {
      v("x", x), v("z", z), v("t", t), v("iteration", iteration), v("residual", residual),
          v("restarts", restarts);
    }
  };
  explicit AcceleratedForwardBackward(SmoothFunction<X> f, std::optional<ProxFunction<X>> g = {},
                                      const StepSize& step = {}, bool restart = true);
  State init(Array<X> x0) const;
  void step(State& s) const;
  const Array<X>& solution(const State& s) const { return s.x; }
  double objective(const State& s) const;
  const char* name() const { return g_ ? "fista" : "accelerated-gradient"; }
  double step_size() const { return step_; }

 private:
  SmoothFunction<X> f_;
  std::optional<ProxFunction<X>> g_;
  double step_;
  bool restart_;
};

}  // namespace fejer
