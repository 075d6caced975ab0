#pragma once
#include <fejer/algorithms/run.hpp>
#include <fejer/denoiser.hpp>
#include <fejer/function.hpp>

namespace fejer {

/// Plug-and-play Douglas-Rachford splitting:
///   u = D_lambda(x),  v = prox_{gamma f}(2u - x),  x+ = x + 2 alpha (v - u),
/// D_lambda = lambda D(., sigma) + (1 - lambda) I, f convex with a prox.
/// With D_lambda firmly non-expansive (averagedness of D times lambda at most 1/2) and alpha in
/// (0, 1) the iteration is averaged for every gamma > 0: x converges where there is a fixed point,
/// ||x+ - x|| never increases, and u converges (Lions, Mercier 1979; Bauschke, Combettes 2017,
/// theorem 26.11). u solves u = D_lambda(u - gamma grad f(u)): what PnpForwardBackward finds with
/// the same step, which is bound to gamma < 2/L there. alpha = 1/2 is Douglas and Rachford's.
/// Construction refuses denoisers whose certificate does not support this (ArgumentError), unless
/// accept_uncertified says otherwise; ProxPnpDouglasRachford is for proxes of weakly convex
/// functions.
/// Cost of a step: one prox of f, one denoising.
template <class X>
class PnpDouglasRachford {
 public:
  using Scalar = X;
  struct Options {
    double sigma = 0;       ///< handed to the denoiser, in the image's unit
    double relaxation = 1;  ///< lambda in (0, 1]
    double step = 1;        ///< gamma > 0
    double alpha = 0.5;     ///< in (0, 1)
    bool accept_uncertified = false;
  };
  struct State {
    Array<X> x, u, work;
    Index iteration = 0;
    double residual = 0;
    double change = 0;  ///< ||x+ - x||
    template <class V>
    void visit(V&& v) {
      v("x", x), v("u", u), v("iteration", iteration), v("residual", residual), v("change", change);
    }
  };
  PnpDouglasRachford(ProxFunction<X> f, Denoiser<X> denoiser, const Options& options);
  State init(Array<X> x0) const;
  void step(State& s) const;
  /// u, the denoised one.
  const Array<X>& solution(const State& s) const { return s.u; }
  const char* name() const { return "pnp-drs"; }
  double step_size() const { return options_.step; }

 private:
  ProxFunction<X> f_;
  Denoiser<X> denoiser_;
  Options options_;
};

}  // namespace fejer
