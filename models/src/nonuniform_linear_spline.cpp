#include <fejer/models/nonuniform_linear_spline.hpp>

#include <algorithm>
#include <cmath>
#include <string>

#include <fejer/parallel.hpp>

#include "knots.hpp"

namespace fejer {

void detail::check_knots(const char* where, const Array<double>& values,
                         const Array<double>& knots) {
  const Shape& s = values.shape();
  const std::string name = where;
  if (s.rank() != 2 || s[0] < 1 || s[1] < 2)
    throw ShapeError(name + ": got values " + to_string(s) +
                     ", expected (channels, knots) with at least 2 knots");
  require_shape((name + " knots").c_str(), knots.shape(), s);
  for (Index i = 0; i < s.size(); ++i) {
    if (!std::isfinite(values[i]) || !std::isfinite(knots[i]))
      throw ArgumentError(name + ": a value or a knot is not finite");
    if (i % s[1] > 0 && !(knots[i - 1] < knots[i]))
      throw ArgumentError(name + ": knots must increase, got " + std::to_string(knots[i - 1]) +
                          " before " + std::to_string(knots[i]));
  }
}

/// Lines 0..N of a row: 0 and N are the tails, line k lies left of knot k.
template <class T>
struct NonuniformLinearSpline<T>::Data {
  Array<double> coefficients, knots;
  Extrapolation extrapolation;
  Array<double> slopes;  // (C, N + 1)

  Index channels() const { return coefficients.shape()[0]; }
  Index count() const { return coefficients.shape()[1]; }
  Index row(Index channel) const { return channels() == 1 ? 0 : channel; }
  Index line(Index row, double t) const {
    const double* first = knots.data() + row * count();
    return std::upper_bound(first, first + count(), t) - first;
  }
  double slope(Index row, Index line) const { return slopes[row * (count() + 1) + line]; }
  /// From the knot at the left of the line (the first one for the left tail).
  double value(Index row, Index line, double t) const {
    const Index i = row * count() + std::max<Index>(line - 1, 0);
    return coefficients[i] + slope(row, line) * (t - knots[i]);
  }
  bool flat(Index line) const {
    return extrapolation == Extrapolation::constant && (line == 0 || line == count());
  }
};

template <class T>
NonuniformLinearSpline<T>::NonuniformLinearSpline(const Array<double>& coefficients,
                                                  const Array<double>& knots,
                                                  Extrapolation extrapolation) {
  detail::check_knots("NonuniformLinearSpline", coefficients, knots);
  const Index n = coefficients.shape()[1], channels = coefficients.shape()[0];
  auto data = std::make_shared<Data>(
      Data{coefficients, knots, extrapolation, Array<double>(Shape{channels, n + 1})});
  for (Index c = 0; c < channels; ++c) {
    double* s = data->slopes.data() + c * (n + 1);
    for (Index k = 1; k < n; ++k)
      s[k] = (coefficients[c * n + k] - coefficients[c * n + k - 1]) /
             (knots[c * n + k] - knots[c * n + k - 1]);
    const bool linear = extrapolation == Extrapolation::linear;
    s[0] = linear ? s[1] : 0;
    s[n] = linear ? s[n - 1] : 0;
  }
  data_ = std::move(data);
}

template <class T>
Index NonuniformLinearSpline<T>::channels() const {
  return data_->channels();
}
template <class T>
Extrapolation NonuniformLinearSpline<T>::extrapolation() const {
  return data_->extrapolation;
}
template <class T>
const Array<double>& NonuniformLinearSpline<T>::knots() const {
  return data_->knots;
}
template <class T>
const Array<double>& NonuniformLinearSpline<T>::coefficients() const {
  return data_->coefficients;
}

template <class T>
double NonuniformLinearSpline<T>::value(Index channel, double t) const {
  const Index r = data_->row(channel);
  return data_->value(r, data_->line(r, t), t);
}
template <class T>
double NonuniformLinearSpline<T>::slope(Index channel, double t) const {
  const Index r = data_->row(channel);
  return data_->slope(r, data_->line(r, t));
}

namespace {

/// Rows of x for splines with this number of channels.
Index rows_of(const Shape& x, Index channels) {
  if (x.rank() < 1 || (channels > 1 && x[0] != channels))
    throw ShapeError("NonuniformLinearSpline input: got " + to_string(x) +
                     ", expected the first axis to be " + std::to_string(channels));
  return channels;
}

}  // namespace

template <class T>
void NonuniformLinearSpline<T>::values(ConstView<T> x, View<T> y) const {
  values_and_slopes(x, y, View<T>(nullptr, x.shape()));
}

template <class T>
void NonuniformLinearSpline<T>::values_and_slopes(ConstView<T> x, View<T> y, View<T> s) const {
  require_shape("NonuniformLinearSpline output", y.shape(), x.shape());
  require_shape("NonuniformLinearSpline slopes", s.shape(), x.shape());
  const Index length = x.size() / rows_of(x.shape(), channels());
  parallel_for(x.size(), 4096, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      const double t = static_cast<double>(x[i]);
      const Index r = i / length, line = data_->line(r, t);
      y[i] = static_cast<T>(data_->value(r, line, t));
      if (s.data() != nullptr) s[i] = static_cast<T>(data_->slope(r, line));
    }
  });
}

