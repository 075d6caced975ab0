// Compiled with -mavx2; nothing in here runs on other processors.
#include "variation_rows_body.hpp"

namespace fejer::detail {

template <class T>
const VariationRows<T>& avx2_variation_rows() {
  static constexpr VariationRows<T> result = table<T>();
  return result;
}
template const VariationRows<float>& avx2_variation_rows<float>();
template const VariationRows<double>& avx2_variation_rows<double>();

}  // namespace fejer::detail
