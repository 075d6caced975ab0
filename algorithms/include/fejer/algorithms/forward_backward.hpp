#pragma once
#include <optional>

#include <fejer/algorithms/run.hpp>
#include <fejer/algorithms/step_size.hpp>
#include <fejer/function.hpp>

namespace fejer {

/// Forward-backward splitting (proximal gradient, ISTA) for min_x f(x) + g(x):
///   x+ = prox_{gamma g}(x - gamma grad f(x)).
/// Default gamma = 1/L, L the upper end of the Lipschitz interval of grad f; gamma < 2/L converges
/// for convex f and g (Combettes, Wajs, Multiscale Model. Simul. 4, 2005). With gamma <= 1/L the
/// objective never increases, for weakly convex f too. Without g: gradient descent.
/// Cost of a step: one gradient, one prox.
template <class X>
class ForwardBackward {
 public:
  using Scalar = X;
  struct State {
    Array<X> x, x_next, work;
    Index iteration = 0;
    double residual = 0;
    template <class V>
    void visit(V&& v) {
      v("x", x), v("iteration", iteration), v("residual", residual);
    }
  };
  explicit ForwardBackward(SmoothFunction<X> f, std::optional<ProxFunction<X>> g = {},
                           const StepSize& step = {});
  State init(Array<X> x0) const;
  void step(State& s) const;
  const Array<X>& solution(const State& s) const { return s.x; }
  double objective(const State& s) const;
  const char* name() const { return "forward-backward"; }
  double step_size() const { return step_; }

 private:
  SmoothFunction<X> f_;
  std::optional<ProxFunction<X>> g_;
  double step_;
};

}  // namespace fejer
