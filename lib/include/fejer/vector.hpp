#pragma once
/// Level-1 operations on views, for float, double and their complex types. Sums are accumulated in
/// double, in blocks of fixed size and order, so that they do not depend on the number of threads.
/// All throw ShapeError unless shapes agree.
#include <fejer/array.hpp>

namespace fejer {

/// Re <x, y> = sum of Re(x_i conj(y_i)).
template <class X>
double dot(ConstView<X> x, ConstView<X> y);
/// sqrt(dot(x, x)).
template <class X>
double norm(ConstView<X> x);
/// ||x - y||.
template <class X>
double distance(ConstView<X> x, ConstView<X> y);
/// max |x_i|; NaN if any element is NaN.
template <class X>
double max_abs(ConstView<X> x);
template <class X>
bool all_finite(ConstView<X> x);
template <class X>
void copy(ConstView<X> x, View<X> y);
template <class X>
void fill(View<X> x, X value);
/// x <- a x.
template <class X>
void scale(View<X> x, Real<X> a);
/// y <- y + a x.
template <class X>
void axpy(Real<X> a, ConstView<X> x, View<X> y);
/// z <- a x + b y; z may be x or y.
template <class X>
void combine(Real<X> a, ConstView<X> x, Real<X> b, ConstView<X> y, View<X> z);

// Arrays convert to views only where X is known; these let `dot(a, b)` be written for arrays.
template <class X>
double dot(const Array<X>& x, const Array<X>& y) {
  return dot<X>(ConstView<X>(x), ConstView<X>(y));
}
template <class X>
double norm(const Array<X>& x) {
  return norm<X>(ConstView<X>(x));
}
template <class X>
double distance(const Array<X>& x, const Array<X>& y) {
  return distance<X>(ConstView<X>(x), ConstView<X>(y));
}
template <class X>
bool all_finite(const Array<X>& x) {
  return all_finite<X>(ConstView<X>(x));
}

/// Real and imaginary part, modulus, and the way back.
template <class T>
Array<T> real_part(ConstView<std::complex<T>> x);
template <class T>
Array<T> imaginary_part(ConstView<std::complex<T>> x);
template <class T>
Array<T> modulus(ConstView<std::complex<T>> x);
template <class T>
Array<std::complex<T>> to_complex(ConstView<T> real, ConstView<T> imaginary);

}  // namespace fejer
