#include <fejer/models/slope_bounds.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "knots.hpp"

namespace fejer {
namespace {

SlopeBounds checked(const char* name, double min, double max, bool fine) {
  if (!fine)
    throw ArgumentError(std::string("SlopeBounds::") + name + ": got the slopes [" +
                        std::to_string(min) + ", " + std::to_string(max) + "], an impossible set");
  return {min, max, false};
}

void check_projection(const Array<double>& values, const Array<double>& knots,
                      const SlopeBounds& bounds) {
  detail::check_knots("project_slopes", values, knots);
  if (!(bounds.min <= bounds.max))
    throw ArgumentError("project_slopes: expected min <= max, got " + std::to_string(bounds.min) +
                        ", " + std::to_string(bounds.max));
  if (!bounds.odd) return;
  const Index n = knots.shape()[1];
  for (Index i = 0; i < knots.size(); ++i) {
    const Index row = i / n * n;
    const double mirrored = -knots[row + n - 1 - (i - row)],
                 width = knots[row + n - 1] - knots[row];
    if (!(std::abs(knots[i] - mirrored) <= 1e-12 * width))
      throw ArgumentError("project_slopes: odd splines need knots symmetric about 0, got " +
                          std::to_string(knots[i]) + " and " + std::to_string(-mirrored));
  }
}

}  // namespace

SlopeBounds SlopeBounds::lipschitz(double l) { return checked("lipschitz", -l, l, l >= 0); }
SlopeBounds SlopeBounds::firmly_nonexpansive() { return {0, 1, false}; }
SlopeBounds SlopeBounds::monotone() { return {0, std::numeric_limits<double>::infinity(), false}; }
SlopeBounds SlopeBounds::invertible(double min, double max) {
  return checked("invertible", min, max, 0 < min && min <= max && std::isfinite(max));
}
SlopeBounds SlopeBounds::averaged(double beta) {
  return checked("averaged", 1 - 2 * beta, 1, 0 < beta && beta <= 1);
}
SlopeBounds SlopeBounds::weakly_convex(double rho, double l) {
  return checked("weakly_convex", -rho, l, rho >= 0 && l >= 0);
}
SlopeBounds SlopeBounds::made_odd() const { return {min, max, true}; }

Array<double> uniform_knots(Index channels, Index n, double x_min, double x_max) {
  if (channels < 1 || n < 2 || !(x_min < x_max) || !std::isfinite(x_max - x_min))
    throw ArgumentError("uniform_knots: expected at least one channel, 2 knots and x_min < x_max");
  Array<double> knots(Shape{channels, n});
  const double step = (x_max - x_min) / static_cast<double>(n - 1);
  for (Index i = 0; i < knots.size(); ++i) knots[i] = x_min + static_cast<double>(i % n) * step;
  for (Index c = 0; c < channels; ++c) knots[c * n + n - 1] = x_max;
  return knots;
}

Array<double> project_slopes(const Array<double>& values, const Array<double>& knots,
                             const SlopeBounds& bounds) {
  check_projection(values, knots, bounds);
  const Index n = values.shape()[1];
  Array<double> result(values.shape());
  std::vector<double> sum(static_cast<std::size_t>(n));
  for (Index c = 0; c < values.shape()[0]; ++c) {
    const double* f = values.data() + c * n;
    const double* t = knots.data() + c * n;
    double* out = result.data() + c * n;
    double offset = 0;
    sum[0] = 0;
    for (Index k = 0; k < n; ++k) {
      const std::size_t i = static_cast<std::size_t>(k);
      if (k > 0) {
        const double h = t[k] - t[k - 1];
        sum[i] = sum[i - 1] + std::clamp(f[k] - f[k - 1], bounds.min * h, bounds.max * h);
      }
      offset += (f[k] - sum[i]) / static_cast<double>(n);
    }
    for (Index k = 0; k < n; ++k) {
      const double g = sum[static_cast<std::size_t>(k)];
      out[k] = bounds.odd ? (g - sum[static_cast<std::size_t>(n - 1 - k)]) / 2 : g + offset;
    }
  }
  return result;
}

Array<double> project_slopes_vjp(const Array<double>& values, const Array<double>& knots,
                                 const SlopeBounds& bounds, const Array<double>& g) {
  check_projection(values, knots, bounds);
  require_shape("project_slopes_vjp cotangent", g.shape(), values.shape());
  const Index n = values.shape()[1];
  Array<double> result(values.shape());
  for (Index c = 0; c < values.shape()[0]; ++c) {
    const double* f = values.data() + c * n;
    const double* t = knots.data() + c * n;
    const double* q = g.data() + c * n;
    double* out = result.data() + c * n;
    double mean = 0;
    if (!bounds.odd)
      for (Index k = 0; k < n; ++k) mean += q[k] / static_cast<double>(n);
    double tail = 0;  // what the sum up to knot k and beyond is worth
    for (Index k = n - 1; k > 0; --k) {
      tail += bounds.odd ? (q[k] - q[n - 1 - k]) / 2 : q[k] - mean;
      const double h = t[k] - t[k - 1], step = f[k] - f[k - 1];
      const bool free = bounds.min * h <= step && step <= bounds.max * h;
      out[k] += mean + (free ? tail : 0);
      out[k - 1] -= free ? tail : 0;
    }
    out[0] += mean;
  }
  return result;
}

double add_tv2_gradient(const Array<double>& values, const Array<double>& knots, double weight,
                        Array<double>& gradient) {
  detail::check_knots("add_tv2_gradient", values, knots);
  require_shape("add_tv2_gradient gradient", gradient.shape(), values.shape());
  const Index n = values.shape()[1];
  double total = 0;
  for (Index c = 0; c < values.shape()[0]; ++c) {
    const double* f = values.data() + c * n;
    const double* t = knots.data() + c * n;
    double* out = gradient.data() + c * n;
    for (Index k = 1; k + 1 < n; ++k) {
      const double before = 1 / (t[k] - t[k - 1]), after = 1 / (t[k + 1] - t[k]);
      const double change = (f[k + 1] - f[k]) * after - (f[k] - f[k - 1]) * before;
      const double sign = change > 0 ? weight : change < 0 ? -weight : 0;
      total += std::abs(change);
      out[k - 1] += sign * before;
      out[k] -= sign * (before + after);
      out[k + 1] += sign * after;
    }
  }
  return total;
}

}  // namespace fejer
