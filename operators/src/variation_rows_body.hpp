// Included by variation_rows.cpp and variation_rows_avx2.cpp.
#include "variation_rows.hpp"

namespace fejer::detail {
namespace {

using Size = std::ptrdiff_t;

// Built-ins: <cmath> holds inline functions.
inline float root(float x) { return __builtin_sqrtf(x); }
inline double root(double x) { return __builtin_sqrt(x); }

template <class T>
void extrapolate(const T* __restrict y, const T* __restrict before, T momentum, T* __restrict q,
                 Size n) {
  for (Size j = 0; j < n; ++j) q[j] = y[j] + momentum * (y[j] - before[j]);
}

template <class T>
void image(const T* __restrict v, const T* __restrict above, const T* __restrict vertical,
           const T* __restrict horizontal, T lower, T upper, T* __restrict x, Size n) {
  for (Size j = 0; j < n; ++j) {
    const T w = v[j] - ((above[j] - vertical[j]) + (horizontal[j - 1] - horizontal[j]));
    const T w_low = w < lower ? lower : w;
    x[j] = w_low > upper ? upper : w_low;
  }
}

template <class T>
void ascend(const T* __restrict q_vertical, const T* __restrict q_horizontal, const T* __restrict x,
            const T* below, T step, T* __restrict u_vertical, T* __restrict u_horizontal,
            T* __restrict square_vertical, T* __restrict square_horizontal, Size n) {
  for (Size j = 0; j < n; ++j) {
    const T a = q_vertical[j] + step * (below[j] - x[j]);
    const T b = q_horizontal[j] + step * (x[j + 1] - x[j]);
    u_vertical[j] = a;
    u_horizontal[j] = b;
    square_vertical[j] += a * a;
    square_horizontal[j] += b * b;
  }
}

template <class T>
void factors(T* __restrict a, const T* __restrict b, T t, Size n) {
  if (b != nullptr)
    for (Size j = 0; j < n; ++j) a[j] += b[j];
  for (Size j = 0; j < n; ++j) {
    const T modulus = root(a[j]);
    a[j] = t / (modulus > t ? modulus : t);
  }
}

template <class T>
void multiply(T* __restrict u, const T* __restrict factor, Size n) {
  for (Size j = 0; j < n; ++j) u[j] *= factor[j];
}

template <class T>
void add_plane(const VariationPlane<T>& p, double* __restrict square_v, double* __restrict square_h,
               double* __restrict product, double* __restrict change, Size n) {
  for (Size j = 0; j < n; ++j) {
    const double middle = static_cast<double>(p.x[j]);
    const double d_v = static_cast<double>(p.below[j]) - middle;
    const double d_h = static_cast<double>(p.x[j + 1]) - middle;
    const double c = middle - static_cast<double>(p.v[j]);
    square_v[j] += d_v * d_v;
    square_h[j] += d_h * d_h;
    product[j] +=
        d_v * static_cast<double>(p.vertical[j]) + d_h * static_cast<double>(p.horizontal[j]);
    change[j] += c * c;
  }
}

/// In eight partial sums: a fixed order that vectorises.
inline double total(const double* a, Size n) {
  double s[8] = {};
  Size j = 0;
  for (; j + 8 <= n; j += 8)
    for (int k = 0; k < 8; ++k) s[k] += a[j + k];
  for (int k = 0; j < n; ++j, ++k) s[k] += a[j];
  return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

template <class T>
void sums(const VariationPlane<T>* planes, int count, bool isotropic, T t, double* scratch,
          double* out, Size n) {
  double* __restrict square_v = scratch;
  double* __restrict square_h = scratch + n;
  double* __restrict product = scratch + 2 * n;
  double* __restrict change = scratch + 3 * n;
  for (Size j = 0; j < 4 * n; ++j) scratch[j] = 0;
  for (int k = 0; k < count; ++k) add_plane(planes[k], square_v, square_h, product, change, n);
  if (isotropic) {
    for (Size j = 0; j < n; ++j) square_v[j] = root(square_v[j] + square_h[j]);
  } else {
    for (Size j = 0; j < n; ++j) square_v[j] = root(square_v[j]) + root(square_h[j]);
  }
  const double threshold = static_cast<double>(t);
  for (Size j = 0; j < n; ++j) product[j] = threshold * square_v[j] - product[j];
  out[0] += total(product, n);
  out[1] += total(square_v, n);
  out[2] += total(change, n);
}

template <class T>
constexpr VariationRows<T> table() {
  return {extrapolate<T>, image<T>, ascend<T>, factors<T>, multiply<T>, sums<T>};
}

}  // namespace
}  // namespace fejer::detail
