// Included by kernels_generic.cpp, kernels_avx2.cpp and kernels_avx512.cpp, which define
// FEJER_VECTOR_BYTES, and the latter two FEJER_KERNELS_AVX2 (__AVX2__ would be set in all of them
// under -march=native). Sums over pixels go by 64 bytes, whatever the length of a register, so that
// AVX2 and AVX-512 give the same bits.
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

template <Size N>
struct Constant {
  static constexpr Size value = N;
};

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

template <class T>
inline typename Simd<T>::Register read(const T* from) {
  return *reinterpret_cast<const typename Simd<T>::Memory*>(from);
}
template <class T>
inline void write(typename Simd<T>::Register a, T* to) {
  *reinterpret_cast<typename Simd<T>::Memory*>(to) = a;
}

/// One tap of every plane and pixel of the tile, whose vectors are `step` apart.
template <class T, Size BLOCK, Size WIDE, Size... A, Size... P>
inline __attribute__((always_inline)) void tap(typename Simd<T>::Register (&sum)[BLOCK * WIDE],
                                               const T* in, Offset step, const T* w, Sequence<A...>,
                                               Sequence<P...>) {
  const typename Simd<T>::Register x[WIDE] = {read(in + static_cast<Offset>(P) * step)...};
  ((sum[A] += x[A % WIDE] * w[A / WIDE]), ...);
}

/// K: number of kernel columns, 0 if known at run time only. The vectors of a tile lie in one row,
/// or one below the other.
template <class T, int K, Size BLOCK, Size WIDE, bool UPRIGHT, Size... A>
inline __attribute__((always_inline)) void tile(const ConvolutionTask<T>& t, const T* in, T* out,
                                                Offset out_plane, Sequence<A...> all) {
  const Offset L = static_cast<Offset>(lanes<T>);
  const Offset step = UPRIGHT ? t.in_row : L, out_step = UPRIGHT ? t.out_row : L;
  typename Simd<T>::Register sum[BLOCK * WIDE];
  const auto at = [&](Size a) __attribute__((always_inline)) {
    return out + static_cast<Offset>(a / WIDE) * out_plane +
           static_cast<Offset>(a % WIDE) * out_step;
  };
  if (t.bias != nullptr)
    ((sum[A] = typename Simd<T>::Register{} + t.bias[A / WIDE]), ...);
  else
    ((sum[A] = read<T>(at(A))), ...);
  const T* w = t.weights;
  for (Offset i = 0; i < t.in_channels; ++i, in += t.in_plane) {
    const T* row = in;
    for (Offset r = 0; r < t.kernel_rows; ++r, row += t.in_row) {
      if constexpr (K > 0) {
#pragma GCC unroll 8
        for (Offset c = 0; c < K; ++c, w += BLOCK)
          tap<T, BLOCK, WIDE>(sum, row + c, step, w, all, To<WIDE>{});
      } else {
        for (Offset c = 0; c < t.kernel_columns; ++c, w += BLOCK)
          tap<T, BLOCK, WIDE>(sum, row + c, step, w, all, To<WIDE>{});
      }
    }
  }
  (write<T>(sum[A], at(A)), ...);
}

template <class T, int K, Size BLOCK, Size WIDE, bool UPRIGHT = false>
__attribute__((noinline)) void tile(const ConvolutionTask<T>& t, const T* in, T* out,
                                    Offset out_plane) {
  tile<T, K, BLOCK, WIDE, UPRIGHT>(t, in, out, out_plane, To<BLOCK * WIDE>{});
}

/// The end of some lines of output, columns first..end - 1 of a tile of `width`, by a tile that is
/// computed beside them, because it has more columns than they.
template <class T, Size LINES, Size WIDTH, class Tile>
void line_ends(const ConvolutionTask<T>& t, T* out, Offset line, Offset first, Offset end,
               const Tile& tile_to) {
  constexpr Offset width = static_cast<Offset>(WIDTH);
  T beside[LINES * WIDTH];
  if (t.bias == nullptr)
    for (Offset i = 0; i < static_cast<Offset>(LINES); ++i)
      for (Offset j = 0; j < width; ++j)
        beside[i * width + j] = first <= j && j < end ? out[i * line + j] : T(0);
  tile_to(beside, width);
  for (Offset i = 0; i < static_cast<Offset>(LINES); ++i)
    for (Offset j = first; j < end; ++j) out[i * line + j] = beside[i * width + j];
}

