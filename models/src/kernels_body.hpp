// Included by kernels_generic.cpp and kernels_avx2.cpp, which define FEJER_VECTOR_BYTES, and the
// latter FEJER_KERNELS_AVX2 (__AVX2__ would be set in both under -march=native).
//
// A tile is BLOCK output planes x WIDE vectors of pixels, held in registers over all input planes
// and taps. Accumulators are expanded by fold expressions: GCC 12 spills them if a loop indexes
// them. Every output is the same sum in the same order wherever its tile lies.
#include "kernels.hpp"
#ifdef FEJER_KERNELS_AVX2
#include <immintrin.h>
#endif

namespace fejer::detail {
namespace {

using Offset = std::ptrdiff_t;
using Size = std::size_t;

template <Size... I>
struct Sequence {};
template <Size N, Size... I>
struct MakeSequence : MakeSequence<N - 1, N - 1, I...> {};
template <Size... I>
struct MakeSequence<0, I...> {
  using type = Sequence<I...>;
};
template <Size N>
using To = typename MakeSequence<N>::type;

template <class T>
struct Simd;
template <>
struct Simd<float> {
  typedef float Register __attribute__((vector_size(FEJER_VECTOR_BYTES)));
  typedef float Memory
      __attribute__((vector_size(FEJER_VECTOR_BYTES), aligned(sizeof(float)), may_alias));
};
template <>
struct Simd<double> {
  typedef double Register __attribute__((vector_size(FEJER_VECTOR_BYTES)));
  typedef double Memory
      __attribute__((vector_size(FEJER_VECTOR_BYTES), aligned(sizeof(double)), may_alias));
};
template <class T>
constexpr Size lanes = FEJER_VECTOR_BYTES / sizeof(T);

/// One tap of every plane and pixel of the tile.
template <class T, Size BLOCK, Size WIDE, Size... A, Size... P>
inline __attribute__((always_inline)) void tap(typename Simd<T>::Register (&sum)[BLOCK * WIDE],
                                               const T* in, const T* w, Sequence<A...>,
                                               Sequence<P...>) {
  const typename Simd<T>::Register x[WIDE] = {
      *reinterpret_cast<const typename Simd<T>::Memory*>(in + P * lanes<T>)...};
  ((sum[A] += x[A % WIDE] * w[A / WIDE]), ...);
}

/// K: number of kernel columns, 0 if known at run time only.
template <class T, int K, Size BLOCK, Size WIDE, Size... A>
inline __attribute__((always_inline)) void tile(const ConvolutionTask<T>& t, const T* in, T* out,
                                                Offset out_plane, Sequence<A...> all) {
  using Memory = typename Simd<T>::Memory;
  typename Simd<T>::Register sum[BLOCK * WIDE];
  ((sum[A] = typename Simd<T>::Register{} + t.bias[A / WIDE]), ...);
  const T* w = t.weights;
  for (Offset i = 0; i < t.in_channels; ++i, in += t.in_plane) {
    const T* row = in;
    for (Offset r = 0; r < t.kernel_rows; ++r, row += t.in_row) {
      if constexpr (K > 0) {
#pragma GCC unroll 8
        for (Offset c = 0; c < K; ++c, w += BLOCK)
          tap<T, BLOCK, WIDE>(sum, row + c, w, all, To<WIDE>{});
      } else {
        for (Offset c = 0; c < t.kernel_columns; ++c, w += BLOCK)
          tap<T, BLOCK, WIDE>(sum, row + c, w, all, To<WIDE>{});
      }
    }
  }
  ((*reinterpret_cast<Memory*>(out + static_cast<Offset>(A / WIDE) * out_plane +
                               (A % WIDE) * lanes<T>) = sum[A]),
   ...);
}

template <class T, int K, Size BLOCK, Size WIDE>
__attribute__((noinline)) void tile(const ConvolutionTask<T>& t, const T* in, T* out,
                                    Offset out_plane) {
  tile<T, K, BLOCK, WIDE>(t, in, out, out_plane, To<BLOCK * WIDE>{});
}

/// Wide tiles, the last one moved back to end with the row; narrow ones in rows shorter than that.
template <class T, int K, Size BLOCK, Size WIDE>
void rows(const ConvolutionTask<T>& t) {
  constexpr Size lane_count = lanes<T>;
  constexpr Offset L = static_cast<Offset>(lane_count);
  constexpr Offset wide = static_cast<Offset>(WIDE * lane_count);
  for (Offset y = 0; y < t.rows; ++y) {
    const T* in = t.in + y * t.in_row;
    T* out = t.out + y * t.out_row;
    Offset x = 0;
    if (t.columns >= wide) {
      for (; x + wide <= t.columns; x += wide)
        tile<T, K, BLOCK, WIDE>(t, in + x, out + x, t.out_plane);
      if (x < t.columns) {
        x = t.columns - wide;
        tile<T, K, BLOCK, WIDE>(t, in + x, out + x, t.out_plane);
      }
      continue;
    }
    for (; x + L <= t.columns; x += L) tile<T, K, BLOCK, 1>(t, in + x, out + x, t.out_plane);
    if (x == t.columns) continue;
    T rest[BLOCK * lane_count];
    tile<T, K, BLOCK, 1>(t, in + x, rest, L);
    for (Offset b = 0; b < static_cast<Offset>(BLOCK); ++b)
      for (Offset j = x; j < t.columns; ++j) out[b * t.out_plane + j] = rest[b * L + j - x];
  }
}

template <class T, int K>
void convolve_columns(const ConvolutionTask<T>& t) {
  switch (t.block) {
    case 6:
      return rows<T, K, 6, 2>(t);
    case 4:
      return rows<T, K, 4, 2>(t);
    case 3:
      return rows<T, K, 3, 3>(t);
    case 2:
      return rows<T, K, 2, 5>(t);
    default:
      return rows<T, K, 1, 8>(t);
  }
}

/// With 16 registers and no fused multiply-add, unrolled taps would spill: only AVX2 has them.
template <class T>
void convolve(const ConvolutionTask<T>& t) {
#ifdef FEJER_KERNELS_AVX2
  if (t.kernel_columns == 3) return convolve_columns<T, 3>(t);
  if (t.kernel_columns == 5) return convolve_columns<T, 5>(t);
  if (t.kernel_columns == 7) return convolve_columns<T, 7>(t);
#endif
  return convolve_columns<T, 0>(t);
}

/// The cell of x; 0 for NaN, so that the look-up stays inside the table.
template <class Task, class T>
inline int cell(const Task& t, T x) {
  T u = x * t.inverse_step + t.origin;
  u = u > T(0) ? u : T(0);
  u = u < t.last ? u : t.last;
  return static_cast<int>(u);
}

#ifdef FEJER_KERNELS_AVX2
inline __m256 load(const float* x) { return _mm256_loadu_ps(x); }
inline __m256d load(const double* x) { return _mm256_loadu_pd(x); }
inline void store(float* x, __m256 v) { _mm256_storeu_ps(x, v); }
inline void store(double* x, __m256d v) { _mm256_storeu_pd(x, v); }
inline __m256 look_up(const float* table, __m256i k) {
  const __m256 all = _mm256_castsi256_ps(_mm256_set1_epi32(-1));
  return _mm256_mask_i32gather_ps(_mm256_setzero_ps(), table, k, all, 4);
}
inline __m256d look_up(const double* table, __m128i k) {
  const __m256d all = _mm256_castsi256_pd(_mm256_set1_epi32(-1));
  return _mm256_mask_i32gather_pd(_mm256_setzero_pd(), table, k, all, 8);
}
template <class Task>
inline __m256i cells(const Task& t, __m256 x) {
  const __m256 u = x * t.inverse_step + t.origin;
  // max returns its second operand for NaN.
  const __m256 clamped = _mm256_min_ps(_mm256_max_ps(u, __m256{}), __m256{} + t.last);
  return _mm256_cvttps_epi32(clamped);
}
template <class Task>
inline __m128i cells(const Task& t, __m256d x) {
  const __m256d u = x * t.inverse_step + t.origin;
  return _mm256_cvttpd_epi32(_mm256_min_pd(_mm256_max_pd(u, __m256d{}), __m256d{} + t.last));
}
#endif

#ifdef FEJER_KERNELS_AVX2
/// Entries from..from + 7 of a table of `count`; zeros beyond.
inline __m256 part_of(const float* table, int from, int count) {
  const __m256i places = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_maskload_ps(table + from,
                            _mm256_cmpgt_epi32(_mm256_set1_epi32(count - from), places));
}

/// At most 24 cells: the tables lie in registers. Returns how many values are done.
inline Offset short_spline(const SplineTask<float>& t, Offset n, const float* x, float* y,
                           float* s) {
  const int count = static_cast<int>(t.last) + 1;
  const __m256 scale = _mm256_set1_ps(t.offset_scale);
  const __m256 s0 = part_of(t.slope, 0, count), s1 = part_of(t.slope, 8, count),
               s2 = part_of(t.slope, 16, count);
  const __m256 o0 = part_of(t.offset, 0, count) * scale, o1 = part_of(t.offset, 8, count) * scale,
               o2 = part_of(t.offset, 16, count) * scale;
  const auto pick = [](__m256 a, __m256 b, __m256 c, __m256i k, __m256 beyond8, __m256 beyond16) {
    const __m256 low =
        _mm256_blendv_ps(_mm256_permutevar8x32_ps(a, k), _mm256_permutevar8x32_ps(b, k), beyond8);
    return _mm256_blendv_ps(low, _mm256_permutevar8x32_ps(c, k), beyond16);
  };
  Offset i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m256 v = load(x + i);
    const __m256i k = cells(t, v);
    const __m256 beyond8 = _mm256_castsi256_ps(_mm256_cmpgt_epi32(k, _mm256_set1_epi32(7)));
    const __m256 beyond16 = _mm256_castsi256_ps(_mm256_cmpgt_epi32(k, _mm256_set1_epi32(15)));
    const __m256 slope = pick(s0, s1, s2, k, beyond8, beyond16);
    store(y + i, pick(o0, o1, o2, k, beyond8, beyond16) + slope * v);
    if (s != nullptr) store(s + i, slope);
  }
  return i;
}
inline Offset short_spline(const SplineTask<double>&, Offset, const double*, double*, double*) {
  return 0;
}
#endif

template <class T>
void spline(const SplineTask<T>& task, Offset n, const T* x, T* y, T* s) {
  const SplineTask<T> t = task;
  Offset i = 0;
#ifdef FEJER_KERNELS_AVX2
  constexpr Offset L = static_cast<Offset>(lanes<T>);
  if (t.last < 24) i = short_spline(t, n, x, y, s);
  for (; i + L <= n; i += L) {
    const auto v = load(x + i);
    const auto k = cells(t, v);
    const auto slope = look_up(t.slope, k);
    store(y + i, look_up(t.offset, k) * t.offset_scale + slope * v);
    if (s != nullptr) store(s + i, slope);
  }
#endif
  for (; i < n; ++i) {
    const int k = cell(t, x[i]);
    const T slope = t.slope[k];
    y[i] = t.offset[k] * t.offset_scale + slope * x[i];
    if (s != nullptr) s[i] = slope;
  }
}

/// Eight running sums, added up at the end.
template <class T>
double potential(const PotentialTask<T>& task, Offset n, const T* x) {
  const PotentialTask<T> t = task;
  constexpr Offset width = 8;
  double sums[width] = {};
  const auto add = [&](Offset j, int k, T value) {
    const double u = t.scale * static_cast<double>(value);
    sums[j] += t.q0[k] + u * (t.q1[k] + u * t.q2[k]);
  };
  Offset i = 0;
  for (; i + width <= n; i += width) {
    int k[width];
#pragma GCC unroll 8
    for (Offset j = 0; j < width; ++j) k[j] = cell(t, x[i + j]);
#pragma GCC unroll 8
    for (Offset j = 0; j < width; ++j) add(j, k[j], x[i + j]);
  }
  for (Offset j = 0; i + j < n; ++j) add(j, cell(t, x[i + j]), x[i + j]);
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

#include "gradients_body.hpp"
#include "pieces_body.hpp"
#include "tile_body.hpp"

template <class T>
constexpr Kernels<T> table(const char* name) {
  return {name,          &convolve<T>,    &spline<T>,
          &potential<T>, &pieces<T>,      &potential_pieces<T>,
          &correlate<T>, &spline_sums<T>, tile_table<T>()};
}

}  // namespace
}  // namespace fejer::detail
