#pragma once
/// Gradient-step denoisers (Hurault, Leclaire, Papadakis, ICLR 2022, arXiv 2110.03220; with
/// softplus and proximal: ICML 2022, arXiv 2201.13256): a DRUNet that is the gradient step on a
/// potential, so that plug-and-play minimises a function.
#include <limits>
#include <utility>

#include <fejer/function.hpp>
#include <fejer/models/drunet.hpp>

namespace fejer {

/// With N a DRUNet and sums over all pixels:
///   g(x, sigma) = 1/2 ||x - N(x, sigma)||^2,
///   grad g      = (I - J^T)(x - N),  J the derivative of N in x,
///   D(x, sigma) = x - grad g = N + J^T (x - N).
/// Images as for Drunet. Cost of D: a forward pass and a vjp; of its vjp: three times that. Needs
/// the memory of a tape.
template <class T>
class GradientStepDrunet {
 public:
  explicit GradientStepDrunet(Drunet<T> network) : network_(std::move(network)) {}

  /// Image by image, so that the memory needed is one tape's.
  void denoise(ConstView<T> x, double sigma, View<T> out) const;
  /// Nothing is claimed: grad g has no known Lipschitz constant, algorithms must check that their
  /// objective decreases.
  Certificate certificate() const;

  double potential(ConstView<T> x, double sigma) const;
  /// Returns g(x, sigma).
  double potential_and_gradient(ConstView<T> x, double sigma, View<T> gradient) const;

  /// gx = (dD/dx)^T u, symmetric: dD/dx = I - Hess g; the gradient of <u, D> in weights and sigma
  /// is added to *gradient, unless null. With d = J u it is that of
  ///   <u - d, N> + <x - N, J u> for fixed u, d and x - N, and d in addition for x.
  void vjp(ConstView<T> x, double sigma, ConstView<T> u, View<T> gx,
           DrunetGradient<T>* gradient = nullptr) const;

  /// <v, Hess g(x, sigma) v> = d^2/dt^2 g(x + t v) at t = 0
  ///                         = ||v - J v||^2 - <x - N, d^2/dt^2 N(x + t v)>.
  /// `factor` times its gradient in weights and sigma, v fixed, is added to *gradient, unless null.
  double curvature(ConstView<T> x, double sigma, ConstView<T> v,
                   DrunetGradient<T>* gradient = nullptr, double factor = 1) const;
  /// <v, Hess g v> / ||v||^2 after at most `steps` steps of the power method from v, which it
  /// leaves in v with norm 1; its size is an estimate of ||Hess g(x, sigma)|| from below. Stops
  /// early where the quotient changes by `tolerance` or less. Throws ArgumentError for v = 0 or no
  /// steps.
  double hessian_eigenvalue(ConstView<T> x, double sigma, View<T> v, Index steps,
                            double tolerance) const;

  const Drunet<T>& network() const { return network_; }

 private:
  Drunet<T> network_;
};

/// x -> g(x, sigma) for algorithms (SmoothFunction): of unknown Lipschitz constant and convexity.
template <class T>
class GradientStepPrior {
 public:
  GradientStepPrior(GradientStepDrunet<T> denoiser, double sigma)
      : denoiser_(std::move(denoiser)), sigma_(sigma) {}
  double value(ConstView<T> x) const { return denoiser_.potential(x, sigma_); }
  double value_and_gradient(ConstView<T> x, View<T> out) const {
    return denoiser_.potential_and_gradient(x, sigma_, out);
  }
  void gradient(ConstView<T> x, View<T> out) const { value_and_gradient(x, out); }
  Interval lipschitz_interval() const { return {}; }
  double convexity() const { return -std::numeric_limits<double>::infinity(); }

 private:
  GradientStepDrunet<T> denoiser_;
  double sigma_;
};

extern template class GradientStepDrunet<float>;
extern template class GradientStepDrunet<double>;

}  // namespace fejer
