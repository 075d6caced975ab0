#include <fejer/models/training/projections.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace fejer {
namespace {

void check_rows(const char* where, const Array<double>& coefficients,
                const Array<double>& cotangent) {
  if (coefficients.shape().rank() != 2 || coefficients.shape()[1] < 2)
    throw ShapeError(std::string(where) + ": got coefficients of shape " +
                     to_string(coefficients.shape()) +
                     ", expected (channels, knots) with at least 2 knots");
  require_shape(where, cotangent.shape(), coefficients.shape());
}

struct Clip {
  double lower, upper;  ///< on differences of neighbours
  bool flat_ends;
  /// Whether the difference goes through unchanged. Rounding puts no difference outside.
  bool passes(const double* a, Index k, Index n) const {
    if (flat_ends && (k == 0 || k + 2 == n)) return false;
    const double d = a[k + 1] - a[k];
    const double room =
        4 * std::numeric_limits<double>::epsilon() * std::max(std::abs(a[k]), std::abs(a[k + 1]));
    return d >= lower - room && d <= upper + room;
  }
};

/// Adds the transpose of differences, clip, cumulative sum to out.
void add_pulled_back(const double* a, Index n, const Clip& clip, const double* q, double* out) {
  double tail = 0;
  for (Index k = n - 1; k-- > 0;) {
    tail += q[k + 1];
    if (!clip.passes(a, k, n)) continue;
    out[k + 1] += tail;
    out[k] -= tail;
  }
}

}  // namespace

Array<double> clip_slopes_vjp(const Array<double>& coefficients, double step, double s_min,
                              double s_max, const Array<double>& cotangent) {
  check_rows("clip_slopes_vjp", coefficients, cotangent);
  const Index n = coefficients.shape()[1];
  Array<double> result(coefficients.shape()), q(Shape{n});
  for (Index c = 0; c < coefficients.shape()[0]; ++c) {
    const double* const from = cotangent.data() + c * n;
    double mean = 0;
    for (Index k = 0; k < n; ++k) mean += from[k] / static_cast<double>(n);
    for (Index k = 0; k < n; ++k) q[k] = from[k] - mean;
    double* const out = result.data() + c * n;
    std::fill_n(out, n, mean);
    add_pulled_back(coefficients.data() + c * n, n, {s_min * step, s_max * step, false}, q.data(),
                    out);
  }
  return result;
}

Array<double> project_monotone_vjp(const Array<double>& coefficients,
                                   const Array<double>& cotangent) {
  check_rows("project_monotone_vjp", coefficients, cotangent);
  const Index n = coefficients.shape()[1];
  Array<double> result(coefficients.shape()), q(Shape{n});
  for (Index c = 0; c < coefficients.shape()[0]; ++c) {
    const double* const from = cotangent.data() + c * n;
    double sum = 0;
    for (Index k = 0; k < n; ++k) sum += q[k] = from[k];
    q[n / 2] -= sum;
    add_pulled_back(coefficients.data() + c * n, n,
                    {0, std::numeric_limits<double>::infinity(), true}, q.data(),
                    result.data() + c * n);
  }
  return result;
}

Array<double> project_antisymmetric_vjp(const Array<double>& coefficients, double step,
                                        double s_min, double s_max,
                                        const Array<double>& cotangent) {
  check_rows("project_antisymmetric_vjp", coefficients, cotangent);
  const Index n = coefficients.shape()[1];
  Array<double> result(coefficients.shape()), q(Shape{n});
  for (Index c = 0; c < coefficients.shape()[0]; ++c) {
    const double* const from = cotangent.data() + c * n;
    for (Index k = 0; k < n; ++k) q[k] = (from[k] - from[n - 1 - k]) / 2;
    add_pulled_back(coefficients.data() + c * n, n, {s_min * step, s_max * step, true}, q.data(),
                    result.data() + c * n);
  }
  return result;
}

double add_tv2(const Array<double>& coefficients, double step, double weight,
               Array<double>& gradient) {
  check_rows("add_tv2", coefficients, gradient);
  const Index n = coefficients.shape()[1];
  double sum = 0;
  for (Index c = 0; c < coefficients.shape()[0]; ++c) {
    const double* const a = coefficients.data() + c * n;
    double* const g = gradient.data() + c * n;
    for (Index k = 0; k + 2 < n; ++k) {
      const double bend = a[k + 2] - 2 * a[k + 1] + a[k];
      sum += std::abs(bend);
      const double slope = bend == 0 ? 0 : (bend > 0 ? weight : -weight) / step;
      g[k] += slope;
      g[k + 1] -= 2 * slope;
      g[k + 2] += slope;
    }
  }
  return weight * sum / step;
}

}  // namespace fejer
