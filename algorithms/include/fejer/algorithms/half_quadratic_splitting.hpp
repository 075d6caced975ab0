#pragma once
#include <fejer/algorithms/run.hpp>
#include <fejer/denoiser.hpp>
#include <fejer/function.hpp>

namespace fejer {

/// Half-quadratic splitting with a denoiser, DPIR (Zhang, Li, Zuo, Zhang, Van Gool, Timofte, IEEE
/// TPAMI 2022, arXiv 2008.13751, section 4): from z = x0, for k = 0 ... iterations - 1
///   x = argmin f(x) + a_k/2 ||x - z||^2,   a_k = lambda s^2 / s_k^2,
///   z = D(x, s_k),
/// f = 1/2 ||Ax - y||^2, s the noise level of y, s_k from first_level to s in equal ratios. With
/// `turned`, D sees the image turned and mirrored in the k-th of 8 ways, and its output is turned
/// back.
///
/// A fixed number of steps with falling levels, not a method that converges: run it with
/// max_iterations = options.iterations and tolerance 0. (Steps beyond keep the level s; their
/// images are known to get worse with denoisers like DRUNet.) Whatever certificate D has is not
/// used. Cost of a step: one prox of f, one denoising.
template <class X>
class HalfQuadraticSplitting {
 public:
  using Scalar = X;
  struct Options {
    double noise_level = 0;  ///< s > 0; taken as at least `smallest_level`
    double first_level = 49.0 / 255;
    double smallest_level = 0.255 / 255;
    double lambda = 0.23;
    Index iterations = 8;
    bool turned = true;
  };
  struct State {
    Array<X> x, z;
    Index iteration = 0;
    double residual = 0;
    template <class V>
    void visit(V&& v) {
      v("z", z), v("iteration", iteration), v("residual", residual);
    }
  };
  HalfQuadraticSplitting(ProxFunction<X> f, Denoiser<X> denoiser, const Options& options);
  State init(Array<X> x0) const;
  void step(State& s) const;
  const Array<X>& solution(const State& s) const { return s.z; }
  const char* name() const { return "dpir"; }
  /// s_k; s for k >= iterations.
  double level(Index k) const;

 private:
  ProxFunction<X> f_;
  Denoiser<X> denoiser_;
  Options options_;
};

/// Images (..., H, W) in one of 8 positions: way = 0 ... 7 quarter turns way % 4, anticlockwise,
/// and from 4 on mirrored left to right before.
template <class X>
Array<X> turn(ConstView<X> x, int way);
/// The inverse of turn(., way).
template <class X>
Array<X> turn_back(ConstView<X> x, int way);

}  // namespace fejer
