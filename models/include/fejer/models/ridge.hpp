#pragma once
/// Learned ridge regularisers: convex (CRR-NN, IEEE TCI 9 (2023) 781) and weakly convex (WCRR-NN,
/// SIAM J. Imaging Sci. 17 (2024) 91), for several noise levels or for one.
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <fejer/array.hpp>
#include <fejer/certificate.hpp>
#include <fejer/models/linear_spline.hpp>
#include <fejer/models/multi_convolution.hpp>

namespace fejer {

/// alpha_c(sigma) = exp(s_c(g)) / (g + epsilon), g = 255 sigma, s_c linear on knots in [g_min,
/// g_max] and beyond them with the end slopes.
struct NoiseScaling {
  Array<double> coefficients;  ///< (C, N)
  double g_min = 0, g_max = 30, epsilon = 1e-5;
};

/// All numbers of a ridge regulariser, in double; W = kernels / sqrt(norm_squared).
struct RidgeParameters {
  std::vector<Array<double>> kernels;  ///< effective ones: means removed; (C_{l+1}, C_l, k, k)
  Borders borders = Borders::zero_every_layer;
  double norm_squared = 1;  ///< L, part of R: it is never changed, whatever the certificate says
  Array<double> profile;    ///< phi at its knots: (1, N) shared, or (C, N)
  double x_min = -0.1, x_max = 0.1;
  /// The slopes of phi lie in [-rho, mu].
  double rho = 0, mu = 0;
  std::optional<NoiseScaling> scaling;  ///< without: alpha = `scale` at every sigma
  double scale = 1;
  double weight = 1;  ///< factor in front of R
  /// Estimated largest eigenvalue of W^T diag(max phi'_c) W; mu where ||W|| = 1.
  double curvature = 0;
};

/// A bound, and how surely.
struct Bound {
  double value = 0;
  Certificate::Kind kind = Certificate::Kind::none;
  std::string how;
};

/// `margin`: estimated norms are multiplied by 1.01; `as_published`: taken as they are.
enum class NormRule { margin, as_published };

/// One noise level for all images, or one for each entry of the first axis of x (N, ..., H, W).
/// Borrows what it is made of: an argument, not something to keep.
class NoiseLevels {
 public:
  NoiseLevels(double sigma) : one_(sigma) {}
  NoiseLevels(std::span<const double> sigmas) : several_(sigmas), single_(false) {}
  NoiseLevels(const std::vector<double>& sigmas) : NoiseLevels(std::span(sigmas)) {}
  bool single() const { return single_; }
  Index size() const { return single_ ? 1 : static_cast<Index>(several_.size()); }
  double operator[](Index i) const {
    return single_ ? one_ : several_[static_cast<std::size_t>(i)];
  }

 private:
  double one_ = 0;
  std::span<const double> several_;
  bool single_ = true;
};

/// Gradients of <u, grad R(x; sigma)> with respect to what R is made of.
struct RidgeGradients {
  std::vector<Array<double>> kernels;  ///< of W: RidgeParameters::kernels, the first over sqrt(L)
  Array<double> profile;               ///< RidgeParameters::profile
  std::vector<double> scaling;         ///< alpha_c(sigma): (C), or (N, C) for N noise levels
};

/// How W^T phi(W x) is computed. `layers`: convolution by convolution, at any size. `tiles`: W as
/// one kernel, by Fourier transforms of tiles of 48x48 or 64x64 pixels, several tiles or images in
/// the lanes of registers; with Borders::zero_every_layer what that counts too much near the
/// borders is taken away by small convolutions along them. The same to rounding, several times as
/// fast on images of 100x100 pixels or batches of patches. `automatic`: tiles where a count of
/// operations says that they are faster; the choice depends on the size of an image alone, so that
/// its bits depend neither on the machine nor on how many images are computed at once.
enum class RidgeEvaluation { automatic, layers, tiles };

template <class T>
class RidgeKernelSum;

/// R(x; sigma) = weight * sum_c sum_p psi_c(alpha_c (W x)_c[p]) / alpha_c^2, psi_c' = phi_c,
/// grad R = weight * W^T [phi_c(alpha_c W x) / alpha_c]. W takes one channel: of arrays (..., H, W)
/// every plane is an image of its own and the values add up, so a colour image is regularised
/// channel by channel. sigma is in the image's unit and is not used by models without scaling.
/// Cost of a gradient: W, W^T and one pass of splines; by tiles 3 to 5 ns for a pixel and
/// channel (AVX2, float). An immutable handle, cheap to copy, safe to share between threads.
template <class T>
class RidgeRegulariser {
 public:
  explicit RidgeRegulariser(const RidgeParameters& parameters);