/// The pixels of a row from x on, fewer than WIDE vectors, by the narrowest tile that does it,
/// moved back to end with the row. (Where sums go on, no pixel may be added to twice.)
template <class T, int K, Size BLOCK, Size WIDE>
void row_end(const ConvolutionTask<T>& t, const T* in, T* out, Offset x) {
  constexpr Size half = (WIDE + 1) / 2;
  constexpr Offset L = static_cast<Offset>(lanes<T>);
  if constexpr (WIDE > 1)
    if (t.columns - x <= static_cast<Offset>(half) * L)
      return row_end<T, K, BLOCK, half>(t, in, out, x);
  const Offset last = t.columns - static_cast<Offset>(WIDE) * L, from = last > 0 ? last : 0;
  if (last >= 0 && (last == x || t.bias != nullptr))
    return tile<T, K, BLOCK, WIDE>(t, in + from, out + from, t.out_plane);
  line_ends<T, BLOCK, WIDE * lanes<T>>(
      t, out + from, t.out_plane, x - from, t.columns - from,
      [&](T* beside, Offset plane) { tile<T, K, BLOCK, WIDE>(t, in + from, beside, plane); });
}

/// The ends of all rows, columns x on: of two rows at once where one vector does for each and no
/// pixel would be added to twice.
template <class T, int K, Size BLOCK, Size WIDE>
void row_ends(const ConvolutionTask<T>& t, Offset x) {
  constexpr Offset L = static_cast<Offset>(lanes<T>);
  const Offset last = t.columns - L;
  Offset y = 0;
  if constexpr (WIDE == 2 && BLOCK > 1)
    if (0 <= last && last <= x && (last == x || t.bias != nullptr))
      for (; y + 2 <= t.rows; y += 2)
        tile<T, K, BLOCK, 2, true>(t, t.in + y * t.in_row + last, t.out + y * t.out_row + last,
                                   t.out_plane);
  for (; y < t.rows; ++y)
    row_end<T, K, BLOCK, WIDE>(t, t.in + y * t.in_row, t.out + y * t.out_row, x);
}

template <class T, int K, Size BLOCK, Size WIDE>
void rows(const ConvolutionTask<T>& t) {
  constexpr Offset wide = static_cast<Offset>(WIDE * lanes<T>);
  if constexpr (WIDE > 2)
    if (t.columns < wide) return rows<T, K, BLOCK, (WIDE + 1) / 2>(t);
  const Offset whole = t.columns / wide * wide;
  for (Offset y = 0; y < t.rows; ++y)
    for (Offset x = 0; x < whole; x += wide)
      tile<T, K, BLOCK, WIDE>(t, t.in + y * t.in_row + x, t.out + y * t.out_row + x, t.out_plane);
  if (whole < t.columns) row_ends<T, K, BLOCK, WIDE>(t, whole);
}

