#pragma once
#include <fejer/array.hpp>

namespace fejer::detail {

/// The same numbers as another real type.
template <class T, class S>
Array<T> converted(const Array<S>& from) {
  Array<T> result(from.shape());
  for (Index i = 0; i < from.size(); ++i) result[i] = static_cast<T>(from[i]);
  return result;
}

}  // namespace fejer::detail
