#pragma once
#include <fejer/array.hpp>

namespace fejer {

/// g(x) = lambda sum |x_i|, the modulus where x is complex.
/// prox: soft threshold x_i = v_i max(0, 1 - gamma lambda / |v_i|). Any shape; cost one pass.
template <class X>
class L1Norm {
 public:
  explicit L1Norm(double lambda);
  void prox(ConstView<X> v, double gamma, View<X> out) const;
  double value(ConstView<X> x) const;
  double lambda() const { return lambda_; }

 private:
  double lambda_;
};

}  // namespace fejer
