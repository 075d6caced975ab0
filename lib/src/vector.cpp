#include <fejer/vector.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

#include <fejer/parallel.hpp>

namespace fejer {
namespace {

constexpr Index grain = 32768;
constexpr int lanes = 8;  // independent partial sums: vectorises without reordering by the compiler

/// Complex numbers are pairs of reals: Re<x,y>, sums and scalings act on the pairs.
template <class X>
const Real<X>* reals(ConstView<X> x) {
  return reinterpret_cast<const Real<X>*>(x.data());
}
template <class X>
Real<X>* reals(View<X> x) {
  return reinterpret_cast<Real<X>*>(x.data());
}
template <class X>
Index reals_size(const Shape& shape) {
  return shape.size() * (is_complex<X> ? 2 : 1);
}

double add_lanes(const double* s) {
  return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

template <class T>
double dot_block(const T* x, const T* y, Index n) {
  double s[lanes] = {};
  Index i = 0;
  for (; i + lanes <= n; i += lanes)
    for (int k = 0; k < lanes; ++k)
      s[k] += static_cast<double>(x[i + k]) * static_cast<double>(y[i + k]);
  for (int k = 0; i < n; ++i, ++k) s[k] += static_cast<double>(x[i]) * static_cast<double>(y[i]);
  return add_lanes(s);
}

template <class T>
double distance_block(const T* x, const T* y, Index n) {
  const auto square = [](T a, T b) {
    const double d = static_cast<double>(a) - static_cast<double>(b);
    return d * d;
  };
  double s[lanes] = {};
  Index i = 0;
  for (; i + lanes <= n; i += lanes)
    for (int k = 0; k < lanes; ++k) s[k] += square(x[i + k], y[i + k]);
  for (int k = 0; i < n; ++i, ++k) s[k] += square(x[i], y[i]);
  return add_lanes(s);
}

/// 0 where all are finite, NaN otherwise: 0 * x is NaN for NaN and infinities.
template <class T>
T finite_block(const T* x, Index n) {
  T s[lanes] = {};
  Index i = 0;
  for (; i + lanes <= n; i += lanes)
    for (int k = 0; k < lanes; ++k) s[k] += T(0) * x[i + k];
  for (int k = 0; i < n; ++i, ++k) s[k] += T(0) * x[i];
  return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

template <class X>
Real<X> abs_or_nan(X x) {
  if constexpr (is_complex<X>) {
    if (std::isnan(x.imag())) return x.imag();
    if (std::isnan(x.real())) return x.real();
  }
  return std::abs(x);
}

template <class X>
Real<X> max_block(const X* x, Index n) {
  Real<X> largest = 0;
  for (Index i = 0; i < n; ++i) {
    const Real<X> a = abs_or_nan(x[i]);
    if (a > largest || std::isnan(a)) largest = a;
    if (std::isnan(largest)) break;
  }
  return largest;
}

}  // namespace

template <class X>
double dot(ConstView<X> x, ConstView<X> y) {
  require_shape("dot", y.shape(), x.shape());
  const Real<X>*p = reals(x), *q = reals(y);
  return ordered_sum(reals_size<X>(x.shape()), [=](Index begin, Index end) {
    return dot_block(p + begin, q + begin, end - begin);
  });
}

template <class X>
double norm(ConstView<X> x) {
  return std::sqrt(dot(x, x));
}

template <class X>
double distance(ConstView<X> x, ConstView<X> y) {
  require_shape("distance", y.shape(), x.shape());
  const Real<X>*p = reals(x), *q = reals(y);
  return std::sqrt(ordered_sum(reals_size<X>(x.shape()), [=](Index begin, Index end) {
    return distance_block(p + begin, q + begin, end - begin);
  }));
}

template <class X>
double max_abs(ConstView<X> x) {
  std::vector<Real<X>> largest(static_cast<std::size_t>((x.size() + grain - 1) / grain));
  parallel_for(x.size(), grain, [&](Index begin, Index end) {
    largest[static_cast<std::size_t>(begin / grain)] = max_block(x.data() + begin, end - begin);
  });
  return static_cast<double>(max_block(largest.data(), static_cast<Index>(largest.size())));
}

template <class X>
bool all_finite(ConstView<X> x) {
  const Real<X>* p = reals(x);
  return ordered_sum(reals_size<X>(x.shape()), [=](Index begin, Index end) {
           return static_cast<double>(finite_block(p + begin, end - begin));
         }) == 0;
}

template <class X>
void copy(ConstView<X> x, View<X> y) {
  require_shape("copy", y.shape(), x.shape());
  parallel_for(x.size(), grain, [=](Index begin, Index end) {
    std::copy(x.data() + begin, x.data() + end, y.data() + begin);
  });
}

template <class X>
void fill(View<X> x, X value) {
  parallel_for(x.size(), grain,
               [=](Index begin, Index end) { std::fill(x.data() + begin, x.data() + end, value); });
}

template <class X>
void scale(View<X> x, Real<X> a) {
  Real<X>* p = reals(x);
  parallel_for(reals_size<X>(x.shape()), grain, [=](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) p[i] *= a;
  });
}

template <class X>
void axpy(Real<X> a, ConstView<X> x, View<X> y) {
  require_shape("axpy", y.shape(), x.shape());
  const Real<X>* p = reals(x);
  Real<X>* q = reals(y);
  parallel_for(reals_size<X>(x.shape()), grain, [=](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) q[i] += a * p[i];
  });
}

template <class X>
void combine(Real<X> a, ConstView<X> x, Real<X> b, ConstView<X> y, View<X> z) {
  require_shape("combine second input", y.shape(), x.shape());
  require_shape("combine output", z.shape(), x.shape());
  const Real<X>*p = reals(x), *q = reals(y);
  Real<X>* r = reals(z);
  parallel_for(reals_size<X>(x.shape()), grain, [=](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) r[i] = a * p[i] + b * q[i];
  });
}

