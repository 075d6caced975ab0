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
      clear(w.at(c, w.size.rows, -before), halo.rows * row_);
    }
  });
  clear(memory_.data() + w.channels * plane_, slack);
}

template <class T>
void PaddedPlanes<T>::take(const Planes<const T>& from, Index first, Padding padding) const {
  const Planes<T>& w = window_;
  const bool zeros = padding == Padding::zero || padding == Padding::valid;
  const Index columns = w.size.columns, width = columns + 2 * halo_.columns;
  parallel_for(w.channels, std::max<Index>(1, 4096 / w.size.rows), [&](Index begin, Index end) {
    for (Index c = begin; c < end; ++c)
      for (Index y = -halo_.rows; y < w.size.rows + halo_.rows; ++y) {
        T* const row = w.at(c, y, 0);
        const bool outside = first + y < 0 || first + y >= from.size.rows;
        if (outside && zeros) {
          std::fill_n(row - halo_.columns, width, T(0));
          continue;
        }
        const Index s = outside ? source(first + y, from.size.rows, padding) : first + y;
        std::copy_n(from.at(c, s, 0), columns, row);
        if (!zeros)
          each_outside(columns, halo_.columns, padding,
                       [&](Index there, Index here) { row[here] = row[there]; });
      }
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

/// Columns of output pixels that are computed from one copy of their input.
constexpr Index patch_columns = 16;

/// The inner loops of all blocks over some rows of output, the first of which is row `first` for
/// `done`, which is called while the cache still holds what a block left.
template <class T>
void PackedKernel<T>::run(const Planes<const T>& in, const Planes<T>& out, const RowDone* done,
                          Index first) const {
  const Index taps = in_ * rows_ * columns_;
  for (const Block& block : blocks_) {
    kernels<T>().convolve({.in = in.origin,
                           .in_row = in.row,
                           .in_plane = in.plane,
                           .in_channels = in_,
                           .kernel_rows = rows_,
                           .kernel_columns = columns_,
                           .weights = weights_.data() + block.first * taps,
                           .bias = bias_.data() + block.first,
                           .out = out.at(block.first, 0, 0),
                           .out_row = out.row,
                           .out_plane = out.plane,
                           .rows = out.size.rows,
                           .columns = out.size.columns,
                           .block = static_cast<int>(block.size)});
    if (done == nullptr) continue;
    for (Index c = block.first; c < block.first + block.size; ++c)
      for (Index y = 0; y < out.size.rows; ++y) (*done)(c, first + y, out.at(c, y, 0));
  }
}

/// The same by small patches of output, whose input is copied to where the first cache holds it for
/// all blocks: with many channels, reading it where it lies would take a cache line or two from
/// each of hundreds of rows, again for every block.
template <class T>
void PackedKernel<T>::run_patches(const Planes<const T>& in, const Planes<T>& out) const {
  const Index width = patch_columns + columns_ - 1;
  const Index fit = (Index{1} << 14) / (in_ * width * static_cast<Index>(sizeof(T)));
  const Index patch_rows = std::max<Index>(1, fit - (rows_ - 1));
  Scratch<T> memory(in_ * (patch_rows + rows_ - 1) * width + 64);
  for (Index y = 0; y < out.size.rows; y += patch_rows) {
    const Index rows = std::min(patch_rows, out.size.rows - y), tall = rows + rows_ - 1;
    for (Index x = 0; x < out.size.columns; x += patch_columns) {
      const Index columns = std::min(patch_columns, out.size.columns - x);
      const Planes<T> copied{memory.data(), width, tall * width, in_, {rows, columns}};
      for (Index c = 0; c < in_; ++c)
        for (Index r = 0; r < tall; ++r)
          std::memcpy(copied.at(c, r, 0), in.at(c, y + r, x),
                      static_cast<std::size_t>(columns + columns_ - 1) * sizeof(T));
      Planes<T> to = out;
      to.origin = out.at(0, y, x);
      to.size = {rows, columns};
      run(constant(copied), to, nullptr, 0);
    }
  }
}

template <class T>
void PackedKernel<T>::convolve(const Planes<T>& in, const Planes<T>& out,
                               const RowDone* done) const {
  const Planes<T> source = in.grown(radius());
  const Index taps = in_ * rows_ * columns_;
  // Pieces of 1 Mflop or more, of at least 4 rows: the packed weights are read once a piece.
  const Index work = std::max<Index>(1, 2 * taps * out_ * out.size.columns);
  const Index band = std::clamp<Index>(1000000 / work, out.size.rows >= 64 ? 8 : 4, 64);
  // Measured: 5 to 50 % faster from 32 channels on both sides, slower with fewer or with one tap.
  const bool patches = in_ >= 32 && out_ >= 32 && rows_ * columns_ > 1;
  parallel_for(out.size.rows, band, [&](Index begin, Index end) {
    Planes<T> from = source, to = out;
    from.origin = source.at(0, begin, 0);
    to.origin = out.at(0, begin, 0);
    to.size.rows = end - begin;
    if (!patches) return run(constant(from), to, done, begin);
    run_patches(constant(from), to);
    if (done == nullptr) return;
    for (Index c = 0; c < out_; ++c)
      for (Index y = begin; y < end; ++y) (*done)(c, y, out.at(c, y, 0));
  });
}

/// In bands whose input is copied where the second cache holds it, at most half as much again.
template <class T>
void PackedKernel<T>::convolve(const Planes<const T>& x, Extent shift, Padding padding,
                               const Planes<T>& out) const {
  const Extent r = radius();
  const Index row = in_ * (x.size.columns + 16) * static_cast<Index>(sizeof(T));
  const Index band = std::clamp<Index>((1 << 18) / row, std::max<Index>(4, 4 * r.rows), 64);
  parallel_for(out.size.rows, band, [&](Index begin, Index end) {
    const PaddedPlanes<T> padded(in_, {end - begin, x.size.columns},
                                 {r.rows, r.columns - shift.columns});
    padded.take(x, begin + shift.rows, padding);
    Planes<T> in = padded.window(), rows = out;
    in.origin = in.at(0, 0, shift.columns);
    rows.origin = out.at(0, begin, 0);
    in.size = rows.size = {end - begin, out.size.columns};
    convolve(in, rows);
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