/// One output plane, K x K taps: ROWS rows at once, so that a pixel is loaded for up to ROWS sums.
/// (Without the barrier the compiler keeps weights from row to row, and spills.)
template <class T, int K, Size ROWS, Size WIDE, Size... A, Size... P, Size... R>
inline __attribute__((always_inline)) void tall_tile(const ConvolutionTask<T>& t, const T* in,
                                                     T* out, Offset out_row, Sequence<A...>,
                                                     Sequence<P...>, Sequence<R...>) {
  using Register = typename Simd<T>::Register;
  Register sum[ROWS * WIDE];
  const auto at = [&](Size a) __attribute__((always_inline)) {
    return out + static_cast<Offset>(a / WIDE) * out_row + static_cast<Offset>(a % WIDE * lanes<T>);
  };
  if (t.bias != nullptr)
    ((sum[A] = Register{} + t.bias[0]), ...);
  else
    ((sum[A] = read<T>(at(A))), ...);
  const T* w = t.weights;
  for (Offset i = 0; i < t.in_channels; ++i, in += t.in_plane, w += K * K) {
    const T* row = in;
    const auto add = [&](auto input_row) __attribute__((always_inline)) {
      constexpr Size seen = decltype(input_row)::value;
#pragma GCC unroll 8
      for (Offset c = 0; c < K; ++c) {
        const Register x[WIDE] = {read(row + c + P * lanes<T>)...};
        const auto tap = [&](auto which) __attribute__((always_inline)) {
          constexpr Size a = decltype(which)::value, r = seen - a / WIDE;
          if constexpr (a / WIDE <= seen && r < static_cast<Size>(K))
            sum[a] += x[a % WIDE] * w[static_cast<Offset>(r) * K + c];
        };
        (tap(Constant<A>{}), ...);
        asm volatile("" ::: "memory");
      }
      row += t.in_row;
    };
    (add(Constant<R>{}), ...);
  }
  (write<T>(sum[A], at(A)), ...);
}
template <class T, int K, Size ROWS, Size WIDE>
__attribute__((noinline)) void tall_tile(const ConvolutionTask<T>& t, const T* in, T* out,
                                         Offset out_row) {
  tall_tile<T, K, ROWS, WIDE>(t, in, out, out_row, To<ROWS * WIDE>{}, To<WIDE>{},
                              To<ROWS + K - 1>{});
}

template <class T, int K, Size ROWS, Size WIDE>
void single(ConvolutionTask<T> t) {
  constexpr Offset wide = static_cast<Offset>(WIDE * lanes<T>);
  if (t.kernel_rows == K && t.columns >= wide)
    for (constexpr Offset step = ROWS; t.rows >= step; t.rows -= step) {
      Offset x = 0;
      for (; x + wide <= t.columns; x += wide)
        tall_tile<T, K, ROWS, WIDE>(t, t.in + x, t.out + x, t.out_row);
      const Offset from = t.columns - wide;
      const auto last = [&](T* out, Offset row) {
        tall_tile<T, K, ROWS, WIDE>(t, t.in + from, out, row);
      };
      if (x < t.columns && t.bias != nullptr) last(t.out + from, t.out_row);
      if (x < t.columns && t.bias == nullptr)
        line_ends<T, ROWS, WIDE * lanes<T>>(t, t.out + from, t.out_row, x - from, wide, last);
      t.in += step * t.in_row;
      t.out += step * t.out_row;
    }
  rows<T, K, 1, 8>(t);
}

/// As many accumulators as leave room for the pixels and a weight: 32 registers with AVX-512.
template <class T, int K>
void convolve_columns(const ConvolutionTask<T>& t) {
  constexpr bool many = FEJER_VECTOR_BYTES == 64;
#ifdef FEJER_KERNELS_AVX2
  constexpr Size four = many ? 4 : 3;
#else
  constexpr Size four = 2;  // without fused multiply-adds a product needs a register, too
#endif
  switch (t.block) {
    case 6:
      return rows < T, K, 6, many ? 3 : 2 > (t);
    case 4:
      return rows<T, K, 4, four>(t);
    case 3:
      return rows<T, K, 3, 3>(t);
    case 2:
      return rows<T, K, 2, 5>(t);
    default:
      if constexpr (K > 0) return single < T, K, 4, many ? 4 : 3 > (t);
      return rows<T, K, 1, 8>(t);
  }
}

