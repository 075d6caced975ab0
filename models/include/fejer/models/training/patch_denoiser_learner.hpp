#pragma once
/// Fully connected networks that learn to denoise patches.
#include <vector>

#include <fejer/models/activation.hpp>
#include <fejer/models/model.hpp>
#include <fejer/models/slope_bounds.hpp>
#include <fejer/models/training/learner.hpp>

namespace fejer {

struct PatchDenoiserOptions {
  double noise_level = 25.0 / 255;
  Index size = 8;                    ///< of patches
  std::vector<Index> hidden = {64};  ///< units of the hidden layers
  double slope = 0.01;               ///< of the leaky ReLU, in [0, 1)
  double lambda_w = 0, lambda_b = 0;
  /// relu: leaky with `slope`; spline: one for each hidden unit, which starts as that.
  Activation activation = Activation::relu;
  Index knots = 33;
  double x_min = -4, x_max = 4;                   ///< knots of splines
  SlopeBounds bounds = SlopeBounds::lipschitz();  ///< of splines
  double tv2 = 1e-3;  ///< weight of the total variation of the splines' slopes
};

/// PatchDenoiser, trained on images of its patch size (each patch by itself) or larger ones (their
/// mean where they overlap). Parameters: "weight_0", "bias_0", ..., all in group "weights"; of
/// splines "activation_0", ... (units, knots) in group "activations", whose slopes are brought into
/// the bounds inside the forward pass, so that those of every exported model are. Penalty:
///   sigma^2 / 2 (lambda_w sum_l sum_j ||column j of W_l||_2 + lambda_b sum_l ||b_l||^2
///                + tv2 sum_l TV(f_l')),
/// so that without splines with patches of size x size, the loss l2 and reference_pixels = size^2,
/// batch means are sigma^2 / 2 times the objective F of SparseFit on (P - m) / sigma. At a zero
/// column the subgradient 0. Images (1, H, W). Figures: none.
template <class T>
class PatchDenoiserLearner {
 public:
  /// Throws ArgumentError for options out of range.
  explicit PatchDenoiserLearner(const PatchDenoiserOptions& options);

  struct Prepared {
    PatchDenoiserParameters network;
    FullyConnectedLayers<T> layers;
  };

  /// He's normal weights, biases 0.
  Parameters initial(const Rng& rng) const;
  Prepared prepare(const Parameters& p) const;
  Parameters effective_zeros(const Prepared& prepared) const;
  double shard_gradient(const Prepared& prepared, const Shard<T>& shard, LossGradient<T> loss,
                        Parameters& effective, Figures& figures) const;
  Parameters pull_back(const Parameters& p, const Prepared& prepared,
                       const Parameters& effective) const;
  double penalty(const Parameters& p, const Prepared& prepared, Parameters& gradient) const;
  void estimate(const Prepared& prepared, const Sample<T>& sample, View<T> out) const;

  const PatchDenoiserOptions& options() const { return options_; }
  /// What the network computes with: splines within their bounds.
  PatchDenoiserParameters parameters(const Parameters& p) const;
  /// Kind patch-denoiser.
  Model<float> to_model(const Parameters& p) const;

 private:
  bool has_splines() const { return options_.activation == Activation::spline; }
  Array<double> knots(const Array<double>& values) const;
  PatchDenoiserOptions options_;
};

extern template class PatchDenoiserLearner<float>;
extern template class PatchDenoiserLearner<double>;

}  // namespace fejer
