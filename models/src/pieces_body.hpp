// Part of kernels_body.hpp: splines of few pieces, by comparisons instead of look-ups.

template <class T, Size P>
void pieces(const PiecesTask<T>& t, Offset n, const T* x, T* y, T* s) {
  using Register = typename Simd<T>::Register;
  using Memory = typename Simd<T>::Memory;
  constexpr Offset L = static_cast<Offset>(lanes<T>);
  T breaks[P], offset[P], slope[P];
  for (Size k = 0; k < P; ++k) {
    breaks[k] = k > 0 ? t.breaks[k - 1] : T(0);
    offset[k] = t.offset[k] * t.offset_scale;
    slope[k] = t.slope[k];
  }
  const auto line = [&](auto v, auto zero, auto& b) {
    const auto u = v * t.scale;
    auto a = zero + offset[0];
    b = zero + slope[0];
#pragma GCC unroll 8
    for (Size k = 1; k < P; ++k) {
      const auto right = u >= zero + breaks[k];
      a = right ? zero + offset[k] : a;
      b = right ? zero + slope[k] : b;
    }
    return a + b * v;
  };
  Offset i = 0;
  Register b;
  for (; i + L <= n; i += L) {
    const Register v = *reinterpret_cast<const Memory*>(x + i);
    *reinterpret_cast<Memory*>(y + i) = line(v, Register{}, b);
    if (s != nullptr) *reinterpret_cast<Memory*>(s + i) = b;
  }
  T last;
  for (; i < n; ++i) {
    y[i] = line(x[i], T(0), last);
    if (s != nullptr) s[i] = last;
  }
}

template <class T>
void pieces(const PiecesTask<T>& t, Offset n, const T* x, T* y, T* s) {
  switch (t.pieces) {
    case 2:
      return pieces<T, 2>(t, n, x, y, s);
    case 3:
      return pieces<T, 3>(t, n, x, y, s);
    case 4:
      return pieces<T, 4>(t, n, x, y, s);
    case 5:
      return pieces<T, 5>(t, n, x, y, s);
    case 6:
      return pieces<T, 6>(t, n, x, y, s);
    case 7:
      return pieces<T, 7>(t, n, x, y, s);
    default:
      return pieces<T, 8>(t, n, x, y, s);
  }
}

/// Eight values at a time; a sum for each, added up at the end.
template <class T, Size P>
double potential_pieces(const PotentialPiecesTask& t, Offset n, const T* x) {
  using Register = typename Simd<double>::Register;
  constexpr Size L = lanes<double>, parts = 8 / L;
  typedef T Few __attribute__((vector_size(L * sizeof(T)), aligned(sizeof(T)), may_alias));
  const auto value = [&](auto u, auto zero) {
    auto q0 = zero + t.q0[0], q1 = zero + t.q1[0], q2 = zero + t.q2[0];
#pragma GCC unroll 8
    for (Size k = 1; k < P; ++k) {
      const auto right = u >= zero + t.breaks[k - 1];
      q0 = right ? zero + t.q0[k] : q0;
      q1 = right ? zero + t.q1[k] : q1;
      q2 = right ? zero + t.q2[k] : q2;
    }
    return q0 + u * (q1 + u * q2);
  };
  Register sums[parts] = {};
  Offset i = 0;
  for (; i + 8 <= n; i += 8)
    for (Size q = 0; q < parts; ++q) {
      const Few some = *reinterpret_cast<const Few*>(x + i + q * L);
      sums[q] += value(__builtin_convertvector(some, Register) * t.scale, Register{});
    }
  double total = 0;
  for (Size j = 0; j < 8; ++j) total += sums[j / L][j % L];
  for (; i < n; ++i) total += value(static_cast<double>(x[i]) * t.scale, 0.0);
  return total;
}

template <class T>
double potential_pieces(const PotentialPiecesTask& t, Offset n, const T* x) {
  switch (t.pieces) {
    case 2:
      return potential_pieces<T, 2>(t, n, x);
    case 3:
      return potential_pieces<T, 3>(t, n, x);
    case 4:
      return potential_pieces<T, 4>(t, n, x);
    case 5:
      return potential_pieces<T, 5>(t, n, x);
    case 6:
      return potential_pieces<T, 6>(t, n, x);
    case 7:
      return potential_pieces<T, 7>(t, n, x);
    default:
      return potential_pieces<T, 8>(t, n, x);
  }
}
