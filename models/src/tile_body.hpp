// Part of kernels_body.hpp: Fourier transforms of tiles of 16 R x 16 R (R = 3, 4), as many at once
// as a register has lanes. Radix R, then 4 twice: forwards by decimation in frequency (natural
// order in, digits reversed out), backwards by decimation in time (the other way round), so that
// nothing is ever permuted; neither is normalised.

template <class T>
struct Pair {
  typename Simd<T>::Register re, im;
};
template <class T>
inline Pair<T> operator+(Pair<T> a, Pair<T> b) {
  return {a.re + b.re, a.im + b.im};
}
template <class T>
inline Pair<T> operator-(Pair<T> a, Pair<T> b) {
  return {a.re - b.re, a.im - b.im};
}
/// i a.
template <class T>
inline Pair<T> turned(Pair<T> a) {
  return {-a.im, a.re};
}
/// a w, or a conj(w).
template <bool CONJUGATE, class T>
inline Pair<T> times(Pair<T> a, const T* w) {
  if constexpr (CONJUGATE)
    return {a.re * w[0] + a.im * w[1], a.im * w[0] - a.re * w[1]};
  else
    return {a.re * w[0] - a.im * w[1], a.im * w[0] + a.re * w[1]};
}

template <class T>
inline Pair<T> read(const T* re, const T* im) {
  return {read<T>(re), read<T>(im)};
}
template <class T>
inline void write(Pair<T> a, T* re, T* im) {
  write<T>(a.re, re);
  write<T>(a.im, im);
}

/// y_q = sum_m i^{-+qm} x_m.
template <bool INVERSE, class T>
inline __attribute__((always_inline)) void butterfly(Pair<T>& x0, Pair<T>& x1, Pair<T>& x2,
                                                     Pair<T>& x3) {
  const Pair<T> sum02 = x0 + x2, difference02 = x0 - x2, sum13 = x1 + x3;
  const Pair<T> quarter = INVERSE ? turned(x1 - x3) : turned(x3 - x1);
  x0 = sum02 + sum13;
  x1 = difference02 + quarter;
  x2 = sum02 - sum13;
  x3 = difference02 - quarter;
}
/// y_q = sum_m exp(-+2 pi i q m / 3) x_m.
template <bool INVERSE, class T>
inline __attribute__((always_inline)) void butterfly(Pair<T>& x0, Pair<T>& x1, Pair<T>& x2) {
  constexpr T half = T(0.5), root = T(0.86602540378443864676);
  const Pair<T> sum = x1 + x2, apart = INVERSE ? x1 - x2 : x2 - x1;
  const Pair<T> middle = {x0.re - half * sum.re, x0.im - half * sum.im};
  x0 = x0 + sum;
  x1 = {middle.re - root * apart.im, middle.im + root * apart.re};
  x2 = {middle.re + root * apart.im, middle.im - root * apart.re};
}

template <bool INVERSE, class T>
inline __attribute__((always_inline)) void turn(Pair<T>& x1, Pair<T>& x2, Pair<T>& x3, const T* w) {
  x1 = times<INVERSE>(x1, w);
  x2 = times<INVERSE>(x2, w + 2);
  x3 = times<INVERSE>(x3, w + 4);
}

/// load(i) and store(i, value), i = 0..16 R - 1. Twiddles: exp(-2 pi i j m / (16 R)), j = 0..15,
/// m = 1..R-1, then exp(-2 pi i j m / 16), j = 0..3, m = 1..3.
template <int R, class T, class Load, class Store>
inline __attribute__((always_inline)) void forward_transform(const T* twiddles, const Load& load,
                                                             const Store& store) {
  Pair<T> v[static_cast<Size>(16 * R)];
  const auto first = [&](int j) __attribute__((always_inline)) {
    const T* const w = twiddles + 2 * (R - 1) * j;
    Pair<T> a = load(j), b = load(j + 16), c = load(j + 32);
    if constexpr (R == 3) {
      butterfly<false>(a, b, c);
      if (j > 0) b = times<false>(b, w), c = times<false>(c, w + 2);
    } else {
      Pair<T> d = load(j + 48);
      butterfly<false>(a, b, c, d);
      if (j > 0) turn<false>(b, c, d, w);
      v[j + 48] = d;
    }
    v[j] = a, v[j + 16] = b, v[j + 32] = c;
  };
  first(0);
  for (int j = 1; j < 16; ++j) first(j);
  const T* const second = twiddles + 32 * (R - 1);
  for (int block = 0; block < 16 * R; block += 16) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      Pair<T>* const at = v + block + j;
      Pair<T> a = at[0], b = at[4], c = at[8], d = at[12];
      butterfly<false>(a, b, c, d);
      if (j > 0) turn<false>(b, c, d, second + 6 * j);
      at[0] = a, at[4] = b, at[8] = c, at[12] = d;
    }
