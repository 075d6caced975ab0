#pragma once
#include <vector>

#include <fejer/algorithms/run.hpp>
#include <fejer/algorithms/step_size.hpp>
#include <fejer/denoiser.hpp>
#include <fejer/function.hpp>

namespace fejer {

/// Plug-and-play forward-backward splitting:
///   x+ = D_lambda(x - gamma grad f(x)),  D_lambda = lambda D(., sigma) + (1 - lambda) I.
/// With D averaged and gamma in (0, 2/L) the iteration is averaged: iterates converge to a fixed
/// point where there is one, ||x+ - x|| never increases (Krasnosel'skii-Mann). Construction checks
/// the denoiser's certificate and throws ArgumentError when it does not support this.
/// Default gamma = 1/L. Cost of a step: one gradient, one denoising; as many of both as levels.
template <class X>
class PnpForwardBackward {
 public:
  using Scalar = X;
  struct Options {
    double sigma = 0;  ///< handed to the denoiser, in the image's unit
    /// Of layers that take turns, where they have levels of their own: a step is all of them.
    std::vector<double> levels = {};
    double relaxation = 1;  ///< lambda in (0, 1]
    StepSize step = {};
    bool accept_uncertified = false;  ///< run although the certificate does not support it
  };
  struct State {
    Array<X> x, x_next, work;
    Index iteration = 0;
    double residual = 0;
    double change = 0;  ///< ||x+ - x||
    template <class V>
    void visit(V&& v) {
      v("x", x), v("iteration", iteration), v("residual", residual), v("change", change);
    }
  };
  PnpForwardBackward(SmoothFunction<X> f, Denoiser<X> denoiser, const Options& options);
  State init(Array<X> x0) const;
  void step(State& s) const;
  const Array<X>& solution(const State& s) const { return s.x; }
  const char* name() const { return "pnp-fbs"; }
  double step_size() const { return step_; }

 private:
  /// out = D_lambda(x - gamma grad f(x)).
  void pass(const Array<X>& x, double sigma, Array<X>& work, Array<X>& out) const;

  SmoothFunction<X> f_;
  Denoiser<X> denoiser_;
  Options options_;
  double step_;
};

}  // namespace fejer
