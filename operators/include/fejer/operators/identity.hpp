#pragma once
#include <complex>

#include <fejer/linear_operator.hpp>

namespace fejer {

/// y = x, of any shape: the operator of denoising. Norm 1.
template <class X>
class Identity {
 public:
  using Domain = X;
  using Range = X;
  explicit Identity(const Shape& shape) : shape_(shape) {}
  const Shape& domain() const { return shape_; }
  const Shape& range() const { return shape_; }
  void apply(ConstView<X> x, View<X> y) const;
  void apply_adjoint(ConstView<X> y, View<X> x) const { apply(y, x); }
  void normal(ConstView<X> x, View<X> out) const { apply(x, out); }
  NormInterval norm_interval() const { return {1, 1, "identity"}; }

 private:
  Shape shape_;
};

}  // namespace fejer
