#pragma once
#include <vector>

#include <fejer/linear_operator.hpp>

namespace fejer {

/// y_c = A_c x_c: each channel has an operator of its own, one blur kernel for each colour say.
/// Shapes: A_c all from one domain D to one range R; x (C,D...), y (C,R...). Norm: the largest of
/// theirs. Cost: that of the operators.
template <class X>
class PerChannel {
 public:
  using Domain = X;
  using Range = X;
  /// Throws ArgumentError without operators, ShapeError where their domains or ranges differ.
  explicit PerChannel(std::vector<LinearOperator<X>> parts);
  const Shape& domain() const { return domain_; }
  const Shape& range() const { return range_; }
  void apply(ConstView<X> x, View<X> y) const;
  void apply_adjoint(ConstView<X> y, View<X> x) const;
  void normal(ConstView<X> x, View<X> out) const;
  NormInterval norm_interval() const;

 private:
  std::vector<LinearOperator<X>> parts_;
  Shape domain_, range_;
};

}  // namespace fejer
