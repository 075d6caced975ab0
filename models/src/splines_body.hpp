// Part of kernels_body.hpp: splines and their potentials by tables over cells.

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
