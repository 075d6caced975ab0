#include <fejer/models/linear_spline.hpp>

#include <algorithm>
#include <cmath>

#include <fejer/parallel.hpp>

#include "linear_spline_data.hpp"

namespace fejer {
namespace {

constexpr Index chunk = 8192;

void check_coefficients(const Array<double>& a, double x_min, double x_max) {
  if (a.shape().rank() != 2 || a.shape()[0] < 1 || a.shape()[1] < 2)
    throw ShapeError("LinearSpline coefficients: got " + to_string(a.shape()) +
                     ", expected (channels, knots) with at least 2 knots");
  if (!(x_min < x_max) || !std::isfinite(x_min) || !std::isfinite(x_max))
    throw ArgumentError("LinearSpline: the knots must span a finite interval, got [" +
                        std::to_string(x_min) + ", " + std::to_string(x_max) + "]");
  for (const double v : a)
    if (!std::isfinite(v)) throw ArgumentError("LinearSpline: a coefficient is not finite");
}

}  // namespace

template <class T>
Index LinearSpline<T>::Data::cell(double t) const {
  const double u = (t - x_min) / step + 1, last = static_cast<double>(knots());
  return u > 0 ? static_cast<Index>(u < last ? u : last) : 0;  // 0 for NaN
}

template <class T>
LinearSpline<T>::LinearSpline(const Array<double>& coefficients, double x_min, double x_max,
                              Extrapolation extrapolation) {
  check_coefficients(coefficients, x_min, x_max);
  const Index channels = coefficients.shape()[0], n = coefficients.shape()[1];
  auto data = std::make_shared<Data>();
  Data& d = *data;
  d.coefficients = coefficients;
  d.x_min = x_min;
  d.x_max = x_max;
  d.step = (x_max - x_min) / static_cast<double>(n - 1);
  d.extrapolation = extrapolation;
  const Shape table{channels, n + 1};
  d.line_offset = d.line_slope = d.constant = d.half_slope = Array<double>(table);
  d.offset = d.slope = Array<T>(table);
  const auto knot = [&](Index k) { return x_min + static_cast<double>(k) * d.step; };
  for (Index c = 0; c < channels; ++c) {
    const double* a = coefficients.data() + c * n;
    double* offset = d.line_offset.data() + c * (n + 1);
    double* slope = d.line_slope.data() + c * (n + 1);
    double* constant = d.constant.data() + c * (n + 1);
    for (Index k = 1; k < n; ++k) {
      slope[k] = (a[k] - a[k - 1]) / d.step;
      offset[k] = a[k] - slope[k] * knot(k);
    }
    const bool linear = extrapolation == Extrapolation::linear;
    slope[0] = linear ? slope[1] : 0;
    offset[0] = linear ? offset[1] : a[0];
    slope[n] = linear ? slope[n - 1] : 0;
    offset[n] = linear ? offset[n - 1] : a[n - 1];
    // Continuity of psi at the knots, from the cell of 0 outwards.
    const auto jump = [&](Index k) {  // psi of cell k minus psi of cell k + 1 at knot k
      const double t = knot(k);
      return (offset[k] - offset[k + 1]) * t + (slope[k] - slope[k + 1]) * t * t / 2;
    };
    const Index zero = d.cell(0);
    constant[zero] = 0;
    for (Index k = zero; k < n; ++k) constant[k + 1] = constant[k] + jump(k);
    for (Index k = zero; k > 0; --k) constant[k - 1] = constant[k] - jump(k - 1);
  }
  for (Index i = 0; i < table.size(); ++i) {
    d.half_slope[i] = d.line_slope[i] / 2;
    d.offset[i] = static_cast<T>(d.line_offset[i]);
    d.slope[i] = static_cast<T>(d.line_slope[i]);
  }
  data_ = std::move(data);
}

template <class T>
Index LinearSpline<T>::channels() const {
  return data_->channels();
}
template <class T>
Index LinearSpline<T>::knots() const {
  return data_->knots();
}
template <class T>
double LinearSpline<T>::x_min() const {
  return data_->x_min;
}
template <class T>
double LinearSpline<T>::x_max() const {
  return data_->x_max;
}
template <class T>
double LinearSpline<T>::step() const {
  return data_->step;
}
template <class T>
Extrapolation LinearSpline<T>::extrapolation() const {
  return data_->extrapolation;
}
template <class T>
const Array<double>& LinearSpline<T>::coefficients() const {
  return data_->coefficients;
}

template <class T>
double LinearSpline<T>::value(Index channel, double t) const {
  const Index i = data_->row(channel) + data_->cell(t);
  return data_->line_offset[i] + data_->line_slope[i] * t;
}
template <class T>
double LinearSpline<T>::slope(Index channel, double t) const {
  return data_->line_slope[data_->row(channel) + data_->cell(t)];
}
template <class T>
double LinearSpline<T>::potential(Index channel, double t) const {
  const Index i = data_->row(channel) + data_->cell(t);
  return data_->constant[i] + t * (data_->line_offset[i] + t * data_->half_slope[i]);
}

template <class T>
void LinearSpline<T>::values(ConstView<T> x, View<T> y) const {
  values_and_slopes(x, y, View<T>(nullptr, x.shape()));
}

template <class T>
void LinearSpline<T>::values_and_slopes(ConstView<T> x, View<T> y, View<T> s) const {
  require_shape("LinearSpline output", y.shape(), x.shape());
  require_shape("LinearSpline slopes", s.shape(), x.shape());
  const Index rows = channels() == 1 ? 1 : channels();
  if (x.shape().rank() < 1 || (rows > 1 && x.shape()[0] != rows))
    throw ShapeError("LinearSpline input: got " + to_string(x.shape()) +
                     ", expected the first axis to be " + std::to_string(rows));
  const Index length = x.size() / rows, pieces = (length + chunk - 1) / chunk;
  const auto& run = detail::kernels<T>();
  parallel_for(rows * pieces, 1, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      const Index c = i / pieces, from = i % pieces * chunk, at = c * length + from;
      T* slopes = s.data() == nullptr ? nullptr : s.data() + at;
      run.spline(data_->task(c), std::min(chunk, length - from), x.data() + at, y.data() + at,
                 slopes);
    }
  });
}

template <class T>
double LinearSpline<T>::min_slope(Index channel) const {
  const auto& s = data_->line_slope;
  if (channel < 0) return *std::min_element(s.begin(), s.end());
  const double* row = s.data() + data_->row(channel);
  return *std::min_element(row, row + knots() + 1);
}
template <class T>
double LinearSpline<T>::max_slope(Index channel) const {
  const auto& s = data_->line_slope;
  if (channel < 0) return *std::max_element(s.begin(), s.end());
  const double* row = s.data() + data_->row(channel);
  return *std::max_element(row, row + knots() + 1);
}

template <class T>
double LinearSpline<T>::tv2() const {
  double total = 0;
  for (Index c = 0; c < channels(); ++c)
    for (Index k = 0; k < knots(); ++k) {
      const Index i = data_->row(c) + k;
      total += std::abs(data_->line_slope[i + 1] - data_->line_slope[i]);
    }
  return total;
}

template class LinearSpline<float>;
template class LinearSpline<double>;

}  // namespace fejer
