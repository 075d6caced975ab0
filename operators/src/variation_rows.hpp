#pragma once
/// The loops over one row of total_variation.cpp, compiled twice from variation_rows_body.hpp: for
/// any processor, and for AVX2 without fused multiply-adds, so that both give the same bits.
/// Nothing here may include a header with inline functions: the linker could keep the AVX2 copy.
#include <cstddef>

namespace fejer::detail {

/// Everything that the sums of one row need of one plane.
template <class T>
struct VariationPlane {
  const T* x;      ///< one more element, equal to the last
  const T* below;  ///< x of the next row
  const T* vertical;
  const T* horizontal;
  const T* v;
};

template <class T>
struct VariationRows {
  using Size = std::ptrdiff_t;
  /// q = y + momentum (y - before)
  void (*extrapolate)(const T* y, const T* before, T momentum, T* q, Size n);
  /// x = P_box(v - D^T q), above: q_vertical of the row before; horizontal[-1] is read.
  void (*image)(const T* v, const T* above, const T* vertical, const T* horizontal, T lower,
                T upper, T* x, Size n);
  /// u = q + step D x, and the squares of u added up.
  void (*ascend)(const T* q_vertical, const T* q_horizontal, const T* x, const T* below, T step,
                 T* u_vertical, T* u_horizontal, T* square_vertical, T* square_horizontal, Size n);
  /// a = t / max(t, sqrt(a)), or of a + b, b then unchanged, when b is not null.
  void (*factors)(T* a, const T* b, T t, Size n);
  void (*multiply)(T* u, const T* factor, Size n);
  /// Over the row: out[0] += t |Dx| - <Dx, q>, out[1] += |Dx|, out[2] += |x - v|^2, |Dx| one
  /// modulus for each pixel (isotropic) or one for each direction. scratch: 4 n elements.
  void (*sums)(const VariationPlane<T>* planes, int count, bool isotropic, T t, double* scratch,
               double* out, Size n);
};

template <class T>
const VariationRows<T>& generic_variation_rows();
/// Only to be called where the processor has AVX2.
template <class T>
const VariationRows<T>& avx2_variation_rows();
/// The best ones for this processor.
template <class T>
const VariationRows<T>& variation_rows();

}  // namespace fejer::detail
