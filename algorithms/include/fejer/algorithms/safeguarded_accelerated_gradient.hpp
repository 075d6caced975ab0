#pragma once
#include <optional>

#include <fejer/algorithms/run.hpp>
#include <fejer/algorithms/step_size.hpp>
#include <fejer/function.hpp>

namespace fejer {

/// Safeguarded accelerated gradient (SAGD) for min f(x) + g(x), f smooth and w-weakly convex, g an
/// indicator (e.g. x >= 0) or absent; published with the weakly convex ridge regularisers (Goujon,
/// Neumayer, Unser 2024):
///   z = x + ((t_old - 1)/t)(x - x_old);  momentum is dropped (z = x, t = t_old = 1) where
///   <grad f(z), z - z_old> + (w beta/2)||z - z_old||^2 > 0, beta = 1.001;
///   x_old = x, x = prox_g(z - grad f(z)/L), t_old = t, t = (1 + sqrt(1 + 4 t^2))/2.
/// Since f(z) <= f(z_old) + <grad f(z), z - z_old> + (w/2)||z - z_old||^2, f decreases
/// sufficiently along the accepted z: convergence to critical points (without g).
/// w = max(0, -convexity of f). Default and largest step 1/L.
/// Cost of a step: one gradient and one prox; one more gradient where momentum is dropped.
template <class X>
class SafeguardedAcceleratedGradient {
 public:
  using Scalar = X;
  struct State {
    Array<X> x, x_old, z, z_old, gradient;
    double t = 1, t_old = 1;
    Index iteration = 0;
    double residual = 0;
    Index restarts = 0;
    template <class V>
    void visit(V&& v) {
      v("x", x), v("x_old", x_old), v("z_old", z_old), v("t", t), v("t_old", t_old),
          v("iteration", iteration), v("residual", residual), v("restarts", restarts);
    }
  };
  explicit SafeguardedAcceleratedGradient(SmoothFunction<X> f,
                                          std::optional<ProxFunction<X>> g = {},
                                          const StepSize& step = {});
  State init(Array<X> x0) const;
  void step(State& s) const;
  const Array<X>& solution(const State& s) const { return s.x; }
  double objective(const State& s) const;
  const char* name() const { return "sagd"; }
  double step_size() const { return step_; }

 private:
  SmoothFunction<X> f_;
  std::optional<ProxFunction<X>> g_;
  double step_;
  double weak_convexity_;
};

}  // namespace fejer
