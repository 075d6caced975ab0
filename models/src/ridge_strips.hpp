#pragma once
#include <optional>
#include <vector>

#include "ridge_border.hpp"
#include "tile_layout.hpp"

namespace fejer::detail {

/// What RidgeBorder is for, in a batch of tiles, filter by filter and row by row: strips along the
/// sides lie in the lanes of the tiles, and few enough of them at a time for the first caches.
/// Inputs 0 and 1 are x and v; a filter of a pair is `part` 0 or 1. With y = W_once x there:
/// `begin`, then for each row `correct`, which makes it a row of W x, and `keep`, for what W^T is
/// applied to, then `end`; and when all filters are done `subtract`, which makes W_once^T W^T.
template <class T>
class RidgeStrips {
 public:
  RidgeStrips(const RidgeBorder<T>& border, TileBorders place, Index inputs);
  /// Sets an input: pixel(lane, y, x) of its tiles.
  template <class F>
  void take(Index input, const F& pixel);
  void begin(Index input, Index part, Index channel);
  /// Rows from column place.begin.columns on.
  void correct(Index input, Index part, Index y, T* row) const;
  void keep(Index input, Index part, Index y, const T* row) const;
  void end(Index input, Index part, Index channel);
  /// Adds the gradient of <C x_of, s> in the kernels of C, s what has been kept for `input`.
  void add_kernels(Index input, Index of, Index part, Index channel,
                   std::array<Array<double>, border_pieces>& sums) const;
  /// From column 0 of the tile on.
  void subtract(Index y, T* row) const;

 private:
  static constexpr std::size_t sides = 4;  // of RidgeBorder's pieces the first
  struct Range {
    Index begin, end;
    bool operator==(const Range&) const = default;
  };
  struct Strip {
    std::size_t side;
    Index along, count, radius;  // of the pixels of W x; of the kernel
    Index depths_in, depths_out;
    T *x[2]{}, *rest[2]{}, *mean[2]{};  // x less its mean in each lane, whose share is apart
    T *z[2][2]{}, *share = nullptr, *mask = nullptr;
    /// Of each pixel of W x along the side: the taps that see the image, of each lane; and the
    /// pixels, counted from `along`, where all do.
    std::vector<Range> taps{};
    Range whole{};
    bool same = true;  // whether lanes do not differ in this
  };
  struct Corner {
    std::size_t piece;
    const Strip *rows, *columns;
    Index depths_in, depths_out;
    T *x[2]{}, *rest[2]{};
  };
  /// Of the pixel `along` a side, in the first of a strip's rows.
  T* pixel(T* strip, Index along) const { return strip + (halo_ + along) * lanes_; }
  void lay_out(Index inputs);
  Index column(std::size_t side, Index depth) const {
    return side == 2 ? place_.first.columns + depth : place_.last.columns - depth;
  }
  /// Of the corner's pixel in the strip of its side of rows.
  T* at(const Corner& c, T* strip, Extent reach, Index depth) const {
    const Index x = column(c.columns->side, depth % reach.columns);
    return strip + depth / reach.columns * line_ + (halo_ + x) * lanes_;
  }
  /// Pixels of the image along the side, of a lane's tile.
  Range inside(const Strip& s, std::size_t lane) const;
  void find_taps(Strip& s) const;
  void split(const Strip& s, Index input) const;
  void begin_with_mean(const Strip& s, Index input, Index part, Index channel) const;
  void gather(const Corner& c, T* strip, Extent reach, T* to) const;
  /// Of row y in a strip along rows.
  Index depth(const Strip& s, Index y) const {
    return s.side == 0 ? y - place_.first.rows : place_.last.rows - y;
  }

  const RidgeBorder<T>& border_;
  TileBorders place_;
  Index lanes_, halo_, line_;
  std::vector<Strip> strips_;
  std::vector<Corner> corners_;
  std::optional<Scratch<T>> memory_;
  T* few_[2] = {};
};

template <class T>
template <class F>
void RidgeStrips<T>::take(Index input, const F& pixel) {
  const Extent first = place_.first, last = place_.last;
  for (const Strip& s : strips_)
    for (Index k = 0; k < s.depths_in; ++k)
      for (Index i = 0; i < place_.tile; ++i)
        for (Index lane = 0; lane < lanes_; ++lane) {
          if (s.mask[lane] == T(0)) continue;
          const Index y = s.side == 0 ? first.rows + k : s.side == 1 ? last.rows - k : i;
          const Index x = s.side == 2 ? first.columns + k : s.side == 3 ? last.columns - k : i;
          s.x[input][k * line_ + (halo_ + i) * lanes_ + lane] = pixel(lane, y, x);
        }
  for (const Strip& s : strips_) split(s, input);
  for (const Corner& c : corners_) {
    gather(c, c.rows->x[input], border_.reach_in(), c.x[input]);
    gather(c, c.rows->rest[input], border_.reach_in(), c.rest[input]);
  }
}

}  // namespace fejer::detail
