// Part of kernels_body.hpp: Fourier transforms of 64 x 64 tiles, as many at once as a register has
// lanes. Radix 4 three times: forwards by decimation in frequency (natural order in, digits
// reversed out), backwards by decimation in time (the other way round), so that nothing is ever
// permuted; neither is normalised.

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
  using Memory = typename Simd<T>::Memory;
  return {*reinterpret_cast<const Memory*>(re), *reinterpret_cast<const Memory*>(im)};
}
template <class T>
inline void write(Pair<T> a, T* re, T* im) {
  using Memory = typename Simd<T>::Memory;
  *reinterpret_cast<Memory*>(re) = a.re;
  *reinterpret_cast<Memory*>(im) = a.im;
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

template <bool INVERSE, class T>
inline __attribute__((always_inline)) void turn(Pair<T>& x1, Pair<T>& x2, Pair<T>& x3, const T* w) {
  x1 = times<INVERSE>(x1, w);
  x2 = times<INVERSE>(x2, w + 2);
  x3 = times<INVERSE>(x3, w + 4);
}

/// load(i) and store(i, value), i = 0..63. twiddles: see tile_twiddles.
template <class T, class Load, class Store>
inline __attribute__((always_inline)) void forward_transform(const T* twiddles, const Load& load,
                                                             const Store& store) {
  Pair<T> v[64];
  for (int j = 0; j < 16; ++j) {
    Pair<T> a = load(j), b = load(j + 16), c = load(j + 32), d = load(j + 48);
    butterfly<false>(a, b, c, d);
    turn<false>(b, c, d, twiddles + 6 * j);
    v[j] = a, v[j + 16] = b, v[j + 32] = c, v[j + 48] = d;
  }
  for (int block = 0; block < 64; block += 16) {
    for (int j = block; j < block + 4; ++j) {
      Pair<T> a = v[j], b = v[j + 4], c = v[j + 8], d = v[j + 12];
      butterfly<false>(a, b, c, d);
      turn<false>(b, c, d, twiddles + 24 * (j - block));
      v[j] = a, v[j + 4] = b, v[j + 8] = c, v[j + 12] = d;
    }
    for (int j = block; j < block + 16; j += 4) {
      Pair<T> a = v[j], b = v[j + 1], c = v[j + 2], d = v[j + 3];
      butterfly<false>(a, b, c, d);
      store(j, a), store(j + 1, b), store(j + 2, c), store(j + 3, d);
    }
  }
}

template <class T, class Load, class Store>
inline __attribute__((always_inline)) void inverse_transform(const T* twiddles, const Load& load,
                                                             const Store& store) {
  Pair<T> v[64];
  for (int block = 0; block < 64; block += 16) {
    for (int j = block; j < block + 16; j += 4) {
      Pair<T> a = load(j), b = load(j + 1), c = load(j + 2), d = load(j + 3);
      butterfly<true>(a, b, c, d);
      v[j] = a, v[j + 1] = b, v[j + 2] = c, v[j + 3] = d;
    }
    for (int j = block; j < block + 4; ++j) {
      Pair<T> a = v[j], b = v[j + 4], c = v[j + 8], d = v[j + 12];
      turn<true>(b, c, d, twiddles + 24 * (j - block));
      butterfly<true>(a, b, c, d);
      v[j] = a, v[j + 4] = b, v[j + 8] = c, v[j + 12] = d;
    }
  }
  for (int j = 0; j < 16; ++j) {
    Pair<T> a = v[j], b = v[j + 16], c = v[j + 32], d = v[j + 48];
    turn<true>(b, c, d, twiddles + 6 * j);
    butterfly<true>(a, b, c, d);
    store(j, a), store(j + 16, b), store(j + 32, c), store(j + 48, d);
  }
}

template <class T>
constexpr Offset lane_step = static_cast<Offset>(lanes<T>);

template <class T, bool INVERSE>
void transform_line(const T* twiddles, T* line) {
  T* const im = line + 64 * lane_step<T>;
  const auto load = [&](int i) { return read(line + i * lane_step<T>, im + i * lane_step<T>); };
  const auto store = [&](int i, Pair<T> a) {
    write(a, line + i * lane_step<T>, im + i * lane_step<T>);
  };
  if constexpr (INVERSE)
    inverse_transform<T>(twiddles, load, store);
  else
    forward_transform<T>(twiddles, load, store);
}

/// Columns of `lines`, transformed, to the spectrum: G = F, or G += conj(h) F.
template <class T>
void columns_to_spectrum(const T* twiddles, const T* lines, Offset stride, const T* h,
                         T* spectrum) {
  constexpr Offset L = lane_step<T>;
  for (int column = 0; column < 64; ++column) {
    const T* const top = lines + column * L;
    const auto load = [&](int i) { return read(top + i * stride, top + i * stride + 64 * L); };
    T* const g = spectrum + column * (64 * 2 * L);
    if (h == nullptr) {
      forward_transform<T>(twiddles, load,
                           [&](int i, Pair<T> a) { write(a, g + i * 2 * L, g + i * 2 * L + L); });
      continue;
    }
    const T* const weights = h + column * 128;
    forward_transform<T>(twiddles, load, [&](int i, Pair<T> a) {
      T* const at = g + i * 2 * L;
      write(read<T>(at, at + L) + times<true>(a, weights + 2 * i), at, at + L);
    });
  }
}

/// Columns of `lines` from the spectrum X, or from h X.
template <class T>
void spectrum_to_columns(const T* twiddles, const T* spectrum, const T* h, T* lines,
                         Offset stride) {
  constexpr Offset L = lane_step<T>;
  for (int column = 0; column < 64; ++column) {
    T* const top = lines + column * L;
    const auto store = [&](int i, Pair<T> a) {
      write(a, top + i * stride, top + i * stride + 64 * L);
    };
    const T* const x = spectrum + column * (64 * 2 * L);
    if (h == nullptr) {
      inverse_transform<T>(
          twiddles, [&](int i) { return read(x + i * 2 * L, x + i * 2 * L + L); }, store);
      continue;
    }
    const T* const weights = h + column * 128;
    inverse_transform<T>(
        twiddles,
        [&](int i) {
          return times<false>(read(x + i * 2 * L, x + i * 2 * L + L), weights + 2 * i);
        },
        store);
  }
}

template <class T>
constexpr TileKernels<T> tile_table() {
  return {lane_step<T>, &transform_line<T, false>, &transform_line<T, true>,
          &columns_to_spectrum<T>, &spectrum_to_columns<T>};
}