#pragma GCC unroll 4
    for (int j = block; j < block + 16; j += 4) {
      Pair<T> a = v[j], b = v[j + 1], c = v[j + 2], d = v[j + 3];
      butterfly<false>(a, b, c, d);
      store(j, a), store(j + 1, b), store(j + 2, c), store(j + 3, d);
    }
  }
}

template <int R, class T, class Load, class Store>
inline __attribute__((always_inline)) void inverse_transform(const T* twiddles, const Load& load,
                                                             const Store& store) {
  Pair<T> v[static_cast<Size>(16 * R)];
  const T* const second = twiddles + 32 * (R - 1);
  for (int block = 0; block < 16 * R; block += 16) {
#pragma GCC unroll 4
    for (int j = block; j < block + 16; j += 4) {
      Pair<T> a = load(j), b = load(j + 1), c = load(j + 2), d = load(j + 3);
      butterfly<true>(a, b, c, d);
      v[j] = a, v[j + 1] = b, v[j + 2] = c, v[j + 3] = d;
    }
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      Pair<T>* const at = v + block + j;
      Pair<T> a = at[0], b = at[4], c = at[8], d = at[12];
      if (j > 0) turn<true>(b, c, d, second + 6 * j);
      butterfly<true>(a, b, c, d);
      at[0] = a, at[4] = b, at[8] = c, at[12] = d;
    }
  }
  const auto last = [&](int j) __attribute__((always_inline)) {
    const T* const w = twiddles + 2 * (R - 1) * j;
    Pair<T> a = v[j], b = v[j + 16], c = v[j + 32];
    if constexpr (R == 3) {
      if (j > 0) b = times<true>(b, w), c = times<true>(c, w + 2);
      butterfly<true>(a, b, c);
    } else {
      Pair<T> d = v[j + 48];
      if (j > 0) turn<true>(b, c, d, w);
      butterfly<true>(a, b, c, d);
      store(j + 48, d);
    }
    store(j, a), store(j + 16, b), store(j + 32, c);
  };
  last(0);
  for (int j = 1; j < 16; ++j) last(j);
}

template <class T>
constexpr Offset lane_step = static_cast<Offset>(lanes<T>);

template <int R, class T, bool INVERSE>
void transform_line(const T* twiddles, T* line) {
  T* const im = line + 16 * R * lane_step<T>;
  const auto load = [&](int i) { return read(line + i * lane_step<T>, im + i * lane_step<T>); };
  const auto store = [&](int i, Pair<T> a) {
    write(a, line + i * lane_step<T>, im + i * lane_step<T>);
  };
  if constexpr (INVERSE)
    inverse_transform<R, T>(twiddles, load, store);
  else
    forward_transform<R, T>(twiddles, load, store);
}

/// Columns of `lines`, transformed, to the spectrum: G = F, or G += conj(h) F.
template <int R, class T>
void columns_to_spectrum(const T* twiddles, const T* lines, Offset stride, const T* h,
                         T* spectrum) {
  constexpr Offset L = lane_step<T>, N = 16 * R;
  for (int column = 0; column < N; ++column) {
    const T* const top = lines + column * L;
    const auto load = [&](int i) { return read(top + i * stride, top + i * stride + N * L); };
    T* const g = spectrum + column * (N * 2 * L);
    if (h == nullptr) {
      forward_transform<R, T>(
          twiddles, load, [&](int i, Pair<T> a) { write(a, g + i * 2 * L, g + i * 2 * L + L); });
      continue;
    }
    const T* const weights = h + column * 2 * N;
    forward_transform<R, T>(twiddles, load, [&](int i, Pair<T> a) {
      T* const at = g + i * 2 * L;
      write(read<T>(at, at + L) + times<true>(a, weights + 2 * i), at, at + L);
    });
  }
}

/// Columns of `lines` from the spectrum X, or from h X.
template <int R, class T>
void spectrum_to_columns(const T* twiddles, const T* spectrum, const T* h, T* lines,
                         Offset stride) {
  constexpr Offset L = lane_step<T>, N = 16 * R;
  for (int column = 0; column < N; ++column) {
    T* const top = lines + column * L;
    const auto store = [&](int i, Pair<T> a) {
      write(a, top + i * stride, top + i * stride + N * L);
    };
    const T* const x = spectrum + column * (N * 2 * L);
    if (h == nullptr) {
      inverse_transform<R, T>(
          twiddles, [&](int i) { return read(x + i * 2 * L, x + i * 2 * L + L); }, store);
      continue;
    }
    const T* const weights = h + column * 2 * N;
    inverse_transform<R, T>(
        twiddles,
        [&](int i) {
          return times<false>(read(x + i * 2 * L, x + i * 2 * L + L), weights + 2 * i);
        },
        store);
  }
}

