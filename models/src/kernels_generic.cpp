#define FEJER_VECTOR_BYTES 16
#include "kernels_body.hpp"

namespace fejer::detail {

template <class T>
const Kernels<T>& generic_kernels() {
  static constexpr Kernels<T> result = table<T>("generic");
  return result;
}
template const Kernels<float>& generic_kernels<float>();
template const Kernels<double>& generic_kernels<double>();

}  // namespace fejer::detail
