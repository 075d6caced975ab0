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

#include "splines_body.hpp"  // the next two use it

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
