#pragma once
#include <complex>

#include <fejer/linear_operator.hpp>
#include <fejer/rng.hpp>

namespace fejer {

/// y = m .* x with real weights m (0 or 1: which elements are measured; other values: weights).
/// Shapes: x, y any; m equal to the last axes of x and repeated along the others, so that one
/// (H,W) mask serves all channels. Norm: max |m|, exact.
template <class X>
class Mask {
 public:
  using Domain = X;
  using Range = X;
  /// x has the shape of m. Throws ArgumentError unless all weights are finite.
  explicit Mask(Array<Real<X>> weights);
  Mask(Array<Real<X>> weights, const Shape& image);
  const Shape& domain() const { return image_; }
  const Shape& range() const { return image_; }
  const Array<Real<X>>& weights() const { return weights_; }
  void apply(ConstView<X> x, View<X> y) const;
  void apply_adjoint(ConstView<X> y, View<X> x) const { apply(y, x); }
  NormInterval norm_interval() const;

 private:
  Array<Real<X>> weights_;
  Shape image_;
};

/// A mask of ones and zeros; element i is one with probability `keep` in [0,1] (uniform number i of
/// the stream below it).
template <std::floating_point T>
Array<T> random_mask(const Shape& shape, double keep, const RandomStream& stream);

}  // namespace fejer
