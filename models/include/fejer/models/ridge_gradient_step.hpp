#pragma once
/// A gradient step on data and ridge regulariser, as a layer whose parameters can be learned.
#include <optional>

#include <fejer/linear_operator.hpp>
#include <fejer/models/ridge.hpp>

namespace fejer {

/// phi(x) = x - gamma (A*(A x - y) + lambda grad R(x; sigma)) for real images x of shape
/// A.domain(), whose fixed points are the stationary points of
///   1/2 ||A x - y||^2 + lambda R(x; sigma).
/// (Its proximal counterpart is PnpLayer<RidgeProx>.) An EquilibriumLayer with gradients in gamma,
/// lambda, sigma and what R is made of. With the Hessian of R in [-rho, L] and lower <= A*A:
///   Lip(phi) = max(|1 - gamma (lower - lambda rho)|, |1 - gamma (||A||^2 + lambda L)|),
/// below 1 for convex R where A*A is bounded below, for weakly convex R where by more than
/// lambda rho, and gamma < 2 / (||A||^2 + lambda L).
/// Cost: a normal product and a gradient of R; of a vjp a normal product and one with the Hessian,
/// with derivatives in parameters two to three gradients of R more.
template <class T>
class RidgeGradientStep {
 public:
  using Scalar = T;
  struct Saved {
    Array<T> x, slope, regulariser;  ///< A*(A x - y) + lambda grad R(x), and grad R(x)
  };
  struct Gradient {
    double step = 0, lambda = 0, sigma = 0;
    std::optional<RidgeKernelSum<T>> kernels;  ///< without: neither it nor profile is wanted
    Array<double> profile;                     ///< both as zero_gradient makes them
  };
  struct Options {
    double step = 0;    ///< gamma; 0: 1.9 / (||A||^2 + lambda L), L estimated or not
    double lambda = 1;  ///< >= 0
    double sigma = 0;   ///< in the image's unit
    double lower = 0;   ///< a proven bound below A*A
  };

  /// data: of shape A.range(). Throws ArgumentError for negative options, for a level that the
  /// model refuses and, where the step is left out, for operators whose norm has no bound.
  RidgeGradientStep(RidgeRegulariser<T> model, LinearOperator<T> A, ConstView<T> data,
                    const Options& options);

  void forward(ConstView<T> x, View<T> out, Saved* saved) const;
  void vjp(const Saved& x, ConstView<T> u, View<T> xbar, Gradient* gradient) const;

  /// The above from what is proven of L and rho; infinite where nothing is proven of one.
  double lipschitz_bound() const;
  double gamma() const { return options_.step; }
  /// With zeros for kernels and profile; for all layers with copies of this model.
  Gradient zero_gradient() const;

 private:
  RidgeRegulariser<T> model_;
  LinearOperator<T> A_;
  Array<T> back_;  // A* y
  Options options_;
};

extern template class RidgeGradientStep<float>;
extern template class RidgeGradientStep<double>;

}  // namespace fejer
