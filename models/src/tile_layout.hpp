#pragma once
#include <algorithm>
#include <array>
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

/// Tiles cover the image, row by row, plane by plane.
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
  }
  Index tiles_per_plane() const { return count.rows * count.columns; }
  Index tiles() const { return planes * tiles_per_plane(); }

  struct Place {
    Index plane, top, left;  ///< of the pixel at the tile's first corner
  };
  Place place(Index i) const {
    const Index x = i % count.columns, y = i / count.columns % count.rows;
    return {i / tiles_per_plane(), first(y, size.rows, count.rows) - margin.rows,
            first(x, size.columns, count.columns) - margin.columns};
  }
  /// Pixel that the i-th of `count` tiles begins with: all have as many, or one less than others.
  static Index first(Index i, Index pixels, Index count) { return i * pixels / count; }
  /// Rows [top, bottom) and columns [left, right).
  struct Window {
    Index top, left, bottom, right;
  };
  /// Where W x counts, in the tile's own coordinates.
  Window counted(Index i) const {
    const Index x = i % count.columns, y = i / count.columns % count.rows;
    const Place p = place(i);
    return {margin.rows, margin.columns, first(y + 1, size.rows, count.rows) - p.top,
            first(x + 1, size.columns, count.columns) - p.left};
  }
  /// Of tiles `from` to `from` + `used` - 1.
  TileBorders borders(Index from, Index used, Index lanes) const {
    const Place end = place(tiles_per_plane() - 1);
    TileBorders b{tile,   lanes, margin, size - Extent{1, 1} - Extent{end.top, end.left},
                  margin, inner, {}};
    for (Index i = from; i < from + used; ++i) {
      const Index x = i % count.columns, y = i / count.columns % count.rows;
      b.has.push_back({y == 0, y == count.rows - 1, x == 0, x == count.columns - 1});
    }
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
  void divide(Index pixels, Index radius, Index& begin, Index& most, Index& number) const {
    if (pixels + radius <= tile) return;
    const auto up = [](Index a, Index b) { return (a + b - 1) / b; };
    begin = radius;
    number = up(pixels, tile - 2 * radius);
    most = up(pixels, number);
  }
};

}  // namespace fejer::detail
