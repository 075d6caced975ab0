#pragma once
#include <complex>

#include <fejer/linear_operator.hpp>

namespace fejer {

/// Forward differences with Neumann ends: y[0] down the rows, y[1] along the columns,
///   y[0][..,i,j] = x[..,i+1,j] - x[..,i,j], 0 in the last row;  y[1] likewise, 0 in the last
///   column.
/// Shapes: x (H,W) or (C,H,W); y (2, shape of x). Differences per pixel. Cost: one pass.
/// Norm in closed form: ||D||^2 = 4 cos^2(pi / 2H) + 4 cos^2(pi / 2W), the largest eigenvalue of
/// the Neumann Laplacian (eigenvectors of the DCT-II); an axis of one pixel adds 0.
template <class X>
class FiniteDifference {
 public:
  using Domain = X;
  using Range = X;
  explicit FiniteDifference(const Shape& image);
  const Shape& domain() const { return image_; }
  const Shape& range() const { return range_; }
  void apply(ConstView<X> x, View<X> y) const;
  void apply_adjoint(ConstView<X> y, View<X> x) const;
  NormInterval norm_interval() const;

 private:
  Shape image_, range_;
};

}  // namespace fejer
