#pragma once
/// What the one kernel of all layers counts too much when zeros lie around the image at every
/// layer: C = W_once - W, the paths from x to W x by way of pixels outside. They begin at most
/// `reach_in` pixels from a side and end at most `reach_out` from it, and are the same all along
/// the side. So C of one filter is eight small convolutions. For a side: each row of x (by its
/// distance from the side) is an input channel, each row of W x an output channel, of 2 r + 1 taps
/// along the side. For a corner: a dense matrix takes away what its two sides count twice. The
/// kernels are read off W of a few small images of one pixel at each side or corner, and gradients
/// go back by these.
#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <vector>

#include "multi_convolution_data.hpp"

namespace fejer::detail {

constexpr std::size_t border_pieces = 8;

/// Weights of some depths of one end for some of the other, (to, from, taps), packed for the inner
/// loops: blocks of up to four depths `to`, side by side for each tap.
template <class T>
struct StripKernel {
  const T* weights;
  Index to, from, taps;
  static constexpr Index block = 4;
  /// Where a weight lies.
  Index at(Index o, Index i, Index tap) const {
    const Index first = o / block * block, width = std::min(block, to - first);
    return first * from * taps + (i * taps + tap) * width + o - first;
  }
  /// out[o][x] += sum_{i,t} w[o][i][t] in[i][x + t step], x < n.
  void add(const T* in, Index in_plane, Index step, T* out, Index out_plane, Index n) const;
};

template <class T>
class RidgeBorder {
 public:
  explicit RidgeBorder(const MultiConvolution<T>& layers);

  /// Whether C is 0, as it is with Borders::zero_once.
  bool none() const { return out_.rows + out_.columns == 0; }
  /// C holds for images of this size: no path goes beyond two sides that face each other. And it is
  /// no larger than is worth making: with many layers corners would have millions of weights.
  bool possible(Extent size) const;
  /// Multiplications of C and its adjoint for one image.
  double multiplications(Extent size) const;
  /// Reads C off the layers (those of the constructor), once; `once` is their one kernel (C, 1,
  /// rows, columns). Before RidgeStrips.
  void prepare(const std::vector<Array<double>>& layers, const Array<double>& once) const;

  /// From a gradient in the pieces' kernels: subtracts what the one kernel (C, rows, columns) has
  /// of it, adds what the layers have.
  void add_to_layers(std::array<Array<double>, border_pieces> gradient, double* once,
                     std::vector<Array<double>>& layers) const;
  std::array<Array<double>, border_pieces> no_gradient() const;

  Extent radius() const { return radius_; }
  Extent reach_in() const { return in_; }
  Extent reach_out() const { return out_; }
  /// Of one filter, and its adjoint (taps reversed); and for each depth of W x what the taps before
  /// each tap add up to, over all depths of x: C of constants, which filters all but take away.
  struct Kernel {
    StripKernel<T> forward, backward;
    const double* sums;
  };
  Kernel kernel(std::size_t piece, Index channel) const;

 private:
  static constexpr Index most_of_corner = 4096;  // 8 x 8 pixels at both ends
  using Convolutions = typename MultiConvolution<T>::Data;
  /// 1 beside the first row (column), -1 beside the last; both at corners.
  struct Piece {
    int row, column;
    bool corner() const { return row != 0 && column != 0; }
    Index depths(Extent reach) const {
      return (row != 0 ? reach.rows : 1) * (column != 0 ? reach.columns : 1);
    }
    /// Where a pixel at this depth lies in an image; `along` counts for sides only.
    Extent pixel(Index depth, Extent reach, Index along, Extent size) const;
  };
  static constexpr std::array<Piece, border_pieces> pieces{
      {{1, 0}, {-1, 0}, {0, 1}, {0, -1}, {1, 1}, {1, -1}, {-1, 1}, {-1, -1}}};
  static std::size_t side_of_rows(const Piece& p) { return p.row > 0 ? 0 : 1; }
  static std::size_t side_of_columns(const Piece& p) { return p.column > 0 ? 2 : 3; }

  struct Entry {
    std::size_t piece;
    Index at;    ///< in the piece's kernel
    Index once;  ///< in the one kernel, or -1
    Index probe, channel;
    Extent z;                 ///< where W of the probe has it
    Index by_row, by_column;  ///< of a corner: in the kernels of its two sides, or -1
  };
  /// f(Entry) for all entries of all kernels; those of corners come last.
  template <class F>
  void each_entry(const F& f) const;
  template <class F>
  void each_filter(std::size_t piece, Index to, Index from, Index tap, const F& f) const;
  Index taps(const Piece& p) const;
  void pack(std::size_t piece, const Array<double>& kernel) const;
  Shape shape(const Piece& p) const;
  /// Small images of a few pixels of 1; f(probe, pixel) for all of these.
  Index number_of_probes() const { return in_.rows + in_.columns + in_.rows * in_.columns; }
  template <class F>
  void each_probe(const F& f) const;
  Index probe(const Piece& p, Index depth) const;

  std::shared_ptr<const Convolutions> layers_;
  Extent radius_, in_, out_, probe_size_;
  mutable std::once_flag once_;
  // Of a filter all weights lie together, in both directions, piece by piece; and all sums.
  std::array<Index, border_pieces + 1> weights_at_{}, sums_at_{};
  Index weights_at(std::size_t piece, Index channel) const {
    return channel * weights_at_[border_pieces] + weights_at_[piece];
  }
  Index sums_at(std::size_t piece, Index channel) const {
    return channel * sums_at_[border_pieces] + sums_at_[piece];
  }
  mutable Array<T> weights_;
  mutable Array<double> sums_;
};

}  // namespace fejer::detail
