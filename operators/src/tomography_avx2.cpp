// Compiled with -mavx2 -mfma; nothing in here runs on other processors.
#include <immintrin.h>

#include "tomography_kernels.hpp"

namespace fejer::detail {
namespace {

using Index = std::ptrdiff_t;

/// The first i of [first, last) where predicate(i) holds; it holds from there on.
template <class Predicate>
Index first_where(Index first, Index last, Predicate predicate) {
  while (first < last) {
    const Index middle = first + (last - first) / 2;
    if (predicate(middle)) {
      last = middle;
    } else {
      first = middle + 1;
    }
  }
  return first;
}

struct Lines {
  Index first, last;
};

/// The lines of [first, last) where low < start + slope i < high: consecutive ones. Decided by the
/// very expression that is used later, so that no rounding leads outside.
Lines lines_between(double start, double slope, Index first, Index last, double low, double high) {
  const auto at = [=](Index i) { return start + slope * static_cast<double>(i); };
  const auto inside = [=](double position) { return position > low && position < high; };
  if (inside(at(first)) && inside(at(last - 1))) return {first, last};
  if (slope < 0)
    return {first_where(first, last, [=](Index i) { return at(i) < high; }),
            first_where(first, last, [=](Index i) { return at(i) <= low; })};
  return {first_where(first, last, [=](Index i) { return at(i) > low; }),
          first_where(first, last, [=](Index i) { return at(i) >= high; })};
}

/// left and right: elements `index` (0 .. 14) and index + 1 from `from` on.
void pick(const float* from, __m256i index, __m256& left, __m256& right) {
  const __m256 high = _mm256_castsi256_ps(_mm256_cmpgt_epi32(index, _mm256_set1_epi32(7)));
  left = _mm256_blendv_ps(_mm256_permutevar8x32_ps(_mm256_loadu_ps(from), index),
                          _mm256_permutevar8x32_ps(_mm256_loadu_ps(from + 8), index), high);
  right = _mm256_blendv_ps(_mm256_permutevar8x32_ps(_mm256_loadu_ps(from + 1), index),
                           _mm256_permutevar8x32_ps(_mm256_loadu_ps(from + 9), index), high);
}

/// The same where the indices are at most 6 in lanes 0 to 3, and 4 to 10 in lanes 4 to 7, as they
/// are for steps from 1 to 1.42: half as much work.
void pick_near(const float* from, __m256i index, __m256& left, __m256& right) {
  const __m256i here = _mm256_sub_epi32(index, _mm256_setr_epi32(0, 0, 0, 0, 4, 4, 4, 4));
  const __m256i next = _mm256_add_epi32(here, _mm256_set1_epi32(1));
  const __m256i three = _mm256_set1_epi32(3);
  const __m256 a = _mm256_loadu_ps(from), b = _mm256_loadu_ps(from + 4);
  left = _mm256_blendv_ps(_mm256_permutevar_ps(a, here), _mm256_permutevar_ps(b, here),
                          _mm256_castsi256_ps(_mm256_cmpgt_epi32(here, three)));
  right = _mm256_blendv_ps(_mm256_permutevar_ps(a, next), _mm256_permutevar_ps(b, next),
                           _mm256_castsi256_ps(_mm256_cmpgt_epi32(next, three)));
}

__m256 lanes() { return _mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7); }

}  // namespace

namespace {

/// One block of eight detector elements; `start` is the position of its first on line 0, counted
/// so that it is positive wherever the block meets the image: conversion to integers rounds down.
template <bool near>
__m256 project_block(const ForwardTask& t, double start, __m256 steps, __m256 sum) {
  const double shift = static_cast<double>(projection_pad);
  const Lines lines = lines_between(start, t.slope, t.first, t.last, shift - 1 - 7 * t.step,
                                    shift + static_cast<double>(t.length));
  const float* const pixels = t.pixels - projection_pad;
  const __m256d slope = _mm256_set1_pd(t.slope), origin = _mm256_set1_pd(start);
  alignas(16) float fraction[4];
  alignas(16) int whole[4];
  for (Index i = lines.first; i < lines.last; i += 4) {
    const __m256d line =
        _mm256_add_pd(_mm256_set1_pd(static_cast<double>(i)), _mm256_setr_pd(0, 1, 2, 3));
    const __m256d at = _mm256_add_pd(origin, _mm256_mul_pd(slope, line));
    const __m256d down = _mm256_floor_pd(at);
    _mm_store_ps(fraction, _mm256_cvtpd_ps(_mm256_sub_pd(at, down)));
    _mm_store_si128(reinterpret_cast<__m128i*>(whole), _mm256_cvtpd_epi32(down));
    const Index count = lines.last - i < 4 ? lines.last - i : 4;
    for (Index k = 0; k < count; ++k) {
      const __m256 position = _mm256_add_ps(_mm256_broadcast_ss(fraction + k), steps);
      const __m256i index = _mm256_cvttps_epi32(position);
      const __m256 weight = _mm256_sub_ps(position, _mm256_cvtepi32_ps(index));
      __m256 left, right;
      if (near) {
        pick_near(pixels + (i + k) * t.stride + whole[k], index, left, right);
      } else {
        pick(pixels + (i + k) * t.stride + whole[k], index, left, right);
      }
      sum = _mm256_add_ps(sum, _mm256_fmadd_ps(weight, _mm256_sub_ps(right, left), left));
    }
  }
  return sum;
}

}  // namespace

