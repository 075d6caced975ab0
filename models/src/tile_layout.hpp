#pragma once
#include <algorithm>
#include <array>
#include <numeric>
#include <utility>
#include <vector>

#include "planes.hpp"

namespace fejer::detail {

/// Where the borders of images lie in a batch of tiles.
struct TileBorders {
  Index tile, lanes;    ///< tile x tile pixels, of `lanes` tiles each
  Extent first, last;   ///< the images' first and last row and column, in tiles that have them
  Extent begin, count;  ///< of the pixels of W x
  /// Whether a lane's tile has the image's first row, last row, first column, last column.
  std::vector<std::array<bool, 4>> has;
};

/// Tiles cover the image, plane by plane. Of a plane those with the same sides of the image follow
/// one another, so that few batches have many sides.
struct TileLayout {
  Index planes, tile;
  Extent size;
  Extent margin;              ///< where the inner pixels begin in a tile
  Extent inner, count{1, 1};  ///< pixels that a tile is for; number of tiles

  /// As few tiles as can be, and all of about the same size; one where it reaches from border to
  /// border, and zeros around it beyond what W, of this radius, looks at.
  TileLayout(Index number, Extent image, Index pixels, Extent radius)
      : planes(number), tile(pixels), size(image), inner(image) {
    divide(size.rows, radius.rows, margin.rows, inner.rows, count.rows);
    divide(size.columns, radius.columns, margin.columns, inner.columns, count.columns);
    order_.resize(static_cast<std::size_t>(tiles_per_plane()));
    std::iota(order_.begin(), order_.end(), Index{0});
    const auto key = [&](Index i) {
      const std::array<bool, 4> s = sides(i);
      return std::pair(-(s[0] + s[1] + s[2] + s[3]), s);
    };
    std::stable_sort(order_.begin(), order_.end(),
                     [&](Index a, Index b) { return key(a) < key(b); });
  }
  Index tiles_per_plane() const { return count.rows * count.columns; }
  Index tiles() const { return planes * tiles_per_plane(); }
  /// Whether tile i is image i, from the tile's first corner on.
  bool single() const { return tiles_per_plane() == 1; }

  struct Place {
    Index plane, top, left;  ///< of the pixel at the tile's first corner
  };
  Place place(Index i) const {
    const Extent at = cell(i);
    return {i / tiles_per_plane(), first(at.rows, size.rows, count.rows) - margin.rows,
            first(at.columns, size.columns, count.columns) - margin.columns};
  }
  /// Pixel that the i-th of `count` tiles begins with: all have as many, or one less than others.
  static Index first(Index i, Index pixels, Index count) { return i * pixels / count; }
  /// Rows [top, bottom) and columns [left, right).
  struct Window {
    Index top, left, bottom, right;
  };
  /// Where W x counts, in the tile's own coordinates.
  Window counted(Index i) const {
    const Extent at = cell(i);
    const Place p = place(i);
    return {margin.rows, margin.columns, first(at.rows + 1, size.rows, count.rows) - p.top,
            first(at.columns + 1, size.columns, count.columns) - p.left};
  }
  /// Of tiles `from` to `from` + `used` - 1.
  TileBorders borders(Index from, Index used, Index lanes) const {
    const Extent end{first(count.rows - 1, size.rows, count.rows) - margin.rows,
                     first(count.columns - 1, size.columns, count.columns) - margin.columns};
    TileBorders b{tile, lanes, margin, size - Extent{1, 1} - end, margin, inner, {}};
    for (Index i = from; i < from + used; ++i)
      b.has.push_back(sides(order_[static_cast<std::size_t>(i % tiles_per_plane())]));
    return b;
  }

  /// Every pixel is the sum of the tiles that it lies in, in their order.
  template <class T>
  void gather(const T* tiles, T* out) const {
    parallel_for(planes * size.rows, 16, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) {
        T* const row = out + i * size.columns;
        const Index plane = i / size.rows, y = i % size.rows;
        std::fill_n(row, size.columns, T(0));
        for (Index t = 0; t < tiles_per_plane(); ++t) {
          const Index i_tile = plane * tiles_per_plane() + t;
          const Place p = place(i_tile);
          if (y < p.top || y >= p.top + tile) continue;
          const T* const from = tiles + (i_tile * tile + y - p.top) * tile - p.left;
          const Index right = std::min(size.columns, p.left + tile);
          for (Index x = std::max<Index>(0, p.left); x < right; ++x) row[x] += from[x];
        }
      }
    });
  }

 private:
  Extent cell(Index i) const {
    const Index at = order_[static_cast<std::size_t>(i % tiles_per_plane())];
    return {at / count.columns, at % count.columns};
  }
  /// Whether the cell has the image's first row, last row, first column, last column.
  std::array<bool, 4> sides(Index at) const {
    const Index y = at / count.columns, x = at % count.columns;
    return {y == 0, y == count.rows - 1, x == 0, x == count.columns - 1};
  }
  void divide(Index pixels, Index radius, Index& begin, Index& most, Index& number) const {
    if (pixels + radius <= tile) return;
    const auto up = [](Index a, Index b) { return (a + b - 1) / b; };
    begin = radius;
    number = up(pixels, tile - 2 * radius);
    most = up(pixels, number);
  }

  std::vector<Index> order_;
};

}  // namespace fejer::detail
