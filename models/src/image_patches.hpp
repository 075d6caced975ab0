#pragma once
/// Patches of an image as columns of a matrix, and images as means of their patches.
#include <fejer/algorithms/matrix_product.hpp>
#include <fejer/eigen.hpp>

namespace fejer::detail {

template <class T>
using PatchMatrix = DenseMatrix<T>;

/// Patches across a line of `length` pixels.
inline Index positions(Index length, Index size) { return length - size + 1; }

/// How many of them hold pixel i.
inline Index covering(Index i, Index length, Index size) {
  return std::min(i, positions(length, size) - 1) - std::max<Index>(0, i - size + 1) + 1;
}

/// The size x size patches of a plane (H, W) whose first rows are [top, top + rows): (size^2, rows
/// positions(W)), pixels of a patch row by row in a column, patches row by row.
template <class T>
PatchMatrix<T> cut_patches(ConstView<T> plane, Index size, Index top, Index rows) {
  const Index width = plane.shape()[1], across = positions(width, size);
  PatchMatrix<T> patches(size * size, rows * across);
  for (Index i = 0; i < size; ++i)
    for (Index j = 0; j < size; ++j) {
      T* out = patches.data() + (i * size + j) * patches.cols();
      for (Index r = 0; r < rows; ++r)
        std::copy_n(plane.data() + (top + r + i) * width + j, across, out + r * across);
    }
  return patches;
}

/// Adds patches whose first row is `top` and that lie side by side, (size^2, positions(W)), to row
/// `y` of the plane that they overlap with.
template <class T>
void add_patch_row(const PatchMatrix<T>& patches, Index size, Index top, Index y, T* row) {
  const Index across = patches.cols();
  for (Index j = 0; j < size; ++j) {
    const T* from = patches.data() + ((y - top) * size + j) * across;
    for (Index c = 0; c < across; ++c) row[j + c] += from[c];
  }
}

/// Takes the mean of each column away and returns the means.
template <class T>
Eigen::Matrix<T, 1, Eigen::Dynamic> centre(PatchMatrix<T>& patches) {
  Eigen::Matrix<T, 1, Eigen::Dynamic> means = patches.row(0);
  for (Index q = 1; q < patches.rows(); ++q) means += patches.row(q);
  means /= static_cast<T>(patches.rows());
  patches.rowwise() -= means;
  return means;
}

/// Divides each pixel of a row (of a plane (H, W), at y) by the number of patches that hold it.
template <class T>
void divide_by_coverage(T* row, Index y, Index height, Index width, Index size) {
  const Index above = covering(y, height, size);
  for (Index x = 0; x < width; ++x) row[x] /= static_cast<T>(above * covering(x, width, size));
}

}  // namespace fejer::detail
