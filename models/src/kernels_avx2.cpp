// Compiled with -mavx2 -mfma -ffp-contract=fast; nothing in here runs on other processors.
#define FEJER_KERNELS_AVX2
#define FEJER_VECTOR_BYTES 32
#include "kernels_body.hpp"

namespace fejer::detail {

template <class T>
const Kernels<T>& avx2_kernels() {
  static constexpr Kernels<T> result = table<T>("avx2+fma");
  return result;
}
template const Kernels<float>& avx2_kernels<float>();
template const Kernels<double>& avx2_kernels<double>();

}  // namespace fejer::detail