void project_avx2(const ForwardTask& t) {
  const __m256 steps = _mm256_mul_ps(lanes(), _mm256_set1_ps(static_cast<float>(t.step)));
  for (Index b = 0; b < t.blocks; ++b) {
    const double start =
        t.offset + t.step * static_cast<double>(8 * b) + static_cast<double>(projection_pad);
    const __m256 sum = _mm256_loadu_ps(t.sums + 8 * b);
    _mm256_storeu_ps(t.sums + 8 * b, t.step <= 1.42 ? project_block<true>(t, start, steps, sum)
                                                    : project_block<false>(t, start, steps, sum));
  }
}

void backproject_avx2(const AdjointTask& t) {
  constexpr Index chunk = 64;
  alignas(32) float fraction[chunk];
  alignas(16) int whole[chunk];
  const __m256d line = _mm256_set1_pd(static_cast<double>(t.line));
  const __m256d pixel = _mm256_set1_pd(static_cast<double>(t.position));
  // Beyond these only zeros are read.
  const __m256d lowest = _mm256_set1_pd(-15),
                highest = _mm256_set1_pd(static_cast<double>(t.detectors));
  const __m256 one = _mm256_set1_ps(1), zero = _mm256_setzero_ps(), ramp = lanes();
  const __m256i seven = _mm256_set1_epi32(7);
  __m256 sum_left = zero, sum_right = zero;
  for (Index v0 = 0; v0 < t.views; v0 += chunk) {
    const Index count = t.views - v0 < chunk ? t.views - v0 : chunk;
    for (Index k = 0; k < count; k += 4) {
      const Index v = v0 + k;
      __m256d p =
          _mm256_fmadd_pd(_mm256_loadu_pd(t.per_line + v), line, _mm256_loadu_pd(t.origin + v));
      p = _mm256_fmadd_pd(_mm256_loadu_pd(t.per_pixel + v), pixel, p);
      p = _mm256_min_pd(_mm256_max_pd(p, lowest), highest);
      const __m256d down = _mm256_floor_pd(p);
      _mm_store_ps(fraction + k, _mm256_cvtpd_ps(_mm256_sub_pd(p, down)));
      _mm_store_si128(reinterpret_cast<__m128i*>(whole + k), _mm256_cvtpd_epi32(down));
    }
    for (Index k = 0; k < count; ++k) {
      const Index v = v0 + k;
      const float* from = t.values + v * t.stride + whole[k];
      const __m256 step = _mm256_broadcast_ss(t.step + v);
      const __m256 position = _mm256_fmadd_ps(_mm256_broadcast_ss(t.narrow + v), ramp,
                                              _mm256_broadcast_ss(fraction + k));
      // Rounding could lead to 8, where 7 with a weight of 1 is the same.
      const __m256i index = _mm256_min_epi32(_mm256_cvttps_epi32(position), seven);
      const __m256 part = _mm256_sub_ps(position, _mm256_cvtepi32_ps(index));
      const __m256 left = _mm256_permutevar8x32_ps(_mm256_loadu_ps(from), index);
      const __m256 right = _mm256_permutevar8x32_ps(_mm256_loadu_ps(from + 1), index);
      const __m256 near = _mm256_max_ps(zero, _mm256_fnmadd_ps(part, step, one));
      const __m256 far = _mm256_max_ps(zero, _mm256_fmadd_ps(part, step, _mm256_sub_ps(one, step)));
      sum_left = _mm256_fmadd_ps(near, left, sum_left);
      sum_right = _mm256_fmadd_ps(far, right, sum_right);
    }
  }
  _mm256_storeu_ps(t.out, _mm256_add_ps(sum_left, sum_right));
}

}  // namespace fejer::detail
