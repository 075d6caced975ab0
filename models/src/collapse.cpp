#include "collapse.hpp"

#include <memory>

namespace fejer::detail {
namespace {

/// (out, in, taps) to (in, out, taps).
void exchange(Index out, Index in, Index taps, const double* from, double* to) {
  for (Index o = 0; o < out; ++o)
    for (Index i = 0; i < in; ++i)
      for (Index q = 0; q < taps; ++q) to[(i * out + o) * taps + q] = from[(o * in + i) * taps + q];
}

Extent size_of(const Array<double>& kernel) { return {kernel.shape()[2], kernel.shape()[3]}; }

/// Planes with zeros on the right for whole registers.
using Padded = std::unique_ptr<PaddedPlanes<double>>;
Padded padded(Index channels, Extent size) {
  return std::make_unique<PaddedPlanes<double>>(channels, size, Extent{0, 8});
}
Padded padded(const double* from, Index channels, Extent size) {
  Padded result = padded(channels, size);
  copy<double>(planes(from, channels, size), result->window());
  return result;
}

}  // namespace

CollapsedKernel::CollapsedKernel(const std::vector<Array<double>>& layers) {
  const Array<double> none;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    prefixes_.push_back(
        collapse({layers.begin(), layers.begin() + static_cast<std::ptrdiff_t>(l) + 1}));
    const Shape& s = layers[l].shape();
    Array<double> exchanged(Shape{s[1], s[0], s[2], s[3]});
    exchange(s[0], s[1], s[2] * s[3], layers[l].data(), exchanged.data());
    if (l > 0) to_prefix_.emplace_back(exchanged, none);
  }
}

void CollapsedKernel::add_to_layers(const double* gradient,
                                    std::vector<Array<double>>& sums) const {
  const ScopedThreads one(1);  // too little work for more
  Padded of_prefix = padded(gradient, prefixes_.back().shape()[0], size_of(prefixes_.back()));
  for (std::size_t l = sums.size() - 1; l > 0; --l) {
    const Shape& s = sums[l].shape();
    const Array<double>& before = prefixes_[l - 1];
    const Extent inner = size_of(before);
    const Padded inputs = padded(before.data(), s[1], inner);
    const Planes<double>&w = inputs->window(), &g = of_prefix->window();
    Array<double> of_layer(Shape{s[1], s[0], s[2], s[3]}), exchanged(s);
    kernels<double>().correlate({w.origin, w.row, w.plane, g.origin, g.row, g.plane, s[1], s[0],
                                 s[2], s[3], inner.rows, inner.columns, of_layer.data()});
    exchange(s[1], s[0], s[2] * s[3], of_layer.data(), exchanged.data());
    for (Index i = 0; i < exchanged.size(); ++i) sums[l][i] += exchanged[i];
    Padded next = padded(s[1], inner);
    const PackedKernel<double>& back = to_prefix_[l - 1];
    back.convolve(g.grown(Extent{} - back.radius()), next->window());
    of_prefix = std::move(next);
  }
  const Planes<double>& first = of_prefix->window();
  Index i = 0;
  for (Index c = 0; c < first.channels; ++c)
    for (Index y = 0; y < first.size.rows; ++y)
      for (Index x = 0; x < first.size.columns; ++x) sums[0][i++] += *first.at(c, y, x);
}

}  // namespace fejer::detail
