#pragma once
#include <fejer/array.hpp>
#include <fejer/vector.hpp>

namespace fejer {

/// g = 0, whose prox is the identity.
template <class X>
class ZeroFunction {
 public:
  void prox(ConstView<X> v, double /*gamma*/, View<X> out) const { copy<X>(v, out); }
  double value(ConstView<X> /*x*/) const { return 0; }
};

}  // namespace fejer
