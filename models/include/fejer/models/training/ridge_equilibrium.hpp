#pragma once
/// Weakly convex ridge regularisers trained as denoisers at equilibrium: Goujon, Neumayer, Unser,
/// SIAM J. Imaging Sci. 17 (2024) 91.
#include <vector>

#include <fejer/models/model.hpp>
#include <fejer/models/training/learner.hpp>
#include <fejer/models/training/spectral_norm.hpp>

namespace fejer {

struct RidgeEquilibriumOptions {
  std::vector<Index> channels{1, 4, 8, 60};
  Index kernel_size = 5;
  Borders borders = Borders::zero_once;
  double rho = 1;  ///< in [0, 1]: modulus of weak convexity; 0 trains a convex regulariser
  Index knots = 101;
  double range = 0.1;  ///< of the profile's knots, [-range, range]
  Index scaling_knots = 11;
  double scaling_max = 30;  ///< of the scaling's knots, [0, scaling_max] in units of 1/255
  double start_log_mu = 4, start_scaling = 5;
  double tolerance = 1e-4;  ///< forward, on ||x+ - x|| / ||x+||
  int max_iterations = 200;
  double backward_tolerance = 1e-3;  ///< on the relative residual of the linear system
  int backward_max_iterations = 50;
  /// K > 0: instead of the linear system, K passes of restarted JFB, gradient steps of length
  /// 2 / (2 - rho + Lip(grad R)) at the minimiser.
  int jfb_passes = 0;
};

/// x(y) = argmin 1/2 ||x - y||^2 + R(x; sigma), by implicit differentiation. Parameters:
///   kernel_0, kernel_1, ...  "conv": the means of kernel_0 are taken out, W is divided by the root
///                            of its proven squared norm (zero_once; else of that on the published
///                            grid of frequencies)
///   mu (1)                   "mu": log mu
///   convex, concave (1, N)   "spline": phi = mu P(convex) - rho P(concave), P antisymmetric with
///                            slopes in [0, 1]; concave only if rho > 0
///   scaling (C, K)           "scaling": log (alpha_c (g + 1e-5)) at the knots of g = 255 sigma
/// Forward: accelerated gradient with restart, each image until it has converged. Backward: g of
/// (Id + Hess R(x)) g = d loss / dx by conjugate residuals; the gradient in a parameter is
/// -<g, d grad R(x) / d parameter>. (The published solver is Anderson's, for the same system times
/// the step.) With jfb_passes g is the sum of the first K terms of that system's Neumann series:
/// what restarted JFB(K, R) gives once R is large enough (Davy, Briceno-Arias, Pustelnik, arXiv
/// 2506.13239). Figures: forward_iterations, backward_iterations, backward_residual, unconverged
/// (images that reached max_iterations).
template <class T>
class RidgeEquilibriumLearner {
 public:
  struct Prepared {
    RidgeRegulariser<T> model;
    SquaredNorm norm;
    double lipschitz;  ///< of grad R
  };

  explicit RidgeEquilibriumLearner(const RidgeEquilibriumOptions& options = {});

  Parameters initial(const Rng& rng) const;
  Prepared prepare(const Parameters& parameters) const;
  /// kernel_l of W (the first over the root of L), profile, scaling.
  Parameters effective_zeros(const Prepared& prepared) const;
  double shard_gradient(const Prepared& prepared, const Shard<T>& shard, LossGradient<T> loss,
                        Parameters& effective, Figures& figures) const;
  Parameters pull_back(const Parameters& parameters, const Prepared& prepared,
                       const Parameters& effective) const;
  void estimate(const Prepared& prepared, const Sample<T>& sample, View<T> out) const;

  /// A "ridge" model: the same regulariser; for zero_every_layer with the power method's L, as the
  /// published models are tested.
  Model<T> to_model(const Parameters& parameters) const;
  const RidgeEquilibriumOptions& options() const { return options_; }

 private:
  RidgeParameters effective(const Parameters& parameters) const;
  void add_scaling(double sigma, const double* gradients, const RidgeRegulariser<T>& model,
                   Array<double>& sum) const;
  RidgeEquilibriumOptions options_;
};

extern template class RidgeEquilibriumLearner<float>;
extern template class RidgeEquilibriumLearner<double>;

}  // namespace fejer
