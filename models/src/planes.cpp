#include "planes.hpp"

#include <algorithm>
#include <cstring>

namespace fejer::detail {
namespace {

/// Output planes in blocks of 6 and 4 where their number allows, else with one of 1, 2 or 3.
std::vector<Index> block_sizes(Index n) {
  std::vector<Index> sizes;
  if (n == 1 || n == 2) return {n};
  if (n == 5) return {3, 2};
  if (n % 2 == 1) {
    sizes.push_back(3);
    n -= 3;
  }
  Index sixes = n / 6;
  while ((n - 6 * sixes) % 4 != 0) --sixes;
  sizes.insert(sizes.begin(), static_cast<std::size_t>((n - 6 * sixes) / 4), 4);
  sizes.insert(sizes.begin(), static_cast<std::size_t>(sixes), 6);
  return sizes;
}

/// The pixel of 0..n-1 that stands for pixel i of an axis; i as far outside as it may be.
Index source(Index i, Index n, Padding padding) {
  if (padding == Padding::replicate || n == 1) return std::clamp<Index>(i, 0, n - 1);
  const Index period = padding == Padding::circular ? n : 2 * (n - 1);
  const Index j = (i % period + period) % period;
  return j < n ? j : period - j;
}

/// to[c, y, x] = from[c, row + y, column + x], continued as the padding says.
template <class T>
void copy_window(const Planes<const T>& from, Index row, Index column, Padding padding,
                 const Planes<T>& to) {
  const bool zeros = padding == Padding::zero || padding == Padding::valid;
  const Index width = to.size.columns;
  const Index left = std::clamp<Index>(-column, 0, width);
  const Index right = std::clamp<Index>(from.size.columns - column, left, width);
  for (Index c = 0; c < to.channels; ++c)
    for (Index y = 0; y < to.size.rows; ++y) {
      T* const out = to.at(c, y, 0);
      const bool outside = row + y < 0 || row + y >= from.size.rows;
      if (outside && zeros) {
        std::fill_n(out, width, T(0));
        continue;
      }
      const T* const in =
          from.at(c, outside ? source(row + y, from.size.rows, padding) : row + y, 0);
      const auto continued = [&](Index x) {
        return zeros ? T(0) : in[source(column + x, from.size.columns, padding)];
      };
      for (Index x = 0; x < left; ++x) out[x] = continued(x);
      std::copy_n(in + column + left, right - left, out + left);
      for (Index x = right; x < width; ++x) out[x] = continued(x);
    }
}

/// The channels from `first` on.
template <class T>
Planes<T> channels(const Planes<T>& planes, Index first, Index count) {
  Planes<T> some = planes;
  some.origin = planes.at(first, 0, 0);
  some.channels = count;
  return some;
}

/// outside(from, to) for all pixels of the border of an axis.
template <class F>
void each_outside(Index n, Index halo, Padding padding, const F& f) {
  for (Index i = -halo; i < 0; ++i) f(source(i, n, padding), i);
  for (Index i = n; i < n + halo; ++i) f(source(i, n, padding), i);
}

}  // namespace

template <class T>
void PaddedPlanes<T>::clear_border() {
  const Planes<T>& w = window_;
  const Extent halo = halo_;
  const auto clear = [](T* from, Index n) {
    std::memset(static_cast<void*>(from), 0, static_cast<std::size_t>(n) * sizeof(T));
  };
  const Index before = left_, after = row_ - left_ - w.size.columns;
  if (halo.rows == 0 && halo.columns == 0) return;
  const Index grain = std::max<Index>(1, 4096 / (w.size.rows + 1));
  parallel_for(w.channels, grain, [&](Index begin, Index end) {
    for (Index c = begin; c < end; ++c) {
      clear(w.at(c, -halo.rows, -before), halo.rows * row_);
      for (Index y = 0; y < w.size.rows; ++y) {
        clear(w.at(c, y, -before), before);
        clear(w.at(c, y, w.size.columns), after);
      }
      clear(w.at(c, w.size.rows, -before), plane_ - (halo.rows + w.size.rows) * row_);
    }
  });
  clear(memory_.data() + w.channels * plane_, slack);
}

template <class T>
void PaddedPlanes<T>::take(const Planes<const T>& from, Index first, Padding padding) const {
  const Planes<T> padded = window_.grown(halo_);
  const Index grain = std::max<Index>(1, 4096 / window_.size.rows);
  parallel_for(window_.channels, grain, [&](Index begin, Index end) {
    copy_window(channels(from, begin, end - begin), first - halo_.rows, -halo_.columns, padding,
                channels(padded, begin, end - begin));
  });
}

template <class T>
void PaddedPlanes<T>::fold_border(Padding padding) const {
  if (padding == Padding::zero || padding == Padding::valid) return;
  const Planes<T>& w = window_;
  const Index width = w.size.columns + 2 * halo_.columns;
  parallel_for(w.channels, 1, [&](Index begin, Index end) {
    for (Index c = begin; c < end; ++c) {
      each_outside(w.size.rows, halo_.rows, padding, [&](Index to, Index from) {
        const T* const outside = w.at(c, from, -halo_.columns);
        T* const inside = w.at(c, to, -halo_.columns);
        for (Index x = 0; x < width; ++x) inside[x] += outside[x];
      });
      for (Index y = 0; y < w.size.rows; ++y) {
        T* const row = w.at(c, y, 0);
        each_outside(w.size.columns, halo_.columns, padding,
                     [&](Index to, Index from) { row[to] += row[from]; });
      }
    }
  });
}

template <class T>
PackedKernel<T>::PackedKernel(ConstView<T> weights, ConstView<T> bias)
    : out_(weights.shape()[0]),
      in_(weights.shape()[1]),
      rows_(weights.shape()[2]),
      columns_(weights.shape()[3]),
      weights_(Shape{weights.size()}),
      bias_(Shape{out_}) {
  if (bias.size() > 0) std::copy(bias.begin(), bias.end(), bias_.begin());
  Index first = 0;
  const Index taps = in_ * rows_ * columns_;
  for (const Index size : block_sizes(out_)) {
    blocks_.push_back({first, size});
    T* packed = weights_.data() + first * taps;
    for (Index q = 0; q < taps; ++q)
      for (Index b = 0; b < size; ++b) packed[q * size + b] = weights[(first + b) * taps + q];
    first += size;
  }
}

/// Bytes of input for which the caches have room beside weights and output.
constexpr Index first_cache = 1 << 14, second_cache = 1 << 18;

/// Rows of so many input channels run through the first cache together; the sums of the others wait
/// in the output.
template <class T>
Index PackedKernel<T>::channels_at_once(Index columns) const {
  const Index bytes = rows_ * (columns + columns_ - 1) * static_cast<Index>(sizeof(T));
  return std::max<Index>(4, first_cache / std::max<Index>(1, bytes));
}

/// The inner loops over some rows of output, for input channels from..from + in.channels - 1. Row 0
/// is row `first` for `done`, which is called while the cache still holds what a block left.
template <class T>
void PackedKernel<T>::run(const Planes<const T>& in, Index from, const Planes<T>& out,
                          const RowDone* done, Index first) const {
  const Index group = channels_at_once(out.size.columns);
  for (Index c = 0; c < in.channels; c += group)
    run_blocks(blocks_, channels(in, c, std::min(group, in.channels - c)), from + c, out,
               c + group < in.channels ? nullptr : done, first);
}

template <class T>
void PackedKernel<T>::run_blocks(std::span<const Block> blocks, const Planes<const T>& in,
                                 Index from, const Planes<T>& out, const RowDone* done,
                                 Index first) const {
  const Index taps = rows_ * columns_;
  for (const Block& block : blocks) {
    kernels<T>().convolve(
        {.in = in.origin,
         .in_row = in.row,
         .in_plane = in.plane,
         .in_channels = in.channels,
         .kernel_rows = rows_,
         .kernel_columns = columns_,
         .weights = weights_.data() + (block.first * in_ + from * block.size) * taps,
         .bias = from == 0 ? bias_.data() + block.first : nullptr,
         .out = out.at(block.first - blocks.front().first, 0, 0),
         .out_row = out.row,
         .out_plane = out.plane,
         .rows = out.size.rows,
         .columns = out.size.columns,
         .block = static_cast<int>(block.size)});
    if (done == nullptr) continue;
    for (Index c = block.first; c < block.first + block.size; ++c)
      for (Index y = 0; y < out.size.rows; ++y)
        (*done)(c, first + y, out.at(c - blocks.front().first, y, 0));
  }
}

/// The same by small patches of output. Their input is copied, some channels at a time, to where
/// the first cache holds it for many blocks, and their sums lie side by side until they are done:
/// with many channels, both would otherwise take a cache line or two from each of hundreds of rows.
template <class T>
class PackedKernel<T>::Patches {
 public:
  Patches(const PackedKernel& kernel, const Window& input, const Planes<T>& out)
      : k_(kernel),
        input_(input),
        out_(out),
        width_(columns + k_.columns_ - 1),
        tall_(rows + k_.rows_ - 1),
        group_(std::clamp<Index>(first_cache / (tall_ * width_ * static_cast<Index>(sizeof(T))), 1,
                                 k_.in_)) {}