namespace {

template <class Y, class X, class F>
Array<Y> map(ConstView<X> x, F f) {
  Array<Y> y(x.shape());
  Y* q = y.data();
  parallel_for(x.size(), grain, [=](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) q[i] = f(x[i]);
  });
  return y;
}

}  // namespace

template <class T>
Array<T> real_part(ConstView<std::complex<T>> x) {
  return map<T>(x, [](std::complex<T> z) { return z.real(); });
}
template <class T>
Array<T> imaginary_part(ConstView<std::complex<T>> x) {
  return map<T>(x, [](std::complex<T> z) { return z.imag(); });
}
template <class T>
Array<T> modulus(ConstView<std::complex<T>> x) {
  return map<T>(x, [](std::complex<T> z) { return std::abs(z); });
}
template <class T>
Array<std::complex<T>> to_complex(ConstView<T> real, ConstView<T> imaginary) {
  require_shape("to_complex", imaginary.shape(), real.shape());
  Array<std::complex<T>> z(real.shape());
  std::complex<T>* q = z.data();
  parallel_for(z.size(), grain, [=](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) q[i] = {real[i], imaginary[i]};
  });
  return z;
}

template double dot<float>(ConstView<float>, ConstView<float>);
template double norm<float>(ConstView<float>);
template double distance<float>(ConstView<float>, ConstView<float>);
template double max_abs<float>(ConstView<float>);
template bool all_finite<float>(ConstView<float>);
template void copy<float>(ConstView<float>, View<float>);
template void fill<float>(View<float>, float);
template void scale<float>(View<float>, Real<float>);
template void axpy<float>(Real<float>, ConstView<float>, View<float>);
template void combine<float>(Real<float>, ConstView<float>, Real<float>, ConstView<float>,
                             View<float>);
template double dot<double>(ConstView<double>, ConstView<double>);
template double norm<double>(ConstView<double>);
template double distance<double>(ConstView<double>, ConstView<double>);
template double max_abs<double>(ConstView<double>);
template bool all_finite<double>(ConstView<double>);
template void copy<double>(ConstView<double>, View<double>);
template void fill<double>(View<double>, double);
template void scale<double>(View<double>, Real<double>);
template void axpy<double>(Real<double>, ConstView<double>, View<double>);
template void combine<double>(Real<double>, ConstView<double>, Real<double>, ConstView<double>,
                              View<double>);
template double dot<std::complex<float>>(ConstView<std::complex<float>>,
                                         ConstView<std::complex<float>>);
template double norm<std::complex<float>>(ConstView<std::complex<float>>);
template double distance<std::complex<float>>(ConstView<std::complex<float>>,
                                              ConstView<std::complex<float>>);
template double max_abs<std::complex<float>>(ConstView<std::complex<float>>);
template bool all_finite<std::complex<float>>(ConstView<std::complex<float>>);
template void copy<std::complex<float>>(ConstView<std::complex<float>>, View<std::complex<float>>);
template void fill<std::complex<float>>(View<std::complex<float>>, std::complex<float>);
template void scale<std::complex<float>>(View<std::complex<float>>, Real<std::complex<float>>);
template void axpy<std::complex<float>>(Real<std::complex<float>>, ConstView<std::complex<float>>,
                                        View<std::complex<float>>);
template void combine<std::complex<float>>(Real<std::complex<float>>,
                                           ConstView<std::complex<float>>,
                                           Real<std::complex<float>>,
                                           ConstView<std::complex<float>>,
                                           View<std::complex<float>>);
template double dot<std::complex<double>>(ConstView<std::complex<double>>,
                                          ConstView<std::complex<double>>);
template double norm<std::complex<double>>(ConstView<std::complex<double>>);
template double distance<std::complex<double>>(ConstView<std::complex<double>>,
                                               ConstView<std::complex<double>>);
template double max_abs<std::complex<double>>(ConstView<std::complex<double>>);
template bool all_finite<std::complex<double>>(ConstView<std::complex<double>>);
template void copy<std::complex<double>>(ConstView<std::complex<double>>,
                                         View<std::complex<double>>);
template void fill<std::complex<double>>(View<std::complex<double>>, std::complex<double>);
template void scale<std::complex<double>>(View<std::complex<double>>, Real<std::complex<double>>);
template void axpy<std::complex<double>>(Real<std::complex<double>>,
                                         ConstView<std::complex<double>>,
                                         View<std::complex<double>>);
template void combine<std::complex<double>>(Real<std::complex<double>>,
                                            ConstView<std::complex<double>>,
                                            Real<std::complex<double>>,
                                            ConstView<std::complex<double>>,
                                            View<std::complex<double>>);
template Array<float> real_part<float>(ConstView<std::complex<float>>);
template Array<float> imaginary_part<float>(ConstView<std::complex<float>>);
template Array<float> modulus<float>(ConstView<std::complex<float>>);
template Array<std::complex<float>> to_complex<float>(ConstView<float>, ConstView<float>);
template Array<double> real_part<double>(ConstView<std::complex<double>>);
template Array<double> imaginary_part<double>(ConstView<std::complex<double>>);
template Array<double> modulus<double>(ConstView<std::complex<double>>);
template Array<std::complex<double>> to_complex<double>(ConstView<double>, ConstView<double>);

}  // namespace fejer