/// With 16 registers and no fused multiply-add, unrolled taps would spill: only AVX2 has them.
template <class T>
void convolve(const ConvolutionTask<T>& t) {
#ifdef FEJER_KERNELS_AVX2
  if (t.kernel_columns == 1) return convolve_columns<T, 1>(t);
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

/// Entries from..from + 7 of a table of `count`; zeros beyond.
inline __m256 part_of(const float* table, int from, int count) {
  const __m256i places = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_maskload_ps(table + from,
                            _mm256_cmpgt_epi32(_mm256_set1_epi32(count - from), places));
}

/// A table of at most `most` entries that lies in registers.
struct ShortTable {
  static constexpr int most = 24;
  __m256 a, b, c;
  ShortTable(const float* table, int count)
      : a(part_of(table, 0, count)), b(part_of(table, 8, count)), c(part_of(table, 16, count)) {}
  __m256 operator[](__m256i k) const {
    // Bits 3 and 4 of k become signs, by which blends go.
    const __m256 beyond8 = _mm256_castsi256_ps(_mm256_slli_epi32(k, 28));
    const __m256 beyond16 = _mm256_castsi256_ps(_mm256_slli_epi32(k, 27));
    const __m256 low =
        _mm256_blendv_ps(_mm256_permutevar8x32_ps(a, k), _mm256_permutevar8x32_ps(b, k), beyond8);
    return _mm256_blendv_ps(low, _mm256_permutevar8x32_ps(c, k), beyond16);
  }
};

/// Offsets and slopes of cells, two of a pair by one load.
inline void look_up(const float* pairs, const int* k, __m256& offset, __m256& slope) {
  const auto two = [&](int j, int i) {
    const __m128 zero = _mm_setzero_ps();
    const __m128 low = _mm_loadl_pi(zero, reinterpret_cast<const __m64*>(pairs + 2 * k[j]));
    return _mm_loadh_pi(low, reinterpret_cast<const __m64*>(pairs + 2 * k[i]));
  };
  const __m256 even = _mm256_insertf128_ps(_mm256_castps128_ps256(two(0, 1)), two(4, 5), 1);
  const __m256 odd = _mm256_insertf128_ps(_mm256_castps128_ps256(two(2, 3)), two(6, 7), 1);
  offset = _mm256_shuffle_ps(even, odd, 0x88);
  slope = _mm256_shuffle_ps(even, odd, 0xdd);
}
inline void look_up(const double* pairs, const int* k, __m256d& offset, __m256d& slope) {
  const auto two = [&](int j, int i) {
    return _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(pairs + 2 * k[j])),
                                _mm_loadu_pd(pairs + 2 * k[i]), 1);
  };
  const __m256d even = two(0, 2), odd = two(1, 3);
  offset = _mm256_unpacklo_pd(even, odd);
  slope = _mm256_unpackhi_pd(even, odd);
}
inline void store_cells(int* k, __m256i cells) {
  _mm256_store_si256(reinterpret_cast<__m256i*>(k), cells);
}
inline void store_cells(int* k, __m128i cells) {
  _mm_store_si128(reinterpret_cast<__m128i*>(k), cells);
}

/// At most 24 cells. Returns how many values are done.
inline Offset short_spline(const SplineTask<float>& t, Offset n, const float* x, float* y,
                           float* s) {
  const int count = static_cast<int>(t.last) + 1;
  const ShortTable slopes(t.slope, count);
  ShortTable offsets(t.offset, count);
  offsets.a *= t.offset_scale;
  offsets.b *= t.offset_scale;
  offsets.c *= t.offset_scale;
  Offset i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m256 v = load(x + i);
    const __m256i k = cells(t, v);
    const __m256 slope = slopes[k];
    store(y + i, offsets[k] + slope * v);
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
  constexpr Offset L = 32 / sizeof(T);
  if (t.last < ShortTable::most) i = short_spline(t, n, x, y, s);
  for (; i + L <= n; i += L) {
    alignas(32) int k[static_cast<unsigned>(L)];
    const auto v = load(x + i);
    store_cells(k, cells(t, v));
    auto offset = v, slope = v;
    look_up(t.pairs, k, offset, slope);
    store(y + i, offset * t.offset_scale + slope * v);
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
  return {name,
          &convolve<T>,
          &spline<T>,
          &potential<T>,
          &pieces<T>,
          &potential_pieces<T>,
          &correlate<T>,
          &spline_sums<T>,
          &scale_lanes<T>,
          &multiply<T>,
          {tile_table<3, T>(), tile_table<4, T>()}};
}

}  // namespace
}  // namespace fejer::detail