  void run(const RowDone* done) const {
    const Index count = static_cast<Index>(k_.blocks_.size());
    const Index chunks = (count + blocks_at_once - 1) / blocks_at_once;
    const Index bands = (out_.size.rows + rows - 1) / rows;
    parallel_for(bands * chunks, 1, [&](Index begin, Index end) {
      Scratch<T> inputs(group_ * tall_ * width_), sums(6 * blocks_at_once * rows * columns);
      for (Index i = begin; i < end; ++i) {
        const Index first = i % chunks * blocks_at_once;
        const auto blocks =
            std::span(k_.blocks_)
                .subspan(static_cast<std::size_t>(first),
                         static_cast<std::size_t>(std::min(blocks_at_once, count - first)));
        const Index top = i / chunks * rows, bottom = std::min(top + rows, out_.size.rows);
        for (Index x = 0; x < out_.size.columns; x += columns)
          patch(blocks, top, x, inputs.data(), sums.data());
        if (done == nullptr) continue;
        for (Index c = blocks.front().first; c < blocks.back().first + blocks.back().size; ++c)
          for (Index y = top; y < bottom; ++y) (*done)(c, y, out_.at(c, y, 0));
      }
    });
  }

 private:
  static constexpr Index rows = 8, columns = 16, blocks_at_once = 16;

