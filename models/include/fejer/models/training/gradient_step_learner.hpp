#pragma once
/// Gradient-step denoisers that learn to denoise at every noise level at once.
#include <vector>

#include <fejer/models/gradient_step_drunet.hpp>
#include <fejer/models/training/drunet_learner.hpp>

namespace fejer {

struct GradientStepOptions {
  DrunetOptions network{.activation = DrunetActivation::softplus};
  /// Weight of max(||Hess g(y, sigma)||, jacobian_bound), added to the loss of each sample; 0:
  /// none.
  double jacobian_weight = 0;
  double jacobian_bound = 0.9;
  /// The power method that finds the norm ends after so many steps, or with such a change.
  Index power_steps = 50;
  double power_tolerance = 1e-2;
  std::vector<Array<double>> start = {};  ///< weights to start from; none: those of DrunetLearner
};

/// D(y, sigma) = y - grad g(y, sigma) of GradientStepDrunet, trained as DrunetLearner trains N
/// (Hurault, Leclaire, Papadakis, arXiv 2110.03220, section 5.1: with the l2 loss). With softplus
/// and ||Hess g|| < 1 everywhere D is the prox of a function (arXiv 2201.13256, proposition 3.1);
/// the penalty lowers the norm on the training samples (there section 4.1: weight 1e-3 beside the
/// mean squared error, bound 0.9), which proves nothing for other images. Parameters and samples
/// are those of DrunetLearner. A shard keeps the tape of one sample at a time. A sample costs 8/3
/// of what it costs there, with the penalty another 3 and 4/3 for each step of the power method.
/// Figures, with the penalty: the mean estimate of the norm.
template <class T>
class GradientStepLearner {
 public:
  /// Throws ArgumentError for ReLU, whose D jumps, and for options out of range.
  explicit GradientStepLearner(const GradientStepOptions& options);

  struct Prepared {
    GradientStepDrunet<T> denoiser;
    Parameters parameters;
  };

  Parameters initial(const Rng& rng) const;
  Prepared prepare(const Parameters& p) const;
  Parameters effective_zeros(const Prepared& prepared) const;
  double shard_gradient(const Prepared& prepared, const Shard<T>& shard, LossGradient<T> loss,
                        Parameters& effective, Figures& figures) const;
  Parameters pull_back(const Parameters& p, const Prepared& prepared,
                       const Parameters& effective) const;
  void estimate(const Prepared& prepared, const Sample<T>& sample, View<T> out) const;

  const GradientStepOptions& options() const { return options_; }
  /// Kind gsdrunet.
  Model<float> to_model(const Parameters& p) const;

 private:
  double jacobian_penalty(const GradientStepDrunet<T>& denoiser, const Sample<T>& sample,
                          DrunetGradient<T>& gradient, Figures& figures) const;

  GradientStepOptions options_;
  DrunetLearner<T> network_;
};

extern template class GradientStepLearner<float>;
extern template class GradientStepLearner<double>;

}  // namespace fejer
