#pragma once
#include <fejer/algorithms/run.hpp>
#include <fejer/function.hpp>

namespace fejer {

/// Gradient-step plug-and-play, GS-PnP (Hurault, Leclaire, Papadakis, ICLR 2022, arXiv 2110.03220,
/// algorithm 2), for F = f + lambda g, f with a prox and a value, g smooth, neither need be convex
/// and nothing need be known of the Lipschitz constant of grad g:
///   z = x - tau lambda grad g(x),   x+ = prox_{tau f}(z),
/// where tau falls by `shrink` until F(x) - F(x+) >= (decrease / tau) ||x+ - x||^2, up to 16 units
/// in the last place of F, which rounding may take. So F never rises (to rounding), and where it is
/// bounded below and grad g locally Lipschitz, ||x+ - x|| goes to 0. With
/// g = 1/2 ||x - N(x)||^2 and tau lambda = 1, z is the gradient-step denoiser's output.
///
/// `solution` is x or, with `denoised`, the z that it came from, as in the paper.
/// Where max_backtracks are not enough, x stays, the residual is that of the step which was
/// refused, and the next step goes on from the tau that was reached. Cost of a step: one prox of f,
/// one value of f and one value and gradient of g, each as often as tau was tried.
template <class X>
class GradientStepPnp {
 public:
  using Scalar = X;
  struct Options {
    double lambda = 0.1;
    double first_step = 0;      ///< tau at the start; 0: 1 / lambda
    double shrink = 0.9;        ///< in (0, 1)
    double decrease = 0.1;      ///< in (0, 1/2)
    Index max_backtracks = 50;  ///< in one step
    bool denoised = false;
    /// The residual is |F(x) - F(x+)| / |F(x+)|, on which the published code stops at 1e-5, instead
    /// of ||x+ - x|| / ||x+||.
    bool objective_residual = false;
  };
  struct State {
    Array<X> x, z, gradient;  ///< gradient: of g at x
    double tau = 0, objective = 0;
    Index iteration = 0;
    double residual = 0;
    Index backtracks = 0;  ///< all told
    template <class V>
    void visit(V&& v) {
      v("x", x), v("z", z), v("gradient", gradient), v("tau", tau), v("objective", objective),
          v("iteration", iteration), v("residual", residual), v("backtracks", backtracks);
    }
  };
  /// Throws ArgumentError where f has no value, or an option is out of its range.
  GradientStepPnp(ProxFunction<X> f, SmoothFunction<X> g, const Options& options);
  State init(Array<X> x0) const;
  void step(State& s) const;
  const Array<X>& solution(const State& s) const { return options_.denoised ? s.z : s.x; }
  /// F at x.
  double objective(const State& s) const { return s.objective; }
  const char* name() const { return "gs-pnp"; }

 private:
  ProxFunction<X> f_;
  SmoothFunction<X> g_;
  Options options_;
};

}  // namespace fejer
