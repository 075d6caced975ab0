#include <fejer/line_fft.hpp>

#include <algorithm>
#include <climits>
#include <cstring>

#include <fejer/scratch.hpp>

#include "fft_plans.hpp"

namespace fejer {
namespace {

constexpr Index block = 8;  ///< columns at a time: one cache line of complex<float>

/// Two elements of 8 bytes.
typedef double Pair __attribute__((vector_size(16), aligned(8), may_alias));

/// to[c * step + r] = from[r * stride + c] for 2x2 elements.
template <class T>
void transpose_2x2(const std::complex<T>* from, Index stride, std::complex<T>* to, Index step) {
  if constexpr (sizeof(T) == 4) {
    const Pair a = *reinterpret_cast<const Pair*>(from);
    const Pair b = *reinterpret_cast<const Pair*>(from + stride);
    *reinterpret_cast<Pair*>(to) = Pair{a[0], b[0]};
    *reinterpret_cast<Pair*>(to + step) = Pair{a[1], b[1]};
  } else {
    to[0] = from[0];
    to[1] = from[stride];
    to[step] = from[1];
    to[step + 1] = from[stride + 1];
  }
}

/// to[c * step + r] = from[r * stride + c], r < rows, c < columns. The plane, which `from` or
/// `to` points to, is walked line by line: powers of two would put all its lines in one cache set.
template <bool from_plane, class T>
void transpose(const std::complex<T>* from, Index stride, Index rows, Index columns,
               std::complex<T>* to, Index step) {
  const Index outer = from_plane ? rows : columns, inner = from_plane ? columns : rows;
  const auto one = [=](Index o, Index i) {
    const Index r = from_plane ? o : i, c = from_plane ? i : o;
    to[c * step + r] = from[r * stride + c];
  };
  Index o = 0;
  for (; o + 2 <= outer; o += 2) {
    Index i = 0;
    for (; i + 2 <= inner; i += 2) {
      const Index r = from_plane ? o : i, c = from_plane ? i : o;
      transpose_2x2(from + r * stride + c, stride, to + c * step + r, step);
    }
    for (; i < inner; ++i) one(o, i), one(o + 1, i);
  }
  for (; o < outer; ++o)
    for (Index i = 0; i < inner; ++i) one(o, i);
}

template <class T>
void times(std::complex<T>* x, Index n, T factor) {
  T* p = reinterpret_cast<T*>(x);
  for (Index i = 0; i < 2 * n; ++i) p[i] *= factor;
}

template <class T>
void times(std::complex<T>* x, Index n, const T* m, T factor, bool) {
  for (Index i = 0; i < n; ++i) {
    const T f = factor * m[i];
    x[i] = {f * x[i].real(), f * x[i].imag()};
  }
}
template <class T>
void times(std::complex<T>* x, Index n, const std::complex<T>* m, T factor, bool conjugate) {
  const T sign = conjugate ? -factor : factor;
  for (Index i = 0; i < n; ++i) {
    const T a = factor * m[i].real(), b = sign * m[i].imag();
    const T u = x[i].real(), v = x[i].imag();
    x[i] = {a * u - b * v, a * v + b * u};
  }
}

/// Runs body(contiguous column, room for the result, column number) on blocks of columns and puts
/// the results back.
template <class T, class Body>
void for_columns(std::complex<T>* plane, Index n, Index stride, Index first, Index last,
                 Body body) {
  const Index step = (n + 7) / 8 * 8 + 8;  // aligned, and no power of two
  detail::Scratch<std::complex<T>> memory(2 * block * step);
  std::complex<T>* const in = memory.data();
  std::complex<T>* const out = in + block * step;
  for (Index c = first; c < last; c += block) {
    const Index columns = std::min(block, last - c);
    transpose<true>(plane + c, stride, n, columns, in, step);
    for (Index k = 0; k < columns; ++k) body(in + k * step, out + k * step, c + k);
    transpose<false>(out, step, columns, n, plane + c, stride);
  }
}

}  // namespace

template <class T>
struct LineFft<T>::Plans {
  detail::LinePlan<T> forward, inverse;

  void run(const detail::LinePlan<T>& plan, const C* in, C* out) const {
    const Index n = plan.length();
    if (in != out && detail::aligned_for_fft<T>(in) && detail::aligned_for_fft<T>(out))
      return plan.forward_or_inverse(in, out);
    const Index step = (n + 7) / 8 * 8;
    detail::Scratch<C> memory(2 * step);
    std::copy_n(in, n, memory.data());
    plan.forward_or_inverse(memory.data(), memory.data() + step);
    std::copy_n(memory.data() + step, n, out);
  }
};

template <class T>
LineFft<T>::LineFft(Index n) {
  if (n < 1 || n > INT_MAX)
    throw ShapeError("LineFft: got the length " + std::to_string(n) + ", expected 1 to " +
                     std::to_string(INT_MAX));
  plans_ = std::make_shared<const Plans>(
      Plans{{detail::LineKind::forward, n}, {detail::LineKind::inverse, n}});
}

template <class T>
Index LineFft<T>::length() const {
  return plans_->forward.length();
}
template <class T>
void LineFft<T>::forward(const C* in, C* out) const {
  plans_->run(plans_->forward, in, out);
}
template <class T>
void LineFft<T>::inverse(const C* in, C* out) const {
  plans_->run(plans_->inverse, in, out);
}

template <class T>
void LineFft<T>::forward_columns(C* plane, Index stride, Index first, Index last, T factor) const {
  const Index n = length();
  for_columns(plane, n, stride, first, last, [&](const C* in, C* out, Index) {
    plans_->forward.forward_or_inverse(in, out);
    if (factor != T(1)) times(out, n, factor);
  });
}
template <class T>
void LineFft<T>::inverse_columns(C* plane, Index stride, Index first, Index last, T factor) const {
  const Index n = length();
  for_columns(plane, n, stride, first, last, [&](const C* in, C* out, Index) {
    plans_->inverse.forward_or_inverse(in, out);
    if (factor != T(1)) times(out, n, factor);
  });
}
template <class T>
template <class M>
void LineFft<T>::filter_columns(C* plane, Index stride, Index first, Index last,
                                const M* multiplier, T factor, bool conjugate) const {
  const Index n = length();
  detail::Scratch<C> spectrum(n);
  for_columns(plane, n, stride, first, last, [&](const C* in, C* out, Index column) {
    plans_->forward.forward_or_inverse(in, spectrum.data());
    times(spectrum.data(), n, multiplier + column * n, factor, conjugate);
    plans_->inverse.forward_or_inverse(spectrum.data(), out);
  });
}

template class LineFft<float>;
template class LineFft<double>;
template void LineFft<float>::filter_columns(std::complex<float>*, Index, Index, Index,
                                             const float*, float, bool) const;
template void LineFft<float>::filter_columns(std::complex<float>*, Index, Index, Index,
                                             const std::complex<float>*, float, bool) const;
template void LineFft<double>::filter_columns(std::complex<double>*, Index, Index, Index,
                                              const double*, double, bool) const;
template void LineFft<double>::filter_columns(std::complex<double>*, Index, Index, Index,
                                              const std::complex<double>*, double, bool) const;

}  // namespace fejer
