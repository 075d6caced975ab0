#include <fejer/models/relu_spline.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace fejer {
namespace {

/// Slopes of the pieces, from the left.
std::vector<double> slopes_of(const ReluSpline& f) {
  std::vector<double> slopes{f.slope};
  for (const double a : f.changes) slopes.push_back(slopes.back() + a);
  return slopes;
}

std::vector<double> uniform_row(double x_min, double step, Index n) {
  std::vector<double> knots;
  for (Index k = 0; k < n; ++k) knots.push_back(x_min + static_cast<double>(k) * step);
  return knots;
}

ReluSpline from_values(const std::vector<double>& knots, const double* values,
                       Extrapolation extrapolation) {
  const std::size_t n = knots.size();
  const auto slope = [&](std::size_t k) {
    return (values[k + 1] - values[k]) / (knots[k + 1] - knots[k]);
  };
  ReluSpline f;
  f.origin = knots[0];
  f.offset = values[0];
  const bool flat = extrapolation == Extrapolation::constant;
  f.slope = flat ? 0 : slope(0);
  for (std::size_t k = flat ? 0 : 1; k < n - (flat ? 0 : 1); ++k) {
    f.knots.push_back(knots[k]);
    f.changes.push_back((k + 1 < n ? slope(k) : 0) - (k > 0 ? slope(k - 1) : 0));
  }
  return f;
}

}  // namespace

double ReluSpline::value(double t) const {
  double sum = offset + slope * (t - origin);
  for (std::size_t k = 0; k < knots.size() && knots[k] < t; ++k) sum += changes[k] * (t - knots[k]);
  return sum;
}
double ReluSpline::min_slope() const {
  const std::vector<double> s = slopes_of(*this);
  return *std::min_element(s.begin(), s.end());
}
double ReluSpline::max_slope() const {
  const std::vector<double> s = slopes_of(*this);
  return *std::max_element(s.begin(), s.end());
}
double ReluSpline::tv2() const {
  double sum = 0;
  for (const double a : changes) sum += std::abs(a);
  return sum;
}

ReluSpline to_relu(const NonuniformLinearSpline<double>& spline, Index channel) {
  const Index n = spline.knots().shape()[1];
  const double* knots = spline.knots().data() + (spline.channels() == 1 ? 0 : channel * n);
  const double* values = spline.coefficients().data() + (spline.channels() == 1 ? 0 : channel * n);
  return from_values({knots, knots + n}, values, spline.extrapolation());
}
ReluSpline to_relu(const LinearSpline<double>& spline, Index channel) {
  const Index n = spline.knots();
  const double* values = spline.coefficients().data() + (spline.channels() == 1 ? 0 : channel * n);
  return from_values(uniform_row(spline.x_min(), spline.step(), n), values, spline.extrapolation());
}

std::vector<double> values_at(const ReluSpline& f, const std::vector<double>& knots) {
  const std::size_t n = knots.size();
  if (n < 2 || !std::is_sorted(knots.begin(), knots.end()))
    throw ArgumentError("values_at: expected at least 2 increasing knots");
  const double tolerance = 1e-12 * (knots.back() - knots.front());
  std::vector<double> values{f.value(knots[0])};
  double slope = f.slope;
  std::size_t next = 0;  // of f's knots
  const auto check = [&](double knot) {
    if (next < f.knots.size() && !(std::abs(f.knots[next] - knot) <= tolerance) &&
        f.knots[next] < knot)
      throw ArgumentError("values_at: the spline has a knot at " + std::to_string(f.knots[next]) +
                          ", which is none of those given");
  };
  for (std::size_t k = 0; k + 1 < n; ++k) {
    check(knots[k]);
    if (next < f.knots.size() && f.knots[next] <= knots[k] + tolerance) slope += f.changes[next++];
    values.push_back(values.back() + slope * (knots[k + 1] - knots[k]));
  }
  check(knots.back());
  if (next < f.knots.size() && std::abs(f.knots[next] - knots.back()) <= tolerance) ++next;
  check(std::numeric_limits<double>::infinity());
  return values;
}

NonuniformLinearSpline<double> to_spline(const ReluSpline& f) {
  std::vector<double> knots = f.knots;
  if (knots.empty()) knots = {f.origin};
  const double margin = std::max(1.0, knots.back() - knots.front());
  knots.insert(knots.begin(), knots.front() - margin);
  knots.push_back(knots.back() + margin);
  const std::vector<double> values = values_at(f, knots);
  const Shape shape{1, static_cast<Index>(knots.size())};
  return {Array<double>(ConstView<double>(values.data(), shape)),
          Array<double>(ConstView<double>(knots.data(), shape))};
}

ReluSpline thresholded(const ReluSpline& f, double threshold) {
  ReluSpline result = f;
  result.knots.clear();
  result.changes.clear();
  for (std::size_t k = 0; k < f.knots.size(); ++k)
    if (std::abs(f.changes[k]) > threshold) {
      result.knots.push_back(f.knots[k]);
      result.changes.push_back(f.changes[k]);
    }
  return result;
}

Array<double> sparsified(const Array<double>& values, double x_min, double x_max,
                         double threshold) {
  const LinearSpline<double> splines(values, x_min, x_max);
  const std::vector<double> knots = uniform_row(x_min, splines.step(), splines.knots());
  Array<double> result(values.shape());
  for (Index c = 0; c < values.shape()[0]; ++c) {
    const std::vector<double> row = values_at(sparsified(to_relu(splines, c), threshold), knots);
    std::copy(row.begin(), row.end(), result.slice(c).data());
  }
  return result;
}

ReluSpline sparsified(const ReluSpline& f, double threshold) {
  ReluSpline result;
  result.knots = thresholded(f, threshold).knots;
  const std::vector<double> slopes = slopes_of(f);
  if (result.knots.empty()) {
    if (f.knots.empty()) return f;
    result.origin = f.knots.front();
    result.offset = f.value(result.origin);
    const double width = f.knots.back() - f.knots.front();
    result.slope =
        width > 0 ? (f.value(f.knots.back()) - result.offset) / width : (slopes[0] + slopes[1]) / 2;
    return result;
  }
  result.origin = result.knots.front();
  result.offset = f.value(result.origin);
  result.slope = slopes.front();
  double before = result.slope;
  for (std::size_t k = 0; k < result.knots.size(); ++k) {
    double after = slopes.back();
    if (k + 1 < result.knots.size())
      after = (f.value(result.knots[k + 1]) - f.value(result.knots[k])) /
              (result.knots[k + 1] - result.knots[k]);
    result.changes.push_back(after - before);
    before = after;
  }
  return result;
}

}  // namespace fejer
