#include "collapse.hpp"

#include <memory>

#include "planes.hpp"

namespace fejer::detail {
namespace {

Extent size_of(const Array<double>& kernel) { return {kernel.shape()[2], kernel.shape()[3]}; }

/// (C, rows, columns) with zeros on the right for whole registers.
std::unique_ptr<PaddedPlanes<double>> padded(const double* from, Index channels, Extent size) {
  auto result = std::make_unique<PaddedPlanes<double>>(channels, size, Extent{0, 8});
  copy<double>(planes(from, channels, size), result->window());
  return result;
}

}  // namespace

void add_collapsed_gradient(const std::vector<Array<double>>& kernels, const double* gradient,
                            std::vector<Array<double>>& sums) {
  const ScopedThreads one(1);  // too little work for more
  const auto& run = detail::kernels<double>();
  std::vector<Array<double>> before;  // P_0, P_1, ...
  for (std::size_t l = 0; l + 1 < kernels.size(); ++l)
    before.push_back(
        collapse({kernels.begin(), kernels.begin() + static_cast<std::ptrdiff_t>(l) + 1}));
  const Array<double> none;
  std::unique_ptr<PaddedPlanes<double>> of_prefix;
  for (std::size_t l = kernels.size(); l-- > 0;) {
    const Shape& s = kernels[l].shape();
    const Index taps = s[2] * s[3];
    const Extent inner = l > 0 ? size_of(before[l - 1]) : Extent{1, 1};
    const Extent outer = inner + Extent{s[2] - 1, s[3] - 1};
    if (l + 1 == kernels.size()) of_prefix = padded(gradient, s[0], outer);
    const Planes<double>& g = of_prefix->window();
    if (l == 0) {
      for (Index i = 0; i < sums[0].size(); ++i)
        sums[0][i] += *g.at(i / taps, i / s[3] % s[2], i % s[3]);
      return;
    }
    const auto p = padded(before[l - 1].data(), s[1], inner);
    const Planes<double>& w = p->window();
    Array<double> of_layer(Shape{s[1], s[0], s[2], s[3]});
    run.correlate({w.origin, w.row, w.plane, g.origin, g.row, g.plane, s[1], s[0], s[2], s[3],
                   inner.rows, inner.columns, of_layer.data()});
    for (Index o = 0; o < s[0]; ++o)
      for (Index i = 0; i < s[1]; ++i)
        for (Index q = 0; q < taps; ++q)
          sums[l][(o * s[1] + i) * taps + q] += of_layer[(i * s[0] + o) * taps + q];
    // The layer from o to i, without the borders.
    Array<double> exchanged(Shape{s[1], s[0], s[2], s[3]});
    for (Index o = 0; o < s[0]; ++o)
      for (Index i = 0; i < s[1]; ++i)
        for (Index q = 0; q < taps; ++q)
          exchanged[(i * s[0] + o) * taps + q] = kernels[l][(o * s[1] + i) * taps + q];
    const PackedKernel<double> back(exchanged, none);
    auto next = std::make_unique<PaddedPlanes<double>>(s[1], inner, Extent{0, 8});
    back.convolve(Planes<double>(g).grown(Extent{} - back.radius()), next->window());
    of_prefix = std::move(next);
  }
}

}  // namespace fejer::detail
