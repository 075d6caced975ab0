#pragma once
/// Planes with a border of zeros, and convolutions between them without copies.
#include <span>

#include <fejer/array.hpp>
#include <fejer/models/convolution.hpp>
#include <fejer/parallel.hpp>

#include "kernels.hpp"
#include "scratch.hpp"

namespace fejer::detail {

struct Extent {
  Index rows = 0, columns = 0;
};
inline Extent operator+(Extent a, Extent b) { return {a.rows + b.rows, a.columns + b.columns}; }
inline Extent operator-(Extent a, Extent b) { return {a.rows - b.rows, a.columns - b.columns}; }
inline Extent smaller(Extent a, Extent b) {
  return {a.rows < b.rows ? a.rows : b.rows, a.columns < b.columns ? a.columns : b.columns};
}
inline Extent larger(Extent a, Extent b) {
  return {a.rows > b.rows ? a.rows : b.rows, a.columns > b.columns ? a.columns : b.columns};
}

/// A window on strided planes.
template <class T>
struct Planes {
  T* origin;
  Index row, plane;
  Index channels;
  Extent size;
  T* at(Index c, Index y, Index x) const { return origin + c * plane + y * row + x; }
  /// The same planes, `by` more pixels on each side (they must exist).
  Planes grown(Extent by) const {
    Planes result = *this;
    result.origin = at(0, -by.rows, -by.columns);
    result.size = {size.rows + 2 * by.rows, size.columns + 2 * by.columns};
    return result;
  }
};

/// A view (C, H, W) as it lies in memory.
template <class T>
Planes<T> planes(T* data, Index channels, Extent size) {
  return {data, size.columns, size.rows * size.columns, channels, size};
}

template <class T>
Planes<const T> constant(const Planes<T>& p) {
  return {p.origin, p.row, p.plane, p.channels, p.size};
}

/// Scratch planes of `size`, with a border of `halo` zeros around them. Rows and planes are an odd
/// number of cache lines apart, so that columns of rows do not fall on the same cache sets.
template <class T>
class PaddedPlanes {
 public:
  PaddedPlanes(Index channels, Extent size, Extent halo)
      : halo_(halo),
        left_(round_up(halo.columns)),
        row_(odd_lines(left_ + size.columns + halo.columns)),
        plane_(odd_lines(row_ * (size.rows + 2 * halo.rows))),
        memory_(channels * plane_ + slack) {
    window_ = {memory_.data() + halo.rows * row_ + left_, row_, plane_, channels, size};
    clear_border();
  }
  const Planes<T>& window() const { return window_; }
  /// Copies the rows of `from` (as many columns) from `first` on, and what lies around them.
  void take(const Planes<const T>& from, Index first, Padding padding) const;
  /// Adds the border to the pixels that `take` fills it from, of an image of this size.
  void fold_border(Padding padding) const;

 private:
  static constexpr Index line = 64 / static_cast<Index>(sizeof(T)), slack = 16 * line;
  static Index round_up(Index n) { return (n + line - 1) / line * line; }
  static Index odd_lines(Index n) {
    n = round_up(n);
    return n / line % 2 == 0 ? n + line : n;
  }
  void clear_border();

  Extent halo_;
  Index left_, row_, plane_;
  Scratch<T> memory_;
  Planes<T> window_;
};

/// Kernel of a layer, packed for the inner loops.
template <class T>
class PackedKernel {
 public:
  PackedKernel() = default;
  /// weights (out, in, kh, kw); bias of size 0 or out.
  PackedKernel(ConstView<T> weights, ConstView<T> bias);
  Index in_channels() const { return in_; }
  Index out_channels() const { return out_; }
  /// (kh - 1) / 2 and (kw - 1) / 2.
  Extent radius() const { return {(rows_ - 1) / 2, (columns_ - 1) / 2}; }

  struct Block {
    Index first, size;
  };
  /// Called for each output row as soon as it is done, from any thread.
  using RowDone = FunctionRef<void(Index channel, Index row, T* data)>;
  /// out[p] = bias + sum w[q] in[p + q - radius]; both windows start at the same pixel, and `in`
  /// must have `radius` more pixels on each side of the output's.
  void convolve(const Planes<T>& in, const Planes<T>& out, const RowDone* done = nullptr) const;
  /// out[p] = bias + sum w[q] x[p + q - radius + shift], x continued as the padding says.
  void convolve(const Planes<const T>& x, Extent shift, Padding padding,
                const Planes<T>& out) const;

 private:
  void run(const Planes<const T>& in, Index from, const Planes<T>& out,
           const RowDone* done = nullptr, Index first = 0) const;
  void run_blocks(std::span<const Block> blocks, const Planes<const T>& in, Index from,
                  const Planes<T>& out, const RowDone* done = nullptr, Index first = 0) const;
  /// What output pixel (0,0) sees starts at (row, column) of the planes.
  struct Window {
    Planes<const T> planes;
    Index row, column;
    Padding padding;
  };
  class Patches;
  Index band(Extent out, Index least) const;
  Index channels_at_once(Index columns) const;
  /// Measured: faster from 32 channels on both sides, slower with fewer or with one tap.
  bool in_patches() const { return in_ >= 32 && out_ >= 32 && rows_ * columns_ > 1; }

  Index out_ = 0, in_ = 0, rows_ = 1, columns_ = 1;
  std::vector<Block> blocks_;
  Array<T> weights_, bias_;
};

/// Kernel of the adjoint: in and out exchanged, taps reversed; (in, out, kh, kw).
template <class T>
Array<T> adjoint_kernel(ConstView<T> weights);

/// Zeros in the rows from `first` on.
template <class T>
void clear_rows(const Planes<T>& planes, Index first) {
  for (Index c = 0; c < planes.channels; ++c)
    for (Index y = first; y < planes.size.rows; ++y)
      for (Index x = 0; x < planes.size.columns; ++x) *planes.at(c, y, x) = T(0);
}

/// Copies one window to another of the same size.
template <class T>
void copy(const Planes<const T>& from, const Planes<T>& to);

}  // namespace fejer::detail
