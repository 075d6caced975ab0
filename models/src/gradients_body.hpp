// Part of kernels_body.hpp: gradients of kernels and of spline coefficients.

/// BLOCK output planes, one input plane, one kernel row: K columns at once.
template <class T, Size BLOCK, Size K, Size... A>
inline __attribute__((always_inline)) void correlate_row(const CorrelationTask<T>& t,
                                                         const T* weights, const T* in, T* result,
                                                         Offset next, Sequence<A...>) {
  using Register = typename Simd<T>::Register;
  using Memory = typename Simd<T>::Memory;
  constexpr Offset L = static_cast<Offset>(lanes<T>);
  Register sum[BLOCK * K];
  ((sum[A] = Register{}), ...);
  for (Offset y = 0; y < t.rows; ++y, weights += t.weights_row, in += t.in_row)
    for (Offset x = 0; x < t.columns; x += L) {
      Register w[BLOCK];
      for (Size b = 0; b < BLOCK; ++b)
        w[b] = *reinterpret_cast<const Memory*>(weights + static_cast<Offset>(b) * t.weights_plane +
                                                x);
      ((sum[A] += w[A / K] * *reinterpret_cast<const Memory*>(in + x + A % K)), ...);
    }
  const auto total = [](Register v) {
    T s = 0;
    for (Size j = 0; j < lanes<T>; ++j) s += v[j];
    return s;
  };
  ((result[static_cast<Offset>(A / K) * next + static_cast<Offset>(A % K)] += total(sum[A])), ...);
}

template <class T, Size BLOCK, Size K>
void correlate_block(const CorrelationTask<T>& t, Offset o) {
  const Offset taps = t.kernel_rows * t.kernel_columns, next = t.in_channels * taps;
  for (Offset i = 0; i < t.in_channels; ++i)
    for (Offset r = 0; r < t.kernel_rows; ++r)
      for (Offset c = 0; c < t.kernel_columns; c += static_cast<Offset>(K))
        correlate_row<T, BLOCK, K>(
            t, t.weights + o * t.weights_plane, t.in + i * t.in_plane + r * t.in_row + c,
            t.result + o * next + i * taps + r * t.kernel_columns + c, next, To<BLOCK * K>{});
}

template <class T, Size BLOCK, Size K>
void correlate_columns(const CorrelationTask<T>& t) {
  Offset o = 0;
  for (; o + static_cast<Offset>(BLOCK) <= t.out_channels; o += static_cast<Offset>(BLOCK))
    correlate_block<T, BLOCK, K>(t, o);
  for (; o < t.out_channels; ++o) correlate_block<T, 1, K>(t, o);
}

template <class T>
void correlate(const CorrelationTask<T>& t) {
  if (t.kernel_columns == 3) return correlate_columns<T, 4, 3>(t);
  if (t.kernel_columns == 5) return correlate_columns<T, 2, 5>(t);
  if (t.kernel_columns == 7) return correlate_columns<T, 2, 7>(t);
  correlate_columns<T, 4, 1>(t);
}

template <class T>
void spline_sums(const SplineTask<T>& task, Offset n, const T* x, const T* g, T* gx, double* sums) {
  typedef double Two __attribute__((vector_size(16), aligned(8), may_alias));
  constexpr Offset width = 8;
  const SplineTask<T> t = task;
  const Offset part = 2 * (static_cast<Offset>(t.last) + 1);
  for (Offset i = 0; i < n; i += width) {
    const Offset some = n - i < width ? n - i : width;
    int k[width];
    for (Offset j = 0; j < some; ++j) k[j] = cell(t, x[i + j]);
    for (Offset j = 0; j < some; ++j) {
      const double weight = static_cast<double>(g[i + j]);
      Two* const at = reinterpret_cast<Two*>(sums + j % 4 * part + 2 * k[j]);
      *at += Two{weight, weight * static_cast<double>(x[i + j])};
    }
    for (Offset j = 0; j < some; ++j) gx[i + j] = g[i + j] * t.slope[k[j]];
  }
}
