#pragma once
/// Views as Eigen maps. Eigen defaults to column-major, Fejér is row-major: the maps say so.
#include <Eigen/Core>

#include <fejer/array.hpp>

namespace fejer {

template <class X>
using VectorMap = Eigen::Map<Eigen::Array<X, Eigen::Dynamic, 1>>;
template <class X>
using ConstVectorMap = Eigen::Map<const Eigen::Array<X, Eigen::Dynamic, 1>>;
template <class X>
using MatrixMap =
    Eigen::Map<Eigen::Matrix<X, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;
template <class X>
using ConstMatrixMap =
    Eigen::Map<const Eigen::Matrix<X, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;

/// All elements as one Eigen array.
template <class X>
VectorMap<X> flat(View<X> x) {
  return {x.data(), x.size()};
}
template <class X>
ConstVectorMap<X> flat(ConstView<X> x) {
  return {x.data(), x.size()};
}
/// A rank-2 view as a matrix.
template <class X>
MatrixMap<X> as_matrix(View<X> x) {
  if (x.shape().rank() != 2) throw ShapeError("as_matrix: got " + to_string(x.shape()) + ", expected rank 2");
  return {x.data(), x.shape()[0], x.shape()[1]};
}
template <class X>
ConstMatrixMap<X> as_matrix(ConstView<X> x) {
  if (x.shape().rank() != 2) throw ShapeError("as_matrix: got " + to_string(x.shape()) + ", expected rank 2");
  return {x.data(), x.shape()[0], x.shape()[1]};
}

}  // namespace fejer
