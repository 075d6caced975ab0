#include "kernel_gradient.hpp"

#include <algorithm>

namespace fejer::detail {
namespace {

constexpr Index most_parts = 16;

}  // namespace

template <class T>
void add_kernel_gradient(const GradientShape& shape, ConstView<T> g,
                         FunctionRef<void(Index n, const PaddedPlanes<T>& x)> fill,
                         View<T> weights) {
  const Shape& k = shape.kernel;
  const Extent size = shape.output;
  if (size.rows == 0 || size.columns == 0) return;
  const Index band = correlation_band(size);
  const Index bands = (size.rows + band - 1) / band, count = k.size();
  const bool many = shape.samples >= most_parts;
  const Index items = many ? shape.samples : bands, grain = (items + most_parts - 1) / most_parts;
  const Index parts = (items + grain - 1) / grain;
  Scratch<T> memory(parts * count);
  T* const results = memory.data();
  std::fill_n(results, parts * count, T(0));
  const Extent clean{0, 1};  // rows that go on with zeros
  const auto sample = [&](Index n, const auto& run) {
    PaddedPlanes<T> x(k[1], shape.input, larger(shape.border, clean)), c(k[0], size, clean);
    fill(n, x);
    copy<T>(sample_planes<const T>(g, n), c.window());
    run(c.window(), x.window().grown(shape.border));
  };
  // Output planes from `first` on.
  const auto correlate = [&](const Planes<T>& c, const Planes<T>& x, Index b, Index first,
                             Index planes, T* result) {
    kernels<T>().correlate({c.at(first, b * band, 0), c.row, c.plane, x.at(0, b * band, 0), x.row,
                            x.plane, planes, k[1], k[2], k[3], std::min(band, size.rows - b * band),
                            size.columns, result + first * (count / k[0])});
  };
  if (many) {
    parallel_for(items, grain, [&](Index begin, Index end) {
      for (Index n = begin; n < end; ++n)
        sample(n, [&](const Planes<T>& c, const Planes<T>& x) {
          for (Index b = 0; b < bands; ++b)
            correlate(c, x, b, 0, k[0], results + begin / grain * count);
        });
    });
  } else {
    constexpr Index group = 24;
    const Index groups = (k[0] + group - 1) / group;
    for (Index n = 0; n < shape.samples; ++n)
      sample(n, [&](const Planes<T>& c, const Planes<T>& x) {
        parallel_for(parts * groups, 1, [&](Index begin, Index end) {
          for (Index i = begin; i < end; ++i) {
            const Index p = i / groups, first = i % groups * group;
            for (Index b = p * grain; b < std::min(bands, (p + 1) * grain); ++b)
              correlate(c, x, b, first, std::min(group, k[0] - first), results + p * count);
          }
        });
      });
  }
  parallel_for(count, 4096, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      double sum = 0;
      for (Index p = 0; p < parts; ++p) sum += static_cast<double>(results[p * count + i]);
      weights[i] += static_cast<T>(sum);
    }
  });
}

template <class T>
void add_bias_gradient(ConstView<T> g, View<T> bias) {
  const Extent size = image_size(g.shape());
  const Index pixels = size.rows * size.columns, channels = bias.size();
  parallel_for(channels, 1, [&](Index begin, Index end) {
    for (Index o = begin; o < end; ++o) {
      constexpr Index width = 8;
      double sums[width] = {};
      for (Index n = 0; n < samples(g.shape()); ++n) {
        const T* const plane = g.data() + (n * channels + o) * pixels;
        Index i = 0;
        for (; i + width <= pixels; i += width)
          for (Index j = 0; j < width; ++j) sums[j] += static_cast<double>(plane[i + j]);
        for (Index j = 0; i + j < pixels; ++j) sums[j] += static_cast<double>(plane[i + j]);
      }
      double total = 0;
      for (const double s : sums) total += s;
      bias[o] += static_cast<T>(total);
    }
  });
}

template void add_kernel_gradient(const GradientShape&, ConstView<float>,
                                  FunctionRef<void(Index, const PaddedPlanes<float>&)>,
                                  View<float>);
template void add_kernel_gradient(const GradientShape&, ConstView<double>,
                                  FunctionRef<void(Index, const PaddedPlanes<double>&)>,
                                  View<double>);
template void add_bias_gradient(ConstView<float>, View<float>);
template void add_bias_gradient(ConstView<double>, View<double>);

}  // namespace fejer::detail
