// Part of kernels_body.hpp: gradients of kernels and of spline coefficients.

/// The sum of 64 bytes of numbers, by halves.
template <class T>
inline T total(const T* sums) {
  typedef T Four __attribute__((vector_size(4 * sizeof(T)), aligned(sizeof(T)), may_alias));
  constexpr Size count = 16 / sizeof(T);
  Four four[count];
  for (Size j = 0; j < count; ++j) four[j] = *reinterpret_cast<const Four*>(sums + 4 * j);
  for (Size half = count / 2; half > 0; half /= 2)
    for (Size j = 0; j < half; ++j) four[j] += four[j + half];
  const T even = four[0][0] + four[0][2], odd = four[0][1] + four[0][3];
  return even + odd;
}

/// BLOCK output planes and K inputs `step` apart: neighbouring columns, or planes. Sums of the
/// pixels whose places agree modulo 64 bytes, one part of a register's length after the other;
/// these are added up by halves.
template <class T, Size BLOCK, Size K, Size... A>
inline __attribute__((always_inline)) void correlate_some(const CorrelationTask<T>& t,
                                                          const T* weights, const T* in,
                                                          Offset step, T* result, Offset next,
                                                          Sequence<A...>) {
  using Register = typename Simd<T>::Register;
  constexpr Size L = lanes<T>, stride = 64 / sizeof(T);
  alignas(64) T sums[BLOCK * K][stride];
  for (Size part = 0; part < stride; part += L) {
    Register sum[BLOCK * K];
    ((sum[A] = Register{}), ...);
    const T *w_row = weights, *in_row = in;
    for (Offset y = 0; y < t.rows; ++y, w_row += t.weights_row, in_row += t.in_row)
      for (Offset x = static_cast<Offset>(part); x < t.columns; x += static_cast<Offset>(stride)) {
        Register v[K];
        for (Size k = 0; k < K; ++k) v[k] = read(in_row + x + static_cast<Offset>(k) * step);
        // There is no register for the weights of all planes as well: each is loaded as it is used.
        ((sum[A] += v[A % K] * read(w_row + static_cast<Offset>(A / K) * t.weights_plane + x)),
         ...);
      }
    (write<T>(sum[A], &sums[A][part]), ...);
  }
  ((result[static_cast<Offset>(A / K) * next + static_cast<Offset>(A % K)] += total<T>(sums[A])),
   ...);
}

/// `some` of at most K columns of a kernel's row.
template <class T, Size BLOCK, Size K>
inline void correlate_some(const CorrelationTask<T>& t, const T* weights, const T* in, T* result,
                           Offset next, Offset some) {
  if (some == static_cast<Offset>(K))
    return correlate_some<T, BLOCK, K>(t, weights, in, 1, result, next, To<BLOCK * K>{});
  if constexpr (K > 1) correlate_some<T, BLOCK, K - 1>(t, weights, in, result, next, some);
}

/// Columns of a kernel's row as many at a time as registers hold, no single one left over.
template <class T, Size BLOCK>
__attribute__((noinline)) void correlate_columns(const CorrelationTask<T>& t, Offset o) {
  constexpr Offset widest = FEJER_VECTOR_BYTES == 64 ? 5 : 3;
  const Offset taps = t.kernel_rows * t.kernel_columns, next = t.in_channels * taps;
  const T* const weights = t.weights + o * t.weights_plane;
  for (Offset i = 0; i < t.in_channels; ++i)
    for (Offset r = 0; r < t.kernel_rows; ++r) {
      const T* in = t.in + i * t.in_plane + r * t.in_row;
      T* result = t.result + o * next + i * taps + r * t.kernel_columns;
      for (Offset left = t.kernel_columns, some = 0; left > 0; left -= some) {
        some = left == widest + 1 ? widest - 1 : (left < widest ? left : widest);
        correlate_some<T, BLOCK, static_cast<Size>(widest)>(t, weights, in, result, next, some);
        in += some;
        result += some;
      }
    }
}

/// Kernels of one pixel: inputs, three at a time.
template <class T, Size BLOCK>
__attribute__((noinline)) void correlate_planes(const CorrelationTask<T>& t, Offset o) {
  const T* const weights = t.weights + o * t.weights_plane;
  T* const result = t.result + o * t.in_channels;
  Offset i = 0;
  for (; i + 3 <= t.in_channels; i += 3)
    correlate_some<T, BLOCK, 3>(t, weights, t.in + i * t.in_plane, t.in_plane, result + i,
                                t.in_channels, To<BLOCK * 3>{});
  for (; i < t.in_channels; ++i)
    correlate_some<T, BLOCK, 1>(t, weights, t.in + i * t.in_plane, 0, result + i, t.in_channels,
                                To<BLOCK>{});
}

