#include "variation_rows_body.hpp"

namespace fejer::detail {

template <class T>
const VariationRows<T>& generic_variation_rows() {
  static constexpr VariationRows<T> result = table<T>();
  return result;
}

template <class T>
const VariationRows<T>& variation_rows() {
#ifdef FEJER_HAVE_AVX2
  static const bool supported = __builtin_cpu_supports("avx2") != 0;
  if (supported) return avx2_variation_rows<T>();
#endif
  return generic_variation_rows<T>();
}

template const VariationRows<float>& generic_variation_rows<float>();
template const VariationRows<double>& generic_variation_rows<double>();
template const VariationRows<float>& variation_rows<float>();
template const VariationRows<double>& variation_rows<double>();

}  // namespace fejer::detail
