#pragma once
/// Bytes on the heap, counted at every allocation of what is linked statically.
#include <cstddef>

namespace fejer_test {

/// Now.
std::ptrdiff_t bytes_in_use();
/// At most, since the last call.
std::ptrdiff_t take_peak_bytes();

/// By how much the heap grows at most while f runs.
template <class F>
std::ptrdiff_t peak_growth(const F& f) {
  take_peak_bytes();
  const std::ptrdiff_t before = bytes_in_use();
  f();
  return take_peak_bytes() - before;
}

}  // namespace fejer_test
