// An operator has an adjoint.
#include <fejer/linear_operator.hpp>
using namespace fejer;
struct Half {
  Shape domain() const { return {4}; }
  Shape range() const { return {4}; }
  void apply(ConstView<float>, View<float>) const {}
#ifndef BAD
  void apply_adjoint(ConstView<float>, View<float>) const {}
#endif
};
LinearOperator<float> handle() { return Half{}; }
