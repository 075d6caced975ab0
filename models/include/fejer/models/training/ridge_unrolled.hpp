#pragma once
/// Convex ridge regularisers trained as t gradient steps: Goujon, Neumayer, Bohra, Ducotterd,
/// Unser, IEEE TCI 9 (2023) 781.
#include <vector>

#include <fejer/models/model.hpp>
#include <fejer/models/training/learner.hpp>
#include <fejer/models/training/spectral_norm.hpp>

namespace fejer {

/// relu: phi_c(t) = max(t + b_c, 0) at the knots and linear in between, constant beyond them, so
/// that it is a spline like the others: meant for thousands of knots in a range that the filters do
/// not leave.
enum class RidgeActivation { spline, relu };

struct RidgeUnrolledOptions {
  int steps = 10;
  double noise_level = 25.0 / 255;  ///< the one it is trained for, in the image's unit
  std::vector<Index> channels{1, 8, 32};
  Index kernel_size = 7;
  Borders borders = Borders::zero_once;
  RidgeActivation activation = RidgeActivation::spline;
  Index knots = 21;
  double range = 0.1;  ///< of the profiles' knots, [-range, range]
  double start_lambda = 5, start_mu = 1;
  double tv2 = 2e-3;        ///< the penalty is tv2 * 255 noise_level * sum of TV(2)
  double least_norm = 0.1;  ///< L is never taken below this
  Index power_size = 20;    ///< zero_every_layer: L by the power method on such images
  int power_steps = 20;
};

/// The denoiser of CrrTStepDenoiser, for R(x) = (lambda/mu) sum psi_c(mu W x), psi_c' = phi_c:
///   x_1 = y - 2/(L mu) G(y),  x_{k+1} = x_k - a (x_k - y + lambda G(x_k)),  G(x) = W^T phi(mu W
///   x), a = (2 - 1e-8)/(1 + lambda mu L),  L = ||W^T diag(largest slopes) W||,
/// L differentiable: proven (zero_once), or by the power method. Parameters:
///   kernel_0, kernel_1, ...  "conv", means taken out of all of them
///   profile (C, N)           "spline", phi = P(profile), P monotone; for relu: bias (C), "bias"
///   lambda (1), mu (1)       "lambda", "mu", taken as at least 1e-4 and 0.01
/// Only x_1..x_t are kept for the way back. Figures: none.
template <class T>
class RidgeUnrolledLearner {
 public:
  struct Prepared {
    RidgeRegulariser<T> model;  ///< with the gradient G
    SquaredNorm norm;
    std::vector<Index> steepest;  ///< the piece of the largest slope of each channel
    double lambda, mu, L;
    double first_step() const { return 2 / (L * mu); }
    double step() const { return (2 - 1e-8) / (1 + lambda * mu * L); }
  };

  explicit RidgeUnrolledLearner(const RidgeUnrolledOptions& options = {});

  Parameters initial(const Rng& rng) const;
  Prepared prepare(const Parameters& parameters) const;
  /// kernel_l, profile, and of the steps: lambda and mu where they stand by themselves, first_step,
  /// step.
  Parameters effective_zeros(const Prepared& prepared) const;
  double shard_gradient(const Prepared& prepared, const Shard<T>& shard, LossGradient<T> loss,
                        Parameters& effective, Figures& figures) const;
  Parameters pull_back(const Parameters& parameters, const Prepared& prepared,
                       const Parameters& effective) const;
  double penalty(const Parameters& parameters, const Prepared& prepared,
                 Parameters& gradient) const;
  void estimate(const Prepared& prepared, const Sample<T>& sample, View<T> out) const;

  /// A "crr-tstep" model with the same steps (zero_every_layer: L as the published models are
  /// tested, by the power method on a larger image).
  Model<T> to_model(const Parameters& parameters) const;
  const RidgeUnrolledOptions& options() const { return options_; }

 private:
  Array<double> profile(const Parameters& parameters) const;
  /// Adds the gradient that belongs to the cotangent of the profile.
  void pull_back_profile(const Parameters& parameters, const Array<double>& cotangent,
                         Parameters& gradient) const;
  /// With weight = scale = mu.
  RidgeParameters effective(const Parameters& parameters) const;
  std::vector<double> largest_slopes(const Array<double>& profile, std::vector<Index>* where) const;
  double knot_step() const;
  /// x_1, ..., x_t as (t, N, ...).
  Array<T> iterates(const Prepared& prepared, ConstView<T> y,
                    const std::vector<double>& sigmas) const;
  RidgeUnrolledOptions options_;
};

extern template class RidgeUnrolledLearner<float>;
extern template class RidgeUnrolledLearner<double>;

}  // namespace fejer
