#pragma once
/// W^T phi(W x) by Fourier transforms of overlapping tiles. The layers are collapsed into one
/// kernel with 2 r + 1 rows (columns); a tile looks at N x N pixels of x, N = 48 or 64, and has W x
/// right in its inner N - 2 r, so W x by overlap-save and W^T by overlap-add, and the feature stack
/// never reaches memory. Where zeros around the image fill the rest, one tile reaches from border
/// to border: up to N - r pixels. Where zeros lie around every layer, RidgeBorder takes away what
/// the one kernel counts too much near the borders. Tiles lie in the lanes of registers, two
/// channels in the real and the imaginary part: z_a + i z_b = F^-1(X (H_a + i H_b)), and Re
/// F^-1(conj(H_a + i H_b) F(s_a + i s_b)) is W^T s; the correlation of u with s_a + i s_b, the
/// gradient of <W u, s> for both channels' kernels, has the spectrum conj(U) F(s_a + i s_b), of
/// which all tiles add up.
#include <array>
#include <memory>
#include <mutex>
#include <vector>

#include <fejer/models/multi_convolution.hpp>

#include "collapse.hpp"
#include "planes.hpp"
#include "ridge_strips.hpp"

namespace fejer::detail {

/// A row of one channel of W x, and of W v: `columns` values of `lanes` tiles each.
template <class T>
struct TileRow {
  Index batch, first_tile, used;  ///< lanes 0..used - 1 are tiles first_tile, ...
  Index channel, y, rows, columns, lanes;
  T* z;
  T* w;
  const T* alpha;  ///< of the lanes
  const T* inverse_alpha;
};

template <class T>
class RidgeTiles {
 public:
  explicit RidgeTiles(const MultiConvolution<T>& layers);

  /// Whether there are tiles for kernels of this size, and the image is large enough for its
  /// border.
  bool possible(Extent size) const;
  /// Whether they are expected to be faster than the layers one by one for images of this size, 8
  /// or more: by a count of operations, so that the answer is the same on every machine, and for
  /// an image the same whatever else is computed with it.
  bool worthwhile(Extent size) const;

  /// How images are cut into tiles, and those into batches of one tile for each lane.
  struct Cut {
    std::size_t plan;
    Extent inner;  ///< pixels of W x of a tile
    Index tiles_per_plane, batches, lanes;
  };
  Cut cut(Index planes, Extent size) const;

  /// For the kernels that W is made of here.
  struct Gradient {
    Array<double> once;  ///< (C, rows, columns): for the one kernel
    std::array<Array<double>, border_pieces> border;
    void add(double factor, const Gradient& other);
  };
  Gradient no_gradient() const;
  /// Adds what the kernels of the layers have of it.
  void add_to_layers(Gradient gradient, std::vector<Array<double>>& layers) const;

  struct Work {
    const T* x;
    const T* v = nullptr;  ///< with it rows have w = W v, too, which is 0 where it does not count
    const double* alpha;   ///< (planes, C)
    /// Called for each row, from any thread, for one batch in the order of channels; in channels 2
    /// p and 2 p + 1 in turn, row by row.
    FunctionRef<void(const TileRow<T>&)> row;
    /// Leave in z (without v) or w what W^T is applied to, unless `out` is null.
    T* out = nullptr;
    /// z is 0 where it does not count before `row` sees it.
    bool masked = false;
    /// With v: z is left as s, w as t, and the gradient of <W v, s> + <W x, t>, s and t held fixed,
    /// is added to this, batch by batch in their order.
    Gradient* kernel = nullptr;
  };
  void run(const Work& work, Index planes, Extent size) const;

 private:
  /// For one size of tiles.
  struct Plan {
    std::once_flag once;
    Array<T> spectra;  // (pairs of channels, column, row, 2), in the order of the transforms
    Array<T> twiddles;
    Array<double> exact_twiddles;
  };
  class Batch;
  TileLayout layout(Index planes, Extent size, std::size_t plan) const;
  std::size_t best_plan(Extent size) const;
  double cost(Extent size, std::size_t plan) const;
  const Plan& prepared(std::size_t plan) const;
  const CollapsedKernel& collapsed() const;
  Index pairs() const { return (channels_ + 1) / 2; }

  /// Of a channel's kernel.
  Index taps() const { return (2 * radius_.rows + 1) * (2 * radius_.columns + 1); }

  std::vector<Array<double>> layers_;
  RidgeBorder<T> border_;
  Index channels_ = 0, multiplications_ = 0;
  Extent radius_;
  bool small_ = false;  // whether tiles hold the kernel
  mutable std::array<Plan, 2> plans_;
  mutable std::once_flag once_;
  mutable std::unique_ptr<CollapsedKernel> collapsed_;
};

}  // namespace fejer::detail