/// sums[i] = the sum over the lanes of values[i], i = 0..lanes - 1.
template <class T>
inline __attribute__((always_inline)) void add_lanes(const typename Simd<T>::Register* values,
                                                     T* sums) {
#ifdef FEJER_KERNELS_AVX2
  if constexpr (sizeof(T) == 4 && lanes<T> == 8) {
    // Halves of two registers are added, then quarters of four, then eighths of eight.
    const auto halves = [](__m256 a, __m256 b) {
      return _mm256_permute2f128_ps(a, b, 0x20) + _mm256_permute2f128_ps(a, b, 0x31);
    };
    const auto quarters = [](__m256 a, __m256 b) {
      const __m256d x = _mm256_castps_pd(a), y = _mm256_castps_pd(b);
      return _mm256_castpd_ps(_mm256_unpacklo_pd(x, y)) +
             _mm256_castpd_ps(_mm256_unpackhi_pd(x, y));
    };
    const __m256 a = quarters(halves(values[0], values[4]), halves(values[1], values[5]));
    const __m256 b = quarters(halves(values[2], values[6]), halves(values[3], values[7]));
    write<T>(_mm256_shuffle_ps(a, b, 0x88) + _mm256_shuffle_ps(a, b, 0xdd), sums);
    return;
  }
#endif
  for (Size i = 0; i < lanes<T>; ++i) {
    T sum = 0;
    for (Size j = 0; j < lanes<T>; ++j) sum += values[i][j];
    sums[i] = sum;
  }
}

/// S and T are the transformed columns: t.spectrum += conj(h) T; t.gradient is the sum over the
/// lanes of conj(u) S + conj(x) T.
template <int R, class T>
void columns_to_gradient(const TileGradientTask<T>& t) {
  constexpr Offset L = lane_step<T>, N = 16 * R;
  for (int column = 0; column < N; ++column) {
    alignas(64) T s[static_cast<Size>(N * 2 * L)];
    const auto load = [&](const T* lines) {
      const T* const top = lines + column * L;
      return [top, stride = t.stride](int i) {
        return read(top + i * stride, top + i * stride + 16 * R * lane_step<T>);
      };
    };
    forward_transform<R, T>(t.twiddles, load(t.s),
                            [&](int i, Pair<T> a) { write(a, s + i * 2 * L, s + i * 2 * L + L); });
    const Offset first = column * (N * 2 * L);
    const T* const weights = t.h + column * 2 * N;
    typename Simd<T>::Register sums[static_cast<Size>(2 * N)];
    const auto conjugate_times = [](Pair<T> a, Pair<T> b) {
      return Pair<T>{a.re * b.re + a.im * b.im, a.re * b.im - a.im * b.re};
    };
    forward_transform<R, T>(t.twiddles, load(t.t), [&](int i, Pair<T> a) {
      const Offset at = first + i * 2 * L;
      T* const g = t.spectrum + at;
      write(read<T>(g, g + L) + times<true>(a, weights + 2 * i), g, g + L);
      const Pair<T> sum =
          conjugate_times(read(t.x + at, t.x + at + L), a) +
          conjugate_times(read(t.u + at, t.u + at + L), read<T>(s + i * 2 * L, s + i * 2 * L + L));
      sums[2 * i] = sum.re, sums[2 * i + 1] = sum.im;
    });
    for (Offset i = 0; i < 2 * N; i += L) add_lanes<T>(sums + i, t.gradient + column * 2 * N + i);
  }
}

/// rows[i] *= factors[i % lanes].
template <class T>
void scale_lanes(const T* factors, Offset columns, T* row) {
  const typename Simd<T>::Register f = read<T>(factors);
  for (Offset i = 0; i < columns; ++i, row += lane_step<T>) write<T>(read<T>(row) * f, row);
}
template <class T>
void multiply(const T* factors, Offset n, T* row) {
  for (Offset i = 0; i < n; i += lane_step<T>)
    write<T>(read<T>(row + i) * read<T>(factors + i), row + i);
}

template <int R, class T>
constexpr TileKernels<T> tile_table() {
  return {16 * R,
          lane_step<T>,
          &transform_line<R, T, false>,
          &transform_line<R, T, true>,
          &columns_to_spectrum<R, T>,
          &spectrum_to_columns<R, T>,
          &columns_to_gradient<R, T>};
}
