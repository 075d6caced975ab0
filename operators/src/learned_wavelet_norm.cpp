#include <fejer/operators/learned_wavelet_norm.hpp>

#include <algorithm>
#include <cmath>

namespace fejer {
namespace {

/// One weight: its basis, channel and band.
struct WeightAt {
  Index basis, channel, channels, band;
  const std::vector<WaveletBand>& bands;

  Index count() const { return static_cast<Index>(bands.size()); }
  bool coarse() const { return band == 0; }
  /// 0 for the coarse band, then from the coarsest level to the finest.
  Index scale() const { return (band + 2) / 3; }
  Index scales() const { return (count() + 2) / 3; }
  Index orientation() const { return (band - 1) % 3; }
};

/// Entry of its term, -1 for none.
Index entry_of(WeightTerm term, const WeightAt& w) {
  switch (term) {
    case WeightTerm::all:
      return 0;
    case WeightTerm::scales:
      return w.basis * w.scales() + w.scale();
    case WeightTerm::bands:
      return w.basis * w.count() + w.band;
    case WeightTerm::bands_of_channels:
      return (w.basis * w.channels + w.channel) * w.count() + w.band;
    case WeightTerm::channels:
      return w.channel;
    case WeightTerm::orientations:
      return w.coarse() ? -1 : w.orientation();
    case WeightTerm::orientations_of_channels:
      return w.coarse() ? -1 : 3 * w.channel + w.orientation();
  }
  return -1;
}

}  // namespace

LearnedWaveletNorm::LearnedWaveletNorm(std::vector<WaveletBand> bands, const Shape& coefficients,
                                       WaveletGroups groups, const std::vector<WeightTerm>& terms)
    : bands_(std::move(bands)), shape_(coefficients), groups_(groups) {
  const Index planes = wavelet_planes(coefficients);
  const Index channels = coefficients.rank() > 2 ? coefficients.back(2) : 1;
  if (terms.empty()) throw ArgumentError("LearnedWaveletNorm: got no term, expected at least one");
  for (const WeightTerm term : terms) {
    std::vector<Index> places;
    Index largest = -1;
    for (Index p = 0; p < planes; ++p)
      for (Index b = 0; b < static_cast<Index>(bands_.size()); ++b) {
        const Index entry = entry_of(term, {p / channels, p % channels, channels, b, bands_});
        if (entry < 0 && places_.empty())
          throw ArgumentError(
              "LearnedWaveletNorm: the first term leaves the coarse band without a weight, "
              "expected all, scales, bands, bands_of_channels or channels there");
        largest = std::max(largest, entry);
        places.push_back(entry < 0 ? -1 : parameters_ + entry);
      }
    if (places_.empty()) first_ = largest + 1;
    parameters_ += largest + 1;
    places_.push_back(std::move(places));
  }
  const Array<double> ones = uniform(1);
  norm<double>(ones);  // throws where bands and groups do not fit
}

Array<double> LearnedWaveletNorm::uniform(double weight) const {
  Array<double> theta(Shape{parameters_});
  std::fill(theta.begin(), theta.begin() + first_, std::log(weight));
  return theta;
}

Array<double> LearnedWaveletNorm::weights(ConstView<double> theta) const {
  require_shape("LearnedWaveletNorm parameters", theta.shape(), Shape{parameters_});
  const auto bands = static_cast<Index>(bands_.size());
  Array<double> w(Shape{wavelet_planes(shape_), bands});
  for (const std::vector<Index>& places : places_)
    for (Index i = 0; i < w.size(); ++i)
      if (const Index at = places[static_cast<std::size_t>(i)]; at >= 0) w[i] += theta[at];
  for (double& x : w) x = std::exp(x);
  return w;
}

void LearnedWaveletNorm::pull_back(ConstView<double> log_weights, View<double> theta_bar) const {
  require_shape("LearnedWaveletNorm gradient", theta_bar.shape(), Shape{parameters_});
  require_shape("LearnedWaveletNorm weights", log_weights.shape(),
                Shape{wavelet_planes(shape_), static_cast<Index>(bands_.size())});
  for (const std::vector<Index>& places : places_)
    for (Index i = 0; i < log_weights.size(); ++i)
      if (const Index at = places[static_cast<std::size_t>(i)]; at >= 0)
        theta_bar[at] += log_weights[i];
}

}  // namespace fejer
