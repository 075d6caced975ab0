#pragma once
#include <algorithm>
#include <memory>
#include <vector>

#include "kernel_gradient.hpp"
#include "multi_convolution_data.hpp"

namespace fejer::detail {

/// What the layers see of an image, and what comes back through them. Level l lies on the image
/// and reach(l) more pixels on each side.
template <class T, class Convolutions>
class Levels {
 public:
  using Stack = std::vector<std::unique_ptr<PaddedPlanes<T>>>;

  Levels(const Convolutions& w, Extent image) : w_(w), image_(image) {}
  /// `count` images side by side, each with zeros around it, for Borders::zero_every_layer: image i
  /// begins at column i * step().
  Levels(const Convolutions& w, Extent image, Index count)
      : w_(w), image_(image), width_(image.columns) {
    for (std::size_t l = 0; l < w.layers(); ++l) gap_ = std::max(gap_, w.radius(l).columns);
    image_.columns = count * step();
  }
  Index step() const { return width_ + gap_; }

  Extent size(std::size_t l) const { return image_ + w_.reach(l) + w_.reach(l); }

  Stack forward(const T* x) const {
    Stack v;
    for (std::size_t l = 0; l < w_.layers(); ++l)
      v.push_back(std::make_unique<PaddedPlanes<T>>(w_.forward[l].in_channels(), size(l),
                                                    larger(w_.radius(l), {0, 1})));
    Planes<T> inner = v[0]->window();
    if (w_.reach(0).rows + w_.reach(0).columns > 0) clear_rows(inner, 0);
    copy<T>(planes<const T>(x, 1, image_), inner.grown(Extent{} - w_.reach(0)));
    for (std::size_t l = 0; l + 1 < w_.layers(); ++l) {
      w_.forward[l].convolve(seen(v, l), v[l + 1]->window());
      clear_gaps(v[l + 1]->window());
    }
    return v;
  }

  /// What layer l reads, as a window of the size that it writes.
  Planes<T> seen(const Stack& v, std::size_t l) const {
    Planes<T> window = v[l]->window().grown(w_.reach(l + 1) - w_.reach(l));
    window.size = size(l + 1);
    return window;
  }

  /// c at level l + 1, with zeros around as its adjoint needs them.
  std::unique_ptr<PaddedPlanes<T>> cotangent(std::size_t l) const {
    const Extent more = w_.reach(l) - w_.reach(l + 1) + w_.radius(l);
    return std::make_unique<PaddedPlanes<T>>(w_.forward[l].out_channels(), size(l + 1),
                                             larger(more, {0, 1}));
  }

  /// Adds the gradients of the kernels for <c, W v>; out = W^T c unless it is null.
  void backward(std::unique_ptr<PaddedPlanes<T>> c, const Stack& v, Array<double>* kernels,
                T* out) const {
    for (std::size_t l = w_.layers(); l-- > 0;) {
      correlate(c->window(), seen(v, l), l, kernels[l]);
      if (l == 0) break;
      auto next = cotangent(l - 1);
      w_.backward[l].convolve(c->window().grown(w_.reach(l) - w_.reach(l + 1)), next->window());
      clear_gaps(next->window());
      c = std::move(next);
    }
    if (out != nullptr)
      w_.backward[0].convolve(c->window().grown(Extent{} - w_.reach(1)), planes(out, 1, image_));
  }

 private:
  void clear_gaps(const Planes<T>& v) const {
    for (Index c = 0; c < v.channels && gap_ > 0; ++c)
      for (Index y = 0; y < v.size.rows; ++y)
        for (Index x = width_; x < v.size.columns; x += step())
          std::fill_n(v.at(c, y, x), gap_, T(0));
  }
  /// In at most 16 parts.
  void correlate(const Planes<T>& c, const Planes<T>& v, std::size_t l, Array<double>& sum) const {
    const Planes<T> in = v.grown(w_.radius(l));
    const Shape& s = w_.kernels[l].shape();
    const Index rows = c.size.rows, count = sum.size();
    const Index band = correlation_band(c.size);
    const Index bands = (rows + band - 1) / band, grain = (bands + 15) / 16;
    const Index parts = (bands + grain - 1) / grain;
    Scratch<T> memory(parts * count);
    T* const results = memory.data();
    std::fill_n(results, parts * count, T(0));
    parallel_for(bands, grain, [&](Index begin, Index end) {
      for (Index b = begin; b < end; ++b)
        kernels<T>().correlate({c.at(0, b * band, 0), c.row, c.plane, in.at(0, b * band, 0), in.row,
                                in.plane, s[0], s[1], s[2], s[3], std::min(band, rows - b * band),
                                c.size.columns, results + b / grain * count});
    });
    for (Index p = 0; p < parts; ++p)
      for (Index i = 0; i < count; ++i) sum[i] += static_cast<double>(results[p * count + i]);
  }

  const Convolutions& w_;
  Extent image_;
  Index width_ = 0, gap_ = 0;
};

}  // namespace fejer::detail
