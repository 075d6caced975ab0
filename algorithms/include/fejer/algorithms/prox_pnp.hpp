#pragma once
/// Prox-PnP (Hurault, Leclaire, Papadakis, ICML 2022, arXiv 2201.13256): plug-and-play with
///   D(x) = x - lambda grad g(x),
/// a gradient step on g relaxed by lambda in (0, 1]. Where lambda grad g is L-Lipschitz, L < 1, D
/// is injective and the prox of a phi that is L/(L + 1)-weakly convex, and
///   phi(D(x)) = lambda g(x) - 1/2 ||x - D(x)||^2
/// (proposition 3.1 there), so that values of phi come with each denoising. Nothing checks that L
/// is below 1: of networks it is known from estimates only. Where it is not, what is called
/// objective below may rise.
#include <fejer/algorithms/run.hpp>
#include <fejer/algorithms/step_size.hpp>
#include <fejer/function.hpp>

namespace fejer {

/// Forward-backward for F = f + phi / gamma, f convex and smooth:
///   z = x - gamma grad f(x),   x+ = D(z).
/// F never rises for gamma Lip(grad f) <= 1 (theorem 4.1 there). Cost of a step: a gradient of f, a
/// value and gradient of g; the objective costs a value of f, and is NaN before the first step,
/// since the start value need not be an output of D.
template <class X>
class ProxPnpForwardBackward {
 public:
  using Scalar = X;
  struct Options {
    double relaxation = 1;  ///< lambda in (0, 1]
    StepSize step = {};     ///< 0: 1 / Lip(grad f)
  };
  struct State {
    Array<X> x, next, work;
    double phi = 0;  ///< at x
    Index iteration = 0;
    double residual = 0;
    template <class V>
    void visit(V&& v) {
      v("x", x), v("phi", phi), v("iteration", iteration), v("residual", residual);
    }
  };
  ProxPnpForwardBackward(SmoothFunction<X> f, SmoothFunction<X> g, const Options& options);
  State init(Array<X> x0) const;
  void step(State& s) const;
  const Array<X>& solution(const State& s) const { return s.x; }
  double objective(const State& s) const;
  const char* name() const { return "prox-pnp"; }
  double step_size() const { return step_; }

 private:
  SmoothFunction<X> f_, g_;
  double relaxation_, step_;
};

/// Douglas-Rachford, the denoiser first:
///   u = D(x),  v = prox_{gamma f}(2u - x),  x+ = x + v - u,
/// f convex with a prox and a value. Where lambda Lip(grad g) < 1/2 the envelope
///   Psi = f(v) + (phi(u) + <x - u, v - u> + 1/2 ||v - u||^2) / gamma
/// never rises, for any gamma > 0, and u ends in stationary points of f + phi / gamma (theorem 4.3
/// there); lambda = 1/2 is theirs, so that Lip(grad g) < 1 is enough. The residual is the relative
/// change of Psi, as published, the objective is Psi (NaN before the first step), `solution` is u.
/// Cost of a step: a value and gradient of g, a prox and a value of f.
template <class X>
class ProxPnpDouglasRachford {
 public:
  using Scalar = X;
  struct Options {
    double relaxation = 0.5;  ///< lambda in (0, 1]
    double step = 1;          ///< gamma > 0
  };
  struct State {
    Array<X> x, u, v;
    double envelope = 0;  ///< Psi
    Index iteration = 0;
    double residual = 0;
    template <class V>
    void visit(V&& visitor) {
      visitor("x", x), visitor("u", u), visitor("envelope", envelope),
          visitor("iteration", iteration), visitor("residual", residual);
    }
  };
  /// Throws ArgumentError where f has no value, or an option is out of its range.
  ProxPnpDouglasRachford(ProxFunction<X> f, SmoothFunction<X> g, const Options& options);
  State init(Array<X> x0) const;
  void step(State& s) const;
  const Array<X>& solution(const State& s) const { return s.u; }
  double objective(const State& s) const { return s.envelope; }
  const char* name() const { return "prox-drs"; }
  double step_size() const { return options_.step; }

 private:
  ProxFunction<X> f_;
  SmoothFunction<X> g_;
  Options options_;
};

}  // namespace fejer
