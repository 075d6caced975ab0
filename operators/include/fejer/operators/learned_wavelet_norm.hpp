#pragma once
#include <vector>

#include <fejer/operators/wavelet_norm.hpp>

namespace fejer {

/// What a logarithm is added for to all weights that share it; of M bases each has its own unless
/// said otherwise.
enum class WeightTerm {
  all,                      ///< one, for all bases
  scales,                   ///< one for the coarse band and one for each level
  bands,                    ///< one for the coarse band and each orientation of each level
  bands_of_channels,        ///< the same for each channel
  channels,                 ///< one for each channel, for all bases
  orientations,             ///< one for each orientation, for all bases; the coarse band has none
  orientations_of_channels  ///< the same for each channel
};

/// Weighted mixed norms of wavelet coefficients with few parameters theta (Davy, Briceno-Arias,
/// Pustelnik, arXiv 2506.13239): log d = the sum of the terms' entries of theta, one term after the
/// other, so that weights are positive whatever theta is. Within a term: bases, channels, then
/// bands or orientations, last fastest. With the terms {scales, orientations_of_channels} and
/// groups of both: the weighted groups of that paper.
class LearnedWaveletNorm {
 public:
  /// Shapes as of WaveletNorm. Throws ArgumentError without terms, and where the first leaves a
  /// band without a weight.
  LearnedWaveletNorm(std::vector<WaveletBand> bands, const Shape& coefficients,
                     WaveletGroups groups, const std::vector<WeightTerm>& terms);

  const Shape& coefficients() const { return shape_; }
  Index parameters() const { return parameters_; }
  /// theta with which all weights are `weight`: its logarithm in the first term, 0 in the others.
  Array<double> uniform(double weight) const;
  /// (planes, bands).
  Array<double> weights(ConstView<double> theta) const;
  template <class T>
  WaveletNorm<T> norm(ConstView<double> theta) const {
    return WaveletNorm<T>(bands_, shape_, groups_, weights(theta));
  }
  /// Adds the derivatives in theta to theta_bar, from those in log d.
  void pull_back(ConstView<double> log_weights, View<double> theta_bar) const;

 private:
  std::vector<WaveletBand> bands_;
  Shape shape_;
  WaveletGroups groups_;
  Index parameters_ = 0, first_ = 0;        ///< first_: of the first term
  std::vector<std::vector<Index>> places_;  ///< by term: which entry of theta, -1 for none
};

}  // namespace fejer
