#pragma once
/// Products of dense matrices, compiled once for float and double: a product of two Eigen
/// expressions takes the compiler a second wherever it is written.
#include <Eigen/Core>

namespace fejer {

template <class T>
using DenseMatrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
/// A row-major matrix, a block of one, or a map; other expressions are evaluated into one.
template <class T>
using DenseMatrixRef = Eigen::Ref<const DenseMatrix<T>, 0, Eigen::OuterStride<>>;

/// A B of (m, k) and (k, n). This and the next two cost O(m k n), run on the calling thread, and
/// throw `ShapeError` where the two k differ.
template <class T>
DenseMatrix<T> product(const DenseMatrixRef<T>& a, const DenseMatrixRef<T>& b);
/// A^T B of (k, m) and (k, n).
template <class T>
DenseMatrix<T> transposed_product(const DenseMatrixRef<T>& a, const DenseMatrixRef<T>& b);
/// A B^T of (m, k) and (n, k).
template <class T>
DenseMatrix<T> product_transposed(const DenseMatrixRef<T>& a, const DenseMatrixRef<T>& b);

}  // namespace fejer
