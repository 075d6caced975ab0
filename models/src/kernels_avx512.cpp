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
    // Eight tiles in a register: a group of images whose gradients add up.
    wide.scale_lanes = avx2_kernels<T>().scale_lanes;
    wide.multiply = avx2_kernels<T>().multiply;
    for (int i = 0; i < 2; ++i) wide.tiles[i] = avx2_kernels<T>().tiles[i];
    return wide;
  }();
  return result;
}
template const Kernels<float>& avx512_kernels<float>();
template const Kernels<double>& avx512_kernels<double>();

}  // namespace fejer::detail