  const RidgeParameters& parameters() const;
  Index channels() const;
  /// alpha_c(sigma), c = 0..C-1. Throws ArgumentError for sigma < 0, above 1, or not finite.
  std::vector<double> scaling(double sigma) const;

  double value(ConstView<T> x, const NoiseLevels& sigma) const;
  void gradient(ConstView<T> x, const NoiseLevels& sigma, View<T> out) const;
  double value_and_gradient(ConstView<T> x, const NoiseLevels& sigma, View<T> out) const;
  /// out = Hess R(x) v (at knots: the slope of the right piece).
  void hessian_vector_product(ConstView<T> x, const NoiseLevels& sigma, ConstView<T> v,
                              View<T> out) const;
  /// Vector-Jacobian product of (x, parameters) -> grad R(x; sigma) with the cotangent u: returns
  /// the gradients for the parameters, out = Hess R(x) u is that for x. With s = phi(alpha W x) /
  /// alpha and t = phi'(alpha W x) (W u): <u, grad R> = <W u, s>, so a kernel's gradient is the
  /// correlation of s with what the layer sees of u, plus that of t with what it sees of x. The
  /// gradients for the parameters are sums over groups of 8 images, added in their order. Cost: 3
  /// to 4 gradients.
  RidgeGradients vjp(ConstView<T> x, const NoiseLevels& sigma, ConstView<T> u, View<T> out) const;
  /// The same, but `factor` times what is for the kernels is added to `kernels`, and there are none
  /// in the result: for the steps of an unrolled network. Throws ArgumentError if the sum is
  /// another model's.
  RidgeGradients vjp(ConstView<T> x, const NoiseLevels& sigma, ConstView<T> u, View<T> out,
                     RidgeKernelSum<T>& kernels, double factor) const;
  /// W x for one plane: (H,W) or (1,H,W) to (C,H,W).
  void filter(ConstView<T> x, View<T> z) const;

  /// The same regulariser, computed in another way. `tiles` for an image that is too small for them
  /// (or kernels of more than 33 rows or columns in all) means `layers`.
  RidgeRegulariser with(RidgeEvaluation evaluation) const;
  /// `layers` or `tiles`: what is done with images of this shape.
  RidgeEvaluation evaluation(const Shape& shape) const;

  /// Upper end for the Lipschitz constant of grad R, weight * curvature with the margin: proven
  /// for Borders::zero_once, else estimated.
  Bound lipschitz_bound(NormRule rule = NormRule::margin) const;
  /// Proven at every image size: weight * mu * product of the layers' frequency norms / L. Loose.
  Bound proven_lipschitz_bound() const;
  /// weight * rho (||W|| <= 1): R + rho/2 ||.||^2 is convex. Proven where it is 0.
  Bound weak_convexity() const;

 private:
  template <class>
  friend class RidgeHessian;
  friend class RidgeKernelSum<T>;
  struct Data;
  double run(const char* where, ConstView<T> x, const NoiseLevels& sigma, T* out, const T* v,
             bool want_value) const;
  std::shared_ptr<const Data> data_;
  RidgeEvaluation evaluation_ = RidgeEvaluation::automatic;
};

/// A sum of the kernels' shares of vector-Jacobian products with one model. By tiles these are for
/// the one kernel that all layers make together, and go back to the layers' once for all. A handle:
/// copies share the sum, and only one thread may add to it.
template <class T>
class RidgeKernelSum {
 public:
  explicit RidgeKernelSum(const RidgeRegulariser<T>& model);
  /// As RidgeGradients::kernels.
  std::vector<Array<double>> gradients() const;

 private:
  friend class RidgeRegulariser<T>;
  struct Data;
  std::shared_ptr<Data> data_;
};

/// ||W^T W u|| after `steps` power steps u <- W^T W u / ||.|| on images of size x size, from the
/// start that the published models used: their L (256, 200). A lower bound of ||W||^2 that still
/// depends on the start by some 1e-4. Computed by Lanczos quadrature, with 3 sqrt(steps) products.
double power_norm_squared(const std::vector<Array<double>>& kernels, Borders borders,
                          Index size = 256, int steps = 200);
/// The same for W^T diag(weights) W, weights (C) >= 0: L of the original CRR-NN, where the weights
/// are the largest slopes; `products` = steps + 1.
double weighted_power_norm(const std::vector<Array<double>>& kernels, Borders borders,
                           const std::vector<double>& weights, Index size = 128,
                           int products = 200);

extern template class RidgeRegulariser<float>;
extern template class RidgeRegulariser<double>;
extern template class RidgeKernelSum<float>;
extern template class RidgeKernelSum<double>;

}  // namespace fejer
