#pragma once
/// Averaged convolutional denoisers whose bound holds while they learn.
#include <optional>
#include <vector>

#include <fejer/models/convolution.hpp>
#include <fejer/models/model.hpp>
#include <fejer/models/slope_bounds.hpp>
#include <fejer/models/training/layer_norm.hpp>
#include <fejer/models/training/learner.hpp>

namespace fejer {

struct LipschitzCnnOptions {
  Index layers = 5, channels = 32, kernel = 3;
  Activation activation = Activation::spline;
  Index knots = 51;
  double x_min = -0.5, x_max = 0.5;               ///< knots of splines; features are about a tenth
  SlopeBounds bounds = SlopeBounds::lipschitz();  ///< of splines
  /// Splines and PReLU start as x for x > 0, left * x else; default 0.1 for splines, -1 for PReLU.
  std::optional<double> left;
  double tv2 = 1e-6;                ///< weight of the total variation of the splines' slopes
  double noise_level = 10.0 / 255;  ///< in the image's unit
  /// Bound of each layer. Above 1 N is not 1-Lipschitz: to measure what the guarantee costs.
  double layer_norm = 1;
};

/// D(x) = (x + N(x)) / 2 as in LipschitzCnn, N's kernels divided by the proven bound of their norm,
/// its splines' slopes clipped, its PReLU slopes clipped to [-1, 1], inside the forward pass:
/// N is 1-Lipschitz at every step, and so is every exported model, by its own certificate.
/// Parameters: weight_l (out, in, k, k) and bias_l (out) in group "weights", activation_l in group
/// "activations". Samples (1, H, W). Figures: none.
template <class T>
class LipschitzCnnLearner {
 public:
  explicit LipschitzCnnLearner(const LipschitzCnnOptions& options);

  struct Prepared {
    std::vector<NormGradient> norms;
    Parameters effective;  ///< what the network computes with, under the parameters' names
    std::vector<Convolution<T>> layers;
    std::vector<ActivationLayer<T>> activations;
  };

  /// One image after another through N on one thread, for learners that have N as a part. Keeps
  /// references to what it is made from.
  class Pass {
   public:
    /// `effective`: as from effective_zeros; gradients are added to it, those of the convolutions
    /// in finish().
    Pass(const LipschitzCnnLearner& learner, const Prepared& prepared, Parameters& effective);
    /// N(x), x of shape (1,H,W), valid until the next call.
    const Array<T>& forward(ConstView<T> x);
    /// For the last forward(x): adds the gradients of <g, N(x)> for the parameters, and returns
    /// that for x in `gx` where it is not null.
    void backward(ConstView<T> x, ConstView<T> g, Array<T>* gx = nullptr);
    void finish();

   private:
    const Prepared& prepared_;
    Parameters& effective_;
    bool has_parameters_;
    std::vector<Array<T>> inputs_, outputs_;  // of each convolution
    std::vector<Array<T>> pulls_;             // gradients for the outputs
    std::vector<Array<T>> weights_, biases_;  // sums of gradients
  };

  /// Random orthogonal matrices at the middle taps, small random values else.
  Parameters initial(const Rng& rng) const;
  Prepared prepare(const Parameters& p) const;
  Parameters effective_zeros(const Prepared& prepared) const;
  double shard_gradient(const Prepared& prepared, const Shard<T>& shard, LossGradient<T> loss,
                        Parameters& effective, Figures& figures) const;
  Parameters pull_back(const Parameters& p, const Prepared& prepared,
                       const Parameters& effective) const;
  double penalty(const Parameters& p, const Prepared& prepared, Parameters& gradient) const;
  void estimate(const Prepared& prepared, const Sample<T>& sample, View<T> out) const;

  const LipschitzCnnOptions& options() const { return options_; }
  /// Kind lipschitz-cnn, normalised by frequency_norm; its network bound is at most 1 (or
  /// layer_norm^layers).
  Model<float> to_model(const Parameters& p) const;

 private:
  Index channels_after(Index layer) const;
  bool has_parameters() const;
  Array<double> knots(const Array<double>& values) const;
  void check(const Parameters& p) const;

  LipschitzCnnOptions options_;
};

extern template class LipschitzCnnLearner<float>;
extern template class LipschitzCnnLearner<double>;

}  // namespace fejer
