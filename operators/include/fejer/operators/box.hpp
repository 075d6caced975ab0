#pragma once
#include <limits>

#include <fejer/array.hpp>

namespace fejer {

/// Indicator of lower <= x_i <= upper: 0 inside, +infinity outside; the prox is the projection.
/// Real images only. Either bound may be infinite. Any shape; cost one pass.
template <class T>
class Box {
  static_assert(!is_complex<T>, "complex numbers have no order");

 public:
  Box(T lower, T upper);
  void prox(ConstView<T> v, double gamma, View<T> out) const;
  double value(ConstView<T> x) const;
  T lower() const { return lower_; }
  T upper() const { return upper_; }

 private:
  T lower_, upper_;
};

/// Indicator of x_i >= 0.
template <class T>
Box<T> non_negativity() {
  return {T(0), std::numeric_limits<T>::infinity()};
}

}  // namespace fejer
