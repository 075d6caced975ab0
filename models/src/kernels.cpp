#include "kernels.hpp"

#include <cstdlib>
#include <string>

#include <fejer/error.hpp>
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
const Kernels<T>* avx512_kernels_if_supported() {
#ifdef FEJER_HAVE_AVX2
  static const bool supported =
      avx2_kernels_if_supported<T>() != nullptr && __builtin_cpu_supports("avx512f") != 0 &&
      __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
      __builtin_cpu_supports("avx512dq") != 0;
  return supported ? &avx512_kernels<T>() : nullptr;
#else
  return nullptr;
#endif
}

namespace {

/// What FEJER_KERNELS asks for, else AVX2, else generic.
template <class T>
const Kernels<T>& chosen_kernels() {
  const Kernels<T>* const avx2 = avx2_kernels_if_supported<T>();
  const char* const wish = std::getenv("FEJER_KERNELS");
  const std::string name = wish != nullptr ? wish : "";
  if (name.empty()) return avx2 != nullptr ? *avx2 : generic_kernels<T>();
  if (name == "generic") return generic_kernels<T>();
  if (name != "avx2" && name != "avx512")
    throw ArgumentError("FEJER_KERNELS: got \"" + name + "\", expected generic, avx2 or avx512");
  const Kernels<T>* const wished = name == "avx2" ? avx2 : avx512_kernels_if_supported<T>();
  if (wished == nullptr)
    throw ArgumentError("FEJER_KERNELS: this processor or build has no " + name +
                        "; unset it or ask for generic");
  return *wished;
}

}  // namespace

template <class T>
const Kernels<T>& kernels() {
  static const Kernels<T>& chosen = chosen_kernels<T>();
  return chosen;
}

template const Kernels<float>* avx2_kernels_if_supported<float>();
template const Kernels<double>* avx2_kernels_if_supported<double>();
template const Kernels<float>* avx512_kernels_if_supported<float>();
template const Kernels<double>* avx512_kernels_if_supported<double>();
template const Kernels<float>& kernels<float>();
template const Kernels<double>& kernels<double>();

}  // namespace detail

const char* kernel_name() { return detail::kernels<float>().name; }

}  // namespace fejer