  void patch(std::span<const Block> blocks, Index y, Index x, T* inputs, T* sums) const {
    const Extent size = smaller({rows, columns}, out_.size - Extent{y, x});
    const Index first = blocks.front().first;
    const Index count = blocks.back().first + blocks.back().size - first;
    const Planes<T> sum{sums, columns, size.rows * columns, count, size};
    Planes<T> some{inputs, width_, tall_ * width_, 0, size + k_.radius() + k_.radius()};
    for (Index c = 0; c < k_.in_; c += group_) {
      some.channels = std::min(group_, k_.in_ - c);
      copy_window(channels(input_.planes, c, some.channels), input_.row + y, input_.column + x,
                  input_.padding, some);
      k_.run_blocks(blocks, constant(some), c, sum);
    }
    Planes<T> to = channels(out_, first, count);
    to.origin = to.at(0, y, x);
    to.size = size;
    copy_window(constant(sum), 0, 0, Padding::valid, to);
  }

  const PackedKernel& k_;
  const Window& input_;
  const Planes<T>& out_;
  Index width_, tall_, group_;
};

/// Rows of output that make a piece for a thread: of 1 Mflop or more, since the packed weights are
/// read once a piece, and at least `least`.
template <class T>
Index PackedKernel<T>::band(Extent out, Index least) const {
  const Index work = std::max<Index>(1, 2 * in_ * rows_ * columns_ * out_ * out.columns);
  return std::clamp<Index>(1000000 / work, std::min<Index>(least, 64), 64);
}

template <class T>
void PackedKernel<T>::convolve(const Planes<T>& in, const Planes<T>& out,
                               const RowDone* done) const {
  const Planes<T> source = in.grown(radius());
  if (in_patches()) {
    const Window window{constant(source), 0, 0, Padding::valid};
    return Patches(*this, window, out).run(done);
  }
  parallel_for(out.size.rows, band(out.size, out.size.rows >= 64 ? 8 : 4),
               [&](Index begin, Index end) {
                 Planes<T> from = source, to = out;
                 from.origin = source.at(0, begin, 0);
                 to.origin = out.at(0, begin, 0);
                 to.size.rows = end - begin;
                 run(constant(from), 0, to, done, begin);
               });
}

/// In patches, or in bands whose input is copied, as many channels at once as the second cache
/// holds.
template <class T>
void PackedKernel<T>::convolve(const Planes<const T>& x, Extent shift, Padding padding,
                               const Planes<T>& out) const {
  const Extent r = radius();
  if (in_patches()) {
    const Window window{x, shift.rows - r.rows, shift.columns - r.columns, padding};
    return Patches(*this, window, out).run(nullptr);
  }
  // A band of 4 radii copies half as much again, at most.
  const Index tall = band(out.size, std::max<Index>(out.size.rows >= 64 ? 16 : 4, 4 * r.rows));
  const Index row = (x.size.columns + 16) * static_cast<Index>(sizeof(T));
  const Index group = std::clamp<Index>(second_cache / ((tall + 2 * r.rows) * row), 1, in_);
  parallel_for(out.size.rows, tall, [&](Index begin, Index end) {
    Planes<T> rows = out;
    rows.origin = out.at(0, begin, 0);
    rows.size.rows = end - begin;
    for (Index c = 0; c < in_; c += group) {
      const Index count = std::min(group, in_ - c);
      const PaddedPlanes<T> padded(count, {end - begin, x.size.columns},
                                   {r.rows, r.columns - shift.columns});
      padded.take(channels(x, c, count), begin + shift.rows, padding);
      Planes<T> in = padded.window();
      in.origin = in.at(0, 0, shift.columns);
      in.size = rows.size;
      run(constant(in.grown(r)), c, rows);
    }
  });
}

template <class T>
Array<T> adjoint_kernel(ConstView<T> weights) {
  const Index out = weights.shape()[0], in = weights.shape()[1];
  const Index taps = weights.shape()[2] * weights.shape()[3];
  Array<T> result(Shape{in, out, weights.shape()[2], weights.shape()[3]});
  for (Index o = 0; o < out; ++o)
    for (Index i = 0; i < in; ++i)
      for (Index q = 0; q < taps; ++q)
        result[(i * out + o) * taps + taps - 1 - q] = weights[(o * in + i) * taps + q];
  return result;
}

template <class T>
void copy(const Planes<const T>& from, const Planes<T>& to) {
  const Index rows = from.size.rows;
  parallel_for(from.channels * rows, 64, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      const T* row = from.at(i / rows, i % rows, 0);
      std::copy(row, row + from.size.columns, to.at(i / rows, i % rows, 0));
    }
  });
}

template class PaddedPlanes<float>;
template class PaddedPlanes<double>;
template class PackedKernel<float>;
template class PackedKernel<double>;
template Array<float> adjoint_kernel(ConstView<float>);
template Array<double> adjoint_kernel(ConstView<double>);
template void copy(const Planes<const float>&, const Planes<float>&);
template void copy(const Planes<const double>&, const Planes<double>&);

}  // namespace fejer::detail
