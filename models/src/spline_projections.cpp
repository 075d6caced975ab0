#include <algorithm>
#include <cmath>
#include <limits>

#include <fejer/models/linear_spline.hpp>

namespace fejer {
namespace {

void check_rows(const Array<double>& a) {
  if (a.shape().rank() != 2 || a.shape()[1] < 2)
    throw ShapeError("projection of spline coefficients: got " + to_string(a.shape()) +
                     ", expected (channels, knots) with at least 2 knots");
}

/// out_0 = 0, out_{k+1} = out_k + clip(a_{k+1} - a_k); with `flat_ends` the first and the last step
/// are 0.
void integrate_clipped(const double* a, Index n, double lower, double upper, bool flat_ends,
                       double* out) {
  out[0] = 0;
  for (Index k = 0; k + 1 < n; ++k) {
    const bool flat = flat_ends && (k == 0 || k + 2 == n);
    out[k + 1] = out[k] + (flat ? 0 : std::clamp(a[k + 1] - a[k], lower, upper));
  }
}

}  // namespace

Array<double> clip_slopes(const Array<double>& coefficients, double step, double s_min,
                          double s_max) {
  check_rows(coefficients);
  if (!(s_min <= s_max) || !(step > 0))
    throw ArgumentError("clip_slopes: expected step > 0 and s_min <= s_max, got " +
                        std::to_string(step) + ", " + std::to_string(s_min) + ", " +
                        std::to_string(s_max));
  const Index n = coefficients.shape()[1];
  Array<double> result(coefficients.shape());
  for (Index c = 0; c < coefficients.shape()[0]; ++c) {
    const double* a = coefficients.data() + c * n;
    double* out = result.data() + c * n;
    integrate_clipped(a, n, s_min * step, s_max * step, false, out);
    double mean = 0;
    for (Index k = 0; k < n; ++k) mean += (a[k] - out[k]) / static_cast<double>(n);
    for (Index k = 0; k < n; ++k) out[k] += mean;
  }
  return result;
}

Array<double> project_monotone(const Array<double>& coefficients) {
  check_rows(coefficients);
  const Index n = coefficients.shape()[1];
  Array<double> result(coefficients.shape());
  for (Index c = 0; c < coefficients.shape()[0]; ++c) {
    double* out = result.data() + c * n;
    integrate_clipped(coefficients.data() + c * n, n, 0, std::numeric_limits<double>::infinity(),
                      true, out);
    const double middle = out[n / 2];
    for (Index k = 0; k < n; ++k) out[k] -= middle;
  }
  return result;
}

Array<double> project_antisymmetric(const Array<double>& coefficients, double step, double s_min,
                                    double s_max) {
  check_rows(coefficients);
  if (!(s_min <= s_max) || !(step > 0))
    throw ArgumentError("project_antisymmetric: expected step > 0 and s_min <= s_max, got " +
                        std::to_string(step) + ", " + std::to_string(s_min) + ", " +
                        std::to_string(s_max));
  const Index n = coefficients.shape()[1];
  Array<double> result(coefficients.shape());
  Array<double> sum(Shape{n});
  for (Index c = 0; c < coefficients.shape()[0]; ++c) {
    integrate_clipped(coefficients.data() + c * n, n, s_min * step, s_max * step, true, sum.data());
    for (Index k = 0; k < n; ++k) result[c * n + k] = (sum[k] - sum[n - 1 - k]) / 2;
  }
  return result;
}

}  // namespace fejer
