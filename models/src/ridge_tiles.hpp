#pragma once
/// W^T phi(W x) by Fourier transforms of overlapping tiles. The layers are collapsed into one
/// kernel with 2 r + 1 rows (columns); a tile looks at 64 x 64 pixels of x and has W x right in its
/// inner 64 - 2 r, so W x by overlap-save and W^T by overlap-add, and the feature stack never
/// reaches memory. Tiles lie in the lanes of registers, two channels in the real and the imaginary
/// part: z_a + i z_b = F^-1(X (H_a + i H_b)), and Re F^-1(conj(H_a + i H_b) F(s_a + i s_b)) is
/// W^T s. The transforms cost 1.3 ns for a pixel and channel with AVX2 in float, whatever the
/// kernel.
#include <vector>

#include <fejer/models/multi_convolution.hpp>

#include "planes.hpp"

namespace fejer::detail {

template <class T>
class RidgeTiles {
 public:
  /// Kernels of the layers, as MultiConvolution has them.
  RidgeTiles(const std::vector<Array<T>>& kernels, Borders borders);

  /// Whether tiles are there for kernels of this size, and the image is not smaller than they need.
  bool possible(Extent size) const;
  /// Whether they are expected to be faster than the layers one by one: by a count of operations,
  /// so that the answer is the same on every machine.
  bool worthwhile(Index planes, Extent size) const;
  /// Where the collapsed kernel equals the layers: all pixels but `frame` on each side.
  Extent frame() const { return frame_; }
  Extent radius() const { return radius_; }

  /// Given n values of a channel of W x for each input: leaves phi in z[inputs - 1], returns the
  /// sum of a value over them. Called from any thread.
  using Combine = FunctionRef<double(Index channel, Index n, T* const* z)>;
  /// out = W^T (the combined values, 0 on the frame) for `planes` images; the sum of the values of
  /// each channel is left in `sums` (C) unless it is null. Inputs: one or two arrays like `out`,
  /// which may be null if only the values are wanted.
  void run(const std::vector<const T*>& inputs, Index planes, Extent size, const Combine& combine,
           T* out, double* sums) const;

 private:
  struct Layout;
  class Batch;
  Layout layout(Index planes, Extent size) const;
  void gather(const Layout& layout, const T* tiles, T* out) const;

  Index channels_ = 0, multiplications_ = 0;
  Extent radius_, frame_;
  Array<T> spectra_;  // (pairs of channels, column, row, 2), in the order of the transforms
  Array<T> twiddles_;
  Array<double> exact_twiddles_;
};

}  // namespace fejer::detail
