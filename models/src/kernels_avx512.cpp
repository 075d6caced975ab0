// Compiled with -mavx512f and its kin; nothing in here runs on other processors.
#define FEJER_KERNELS_AVX2
#define FEJER_VECTOR_BYTES 64
#include "kernels_body.hpp"

namespace fejer::detail {

template <class T>
const Kernels<T>& avx512_kernels() {
  // Splines are written for AVX2, and the compiler makes them no faster with more registers.
  static const Kernels<T> result = [] {
    Kernels<T> wide = table<T>("avx512");
    wide.spline = avx2_kernels<T>().spline;
    wide.spline_sums = avx2_kernels<T>().spline_sums;
    return wide;
  }();
  return result;
}
template const Kernels<float>& avx512_kernels<float>();
template const Kernels<double>& avx512_kernels<double>();

}  // namespace fejer::detail
