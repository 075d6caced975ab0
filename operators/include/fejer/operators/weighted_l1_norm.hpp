#pragma once
#include <fejer/array.hpp>

namespace fejer {

/// g(x) = sum w_i |x_i|, w_i >= 0 of the shape of x, the modulus where x is complex.
/// prox: soft threshold x_i = v_i max(0, 1 - gamma w_i / |v_i|). Cost one pass.
template <class X>
class WeightedL1Norm {
 public:
  /// Throws ArgumentError for weights that are negative or not finite.
  explicit WeightedL1Norm(Array<Real<X>> weights);
  void prox(ConstView<X> v, double gamma, View<X> out) const;
  double value(ConstView<X> x) const;
  const Array<Real<X>>& weights() const { return weights_; }

 private:
  Array<Real<X>> weights_;
};

}  // namespace fejer