template <class T>
void NonuniformLinearSpline<T>::vjp(ConstView<T> x, ConstView<T> g, View<T> gx,
                                    View<double> coefficients) const {
  require_shape("NonuniformLinearSpline::vjp cotangent", g.shape(), x.shape());
  require_shape("NonuniformLinearSpline::vjp output", gx.shape(), x.shape());
  require_shape("NonuniformLinearSpline::vjp coefficients", coefficients.shape(),
                data_->coefficients.shape());
  const Data& d = *data_;
  const Index n = d.count(), rows = rows_of(x.shape(), channels()), length = x.size() / rows;
  parallel_for(rows, 1, [&](Index begin, Index end) {
    for (Index i = begin * length; i < end * length; ++i) {
      const double t = static_cast<double>(x[i]), weight = static_cast<double>(g[i]);
      const Index r = i / length, line = d.line(r, t);
      gx[i] = static_cast<T>(d.slope(r, line) * weight);
      double* sums = coefficients.data() + r * n;
      if (d.flat(line)) {
        sums[line == 0 ? 0 : n - 1] += weight;
        continue;
      }
      const Index k = std::clamp<Index>(line - 1, 0, n - 2);
      const double* knots = d.knots.data() + r * n;
      const double u = (t - knots[k]) / (knots[k + 1] - knots[k]);
      sums[k] += weight * (1 - u);
      sums[k + 1] += weight * u;
    }
  });
}

template <class T>
double NonuniformLinearSpline<T>::min_slope() const {
  return *std::min_element(data_->slopes.begin(), data_->slopes.end());
}
template <class T>
double NonuniformLinearSpline<T>::max_slope() const {
  return *std::max_element(data_->slopes.begin(), data_->slopes.end());
}
template <class T>
double NonuniformLinearSpline<T>::tv2() const {
  double total = 0;
  for (Index c = 0; c < channels(); ++c)
    for (Index k = 0; k < data_->count(); ++k)
      total += std::abs(data_->slope(c, k + 1) - data_->slope(c, k));
  return total;
}

template <class T>
NonuniformLinearSpline<T> NonuniformLinearSpline<T>::inverse() const {
  if (!(min_slope() > 0))
    throw ArgumentError("NonuniformLinearSpline::inverse: the smallest slope is " +
                        std::to_string(min_slope()) + ", expected it to be positive");
  return NonuniformLinearSpline(data_->knots, data_->coefficients, Extrapolation::linear);
}

template class NonuniformLinearSpline<float>;
template class NonuniformLinearSpline<double>;

}  // namespace fejer
