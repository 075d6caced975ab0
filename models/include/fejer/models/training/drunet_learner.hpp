#pragma once
/// DRUNets that learn to denoise at every noise level at once.
#include <fejer/models/drunet.hpp>
#include <fejer/models/model.hpp>
#include <fejer/models/training/learner.hpp>

namespace fejer {

/// N(y, sigma) of Drunet, trained on y = x + sigma n with the level of each sample as the network's
/// noise map (Zhang et al., arXiv 2008.13751, section 3). Parameters: the weights of
/// drunet_weights, under their names, all in group "weights". Samples (image_channels, H, W) of any
/// size. A shard keeps the tape of one sample at a time. Figures: none.
template <class T>
class DrunetLearner {
 public:
  explicit DrunetLearner(const DrunetOptions& options);

  struct Prepared {
    Drunet<T> network;
    Parameters parameters;
  };

  /// Normal of variance 1 / (inputs of an output), a tenth of that size in the last convolution of
  /// each residual block, in those to a finer level and in the last of the network; the first
  /// features are the image, which the last convolution takes as they are: the start is close to
  /// the identity, as of a network with a residual around the whole.
  Parameters initial(const Rng& rng) const;
  Prepared prepare(const Parameters& p) const;
  Parameters effective_zeros(const Prepared& prepared) const;
  double shard_gradient(const Prepared& prepared, const Shard<T>& shard, LossGradient<T> loss,
                        Parameters& effective, Figures& figures) const;
  Parameters pull_back(const Parameters& p, const Prepared& prepared,
                       const Parameters& effective) const;
  void estimate(const Prepared& prepared, const Sample<T>& sample, View<T> out) const;

  const DrunetOptions& options() const { return options_; }
  /// Kind drunet.
  Model<float> to_model(const Parameters& p) const;

 private:
  DrunetOptions options_;
};

extern template class DrunetLearner<float>;
extern template class DrunetLearner<double>;

}  // namespace fejer
