#include "kernels.hpp"

#include <fejer/models/convolution.hpp>

namespace fejer {
namespace detail {

template <class T>
const Kernels<T>* avx2_kernels_if_supported() {
#ifdef FEJER_HAVE_AVX2
  static const bool supported =
      __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  return supported ? &avx2_kernels<T>() : nullptr;
#else
  return nullptr;
#endif
}

template <class T>
const Kernels<T>& kernels() {
  static const Kernels<T>* const best = avx2_kernels_if_supported<T>();
  return best != nullptr ? *best : generic_kernels<T>();
}

template const Kernels<float>* avx2_kernels_if_supported<float>();
template const Kernels<double>* avx2_kernels_if_supported<double>();
template const Kernels<float>& kernels<float>();
template const Kernels<double>& kernels<double>();

}  // namespace detail

const char* kernel_name() { return detail::kernels<float>().name; }

}  // namespace fejer
