#include "targets.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <fejer/models/relu_spline.hpp>

namespace fejer::one_dimensional_fitting {
namespace {

/// Slopes between 9 random knots, mean 0 on [-1, 1] (by 20 001 samples).
std::function<double(double)> broken_line(const RandomStream& random,
                                          const std::function<double(std::uint64_t)>& slope) {
  ReluSpline f;
  f.origin = -1;
  for (std::uint64_t k = 0; k < 9; ++k) f.knots.push_back(2 * random.uniform(k) - 1);
  std::sort(f.knots.begin(), f.knots.end());
  double before = slope(0);
  f.slope = before;
  for (std::uint64_t k = 1; k <= 9; ++k) {
    f.changes.push_back(slope(k) - before);
    before = slope(k);
  }
  double mean = 0;
  for (int i = -10000; i <= 10000; ++i) mean += f.value(i / 10000.0) / 20001;
  f.offset -= mean;
  return [f](double x) { return f.value(x); };
}

}  // namespace

std::vector<Target> targets(const Rng& rng) {
  const RandomStream first = rng.stream("unit_slopes"), second = rng.stream("zero_or_unit_slopes");
  return {{"unit_slopes", "slopes 1 and -1 between 9 random knots",
           broken_line(first, [](std::uint64_t k) { return k % 2 == 0 ? 1.0 : -1.0; })},
          {"zero_or_unit_slopes", "slopes from {-1, 0, 1} between 9 random knots",
           broken_line(
               second,
               [second](std::uint64_t k) { return std::floor(3 * second.uniform(100 + k)) - 1; })},
          {"cosine", "cos(7 pi x) / (7 pi)",
           [](double x) { return std::cos(7 * std::numbers::pi * x) / (7 * std::numbers::pi); }},
          {"sawtooth", "four triangles of height 1/4, less 1/8",
           [](double x) {
             const double t = (x + 1) / 0.5, u = t - std::floor(t);
             return 0.25 * (1 - std::abs(2 * u - 1)) - 0.125;
           }},
          {"soft_threshold", "sign(x) max(|x| - 1/20, 0)",
           [](double x) { return std::copysign(std::max(std::abs(x) - 0.05, 0.0), x); }}};
}

}  // namespace fejer::one_dimensional_fitting
