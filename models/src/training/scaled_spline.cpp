#include <fejer/models/training/scaled_spline.hpp>

#include <cmath>
#include <string>

namespace fejer {
namespace {

/// x times a factor for each channel.
template <class T, class F>
Array<T> times(ConstView<T> x, const Array<double>& alpha, F factor) {
  Array<T> result(x.shape());
  const Index length = x.size() / alpha.size();
  for (Index i = 0; i < x.size(); ++i)
    result[i] = static_cast<T>(factor(alpha[i / length]) * static_cast<double>(x[i]));
  return result;
}

void check(const Shape& x, const Array<double>& alpha) {
  if (x.rank() < 1) throw ShapeError("scaled spline: got a scalar, expected (C, ...)");
  require_shape("scaled spline: scales", alpha.shape(), Shape{x[0]});
  for (const double a : alpha)
    if (a == 0 || !std::isfinite(a))
      throw ArgumentError("scaled spline: a scale is " + std::to_string(a));
}

double same(double a) { return a; }
double inverse(double a) { return 1 / a; }

}  // namespace

template <class T>
void scaled_values(const LinearSpline<T>& f, const Array<double>& alpha, ConstView<T> x,
                   View<T> y) {
  check(x.shape(), alpha);
  const Array<T> inner = times(x, alpha, same);
  f.values(inner, y);
  const Index length = x.size() / alpha.size();
  for (Index i = 0; i < x.size(); ++i) y[i] /= static_cast<T>(alpha[i / length]);
}

template <class T>
void scaled_vjp(const LinearSpline<T>& f, const Array<double>& alpha, ConstView<T> x,
                ConstView<T> g, View<T> gx, View<double> coefficients, View<double> scales) {
  check(x.shape(), alpha);
  require_shape("scaled_vjp scales", scales.shape(), alpha.shape());
  const Array<T> inner = times(x, alpha, same), pull = times(g, alpha, inverse);
  Array<T> y(x.shape());
  f.values(inner, y);
  f.vjp(inner, pull, gx, coefficients);
  const Index length = x.size() / alpha.size();
  for (Index c = 0; c < alpha.size(); ++c) {
    const double a = alpha[c];
    double sum = 0;
    for (Index i = c * length; i < (c + 1) * length; ++i) {
      gx[i] *= static_cast<T>(a);
      sum += static_cast<double>(x[i]) * static_cast<double>(gx[i]) / a -
             static_cast<double>(g[i]) * static_cast<double>(y[i]) / (a * a);
    }
    scales[c] += sum;
  }
}

template void scaled_values(const LinearSpline<float>&, const Array<double>&, ConstView<float>,
                            View<float>);
template void scaled_values(const LinearSpline<double>&, const Array<double>&, ConstView<double>,
                            View<double>);
template void scaled_vjp(const LinearSpline<float>&, const Array<double>&, ConstView<float>,
                         ConstView<float>, View<float>, View<double>, View<double>);
template void scaled_vjp(const LinearSpline<double>&, const Array<double>&, ConstView<double>,
                         ConstView<double>, View<double>, View<double>, View<double>);

}  // namespace fejer
