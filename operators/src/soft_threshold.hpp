#pragma once
#include <cmath>

#include <fejer/array.hpp>

namespace fejer::detail {

/// argmin over u of t |u| + |u - v|^2 / 2; not-a-number stays.
template <class X>
X soft_threshold(X v, Real<X> t) {
  if constexpr (is_complex<X>) {
    const Real<X> size = std::abs(v);
    return size <= t ? X(0) : v * ((size - t) / size);
  } else {
    // v minus its projection on [-t, t].
    const X low = v < -t ? -t : v;
    return v - (low > t ? t : low);
  }
}

}  // namespace fejer::detail