/// All output planes from o on in blocks, the rest in smaller ones.
template <class T, Size BLOCK>
void correlate_from(const CorrelationTask<T>& t, Offset o) {
  const bool one_pixel = t.kernel_rows == 1 && t.kernel_columns == 1;
  for (; o + static_cast<Offset>(BLOCK) <= t.out_channels; o += static_cast<Offset>(BLOCK))
    one_pixel ? correlate_planes<T, BLOCK>(t, o) : correlate_columns<T, BLOCK>(t, o);
  if constexpr (BLOCK > 1) correlate_from<T, BLOCK / 2>(t, o);
}

template <class T>
void correlate(const CorrelationTask<T>& t) {
  correlate_from<T, 4>(t, 0);
}

#ifdef FEJER_KERNELS_AVX2
/// sums[j][k_j] += (g_j, g_j x_j) for four values.
inline void add_four(__m256d g, __m256d x, const int* k, double* sums, Offset part) {
  const __m256d moment = g * x;
  const __m256d even = _mm256_unpacklo_pd(g, moment), odd = _mm256_unpackhi_pd(g, moment);
  const auto add = [&](Offset j, __m128d pair) {
    double* const at = sums + j * part + 2 * k[j];
    _mm_storeu_pd(at, _mm_loadu_pd(at) + pair);
  };
  add(0, _mm256_castpd256_pd128(even));
  add(1, _mm256_castpd256_pd128(odd));
  add(2, _mm256_extractf128_pd(even, 1));
  add(3, _mm256_extractf128_pd(odd, 1));
}
inline void add_values(__m256 g, __m256 x, const int* k, Offset, double* sums, Offset part) {
  const auto low = [](__m256 v) { return _mm256_cvtps_pd(_mm256_castps256_ps128(v)); };
  const auto high = [](__m256 v) { return _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1)); };
  add_four(low(g), low(x), k, sums, part);
  add_four(high(g), high(x), k + 4, sums + 4 * part, part);
}
inline void add_values(__m256d g, __m256d x, const int* k, Offset i, double* sums, Offset part) {
  add_four(g, x, k, sums + i % sum_parts * part, part);
}

/// slope(cells, k): of the cells, which also lie in memory at k. Returns how many values are done.
template <class T, class Slope>
inline Offset spline_sums(const SplineTask<T>& t, Offset n, const T* x, const T* g, T* gx,
                          double* sums, const Slope& slope) {
  constexpr Offset L = 32 / sizeof(T);
  const Offset part = 2 * (static_cast<Offset>(t.last) + 1);
  Offset i = 0;
  for (; i + L <= n; i += L) {
    alignas(32) int k[static_cast<unsigned>(L)];
    const auto v = load(x + i), w = load(g + i);
    const auto c = cells(t, v);
    store_cells(k, c);
    store(gx + i, w * slope(c, k));
    add_values(w, v, k, i, sums, part);
  }
  return i;
}
inline Offset short_spline_sums(const SplineTask<float>& t, Offset n, const float* x,
                                const float* g, float* gx, double* sums) {
  const ShortTable slopes(t.slope, static_cast<int>(t.last) + 1);
  return spline_sums(t, n, x, g, gx, sums, [&](__m256i c, const int*) { return slopes[c]; });
}
inline Offset short_spline_sums(const SplineTask<double>&, Offset, const double*, const double*,
                                double*, double*) {
  return 0;
}
#endif

template <class T>
void spline_sums(const SplineTask<T>& task, Offset n, const T* x, const T* g, T* gx, double* sums) {
  const SplineTask<T> t = task;
  const Offset part = 2 * (static_cast<Offset>(t.last) + 1);
  Offset i = 0;
#ifdef FEJER_KERNELS_AVX2
  if (t.last < ShortTable::most) i = short_spline_sums(t, n, x, g, gx, sums);
  if (i == 0)
    i = spline_sums(t, n, x, g, gx, sums, [&](auto, const int* k) {
      auto offset = load(x), slope = offset;
      look_up(t.pairs, k, offset, slope);
      return slope;
    });
#endif
  for (; i < n; ++i) {
    const int k = cell(t, x[i]);
    const double weight = static_cast<double>(g[i]);
    double* const at = sums + i % sum_parts * part + 2 * k;
    at[0] += weight;
    at[1] += weight * static_cast<double>(x[i]);
    gx[i] = g[i] * t.slope[k];
  }
}
