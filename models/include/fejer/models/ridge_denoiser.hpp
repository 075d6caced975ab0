#pragma once
/// The denoisers built from ridge regularisers.
#include <optional>

#include <fejer/certificate.hpp>
#include <fejer/models/ridge.hpp>

namespace fejer {

/// Of weak convexity, of what RidgeDenoiser takes. Not 1, where convexity ends: the proven modulus
/// of a model that is padded once lies above its rho, which may be 1, by what the bound of its norm
/// lies above the norm.
inline constexpr double largest_weak_convexity = 1.02;

struct RidgeDenoiserOptions {
  double tolerance = 1e-4;           ///< on ||x+ - x|| / ||x+||, > 0
  int max_iterations = 500;          ///< >= 1
  NormRule norm = NormRule::margin;  ///< and the solver: see RidgeDenoiser
  double weight = 1;                 ///< in front of R, > 0
};

template <class T>
struct RidgeSolution {
  Array<T> x;
  int iterations = 0;      ///< the largest over the planes
  int gradients = 0;       ///< evaluated, the largest over the planes
  bool converged = false;  ///< every plane within the tolerance
  double objective = 0;    ///< 1/2 ||x - y||^2 + weight R(x; sigma)
  double residual = 0;     ///< ||x+ - x|| / ||x+|| at the end, the largest over the planes
};

/// D(y, sigma) = argmin_x 1/2 ||x - y||^2 + weight R(x; sigma), a convex problem where
/// weight m <= 1, m = R.weak_convexity(), from x = y by LimitedMemoryBfgs, whose gradients are two
/// to four times as well spent as those of accelerated gradient. NormRule::as_published: by the
/// published accelerated gradient method with restart, whose iterations can be counted against
/// published ones: step 1 / (1 + Lip), z = x, t = 1;
///   x+ = z - step (z - y + weight grad R(z)),  t+ = (1 + sqrt(1 + 4 t^2)) / 2,
///   z+ = x+ + (t - 1)/t+ (x+ - x);  if <z - x+, x+ - x> > 0: t+ = 1, z+ = x+.
/// Either stops from the second step on. Every plane of (..., H, W) is solved and stopped by
/// itself.
template <class T>
class RidgeDenoiser {
 public:
  /// Throws ArgumentError for options out of range and for weight m > largest_weak_convexity.
  explicit RidgeDenoiser(RidgeRegulariser<T> model, const RidgeDenoiserOptions& options = {});

  void denoise(ConstView<T> y, double sigma, View<T> out) const;
  RidgeSolution<T> solve(ConstView<T> y, double sigma) const;
  /// From another start than y.
  RidgeSolution<T> solve(ConstView<T> y, double sigma, ConstView<T> start) const;
  /// Of the exact minimiser. Convex R: firmly non-expansive, proven. Weakly convex R: the prox of a
  /// (weight m)-weakly convex function, no Lipschitz bound.
  Certificate certificate() const;
  const RidgeRegulariser<T>& model() const { return model_; }

 private:
  RidgeRegulariser<T> model_;
  RidgeDenoiserOptions options_;
};

/// The original CRR-NN denoiser of t unrolled steps, for the one noise level it was trained for:
///   x_1 = y - (2 / M) grad R(y),  x_{k+1} = x_k - (2 - 1e-8)/(1 + M) (x_k - y + grad R(x_k)),
/// R(x) = (lambda/mu) sum psi_c(mu W x), M = lambda mu L (Goujon et al. 2023).
template <class T>
class CrrTStepDenoiser {
 public:
  CrrTStepDenoiser(RidgeRegulariser<T> model, int steps, double noise_level);

  /// Throws ArgumentError unless sigma is the trained level (to 1e-3 relative).
  void denoise(ConstView<T> y, double sigma, View<T> out) const;
  /// One step is non-expansive (estimated norm); for more steps no bound is known.
  Certificate certificate() const;
  const RidgeRegulariser<T>& model() const { return model_; }
  int steps() const { return steps_; }
  /// In the image's unit, e.g. 25/255.
  double noise_level() const { return noise_level_; }

 private:
  RidgeRegulariser<T> model_;
  int steps_;
  double noise_level_;
};

extern template class RidgeDenoiser<float>;
extern template class RidgeDenoiser<double>;
extern template class CrrTStepDenoiser<float>;
extern template class CrrTStepDenoiser<double>;

}  // namespace fejer
