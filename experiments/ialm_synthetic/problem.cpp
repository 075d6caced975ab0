#include "problem.hpp"

#include <algorithm>
#include <cmath>

#include <fejer/vector.hpp>

namespace fejer::ialm_synthetic {
namespace {

constexpr Index inputs = 20, seen = 5, units = 8, samples = 500, test_samples = 2000;
constexpr double slope = 0.01, noise = 0.05;

Array<double> normal(const Shape& shape, const RandomStream& random, double deviation) {
  Array<double> x(shape);
  fill_normal<double>(x, random);
  scale<double>(x, deviation);
  return x;
}

struct Teacher {
  Array<double> first, bias, second;
  explicit Teacher(const Rng& rng)
      : first(normal({units, seen}, rng.stream("teacher 1"), 1 / std::sqrt(5.0))),
        bias(normal({units}, rng.stream("teacher bias"), 0.5)),
        second(normal({units}, rng.stream("teacher 2"), 1 / std::sqrt(8.0))) {}
  Array<double> values(const Array<double>& x) const {
    const Index count = x.shape()[1];
    Array<double> y(Shape{1, count});
    for (Index n = 0; n < count; ++n)
      for (Index i = 0; i < units; ++i) {
        double u = bias[i];
        for (Index j = 0; j < seen; ++j) u += first[i * seen + j] * x[j * count + n];
        y[n] += second[i] * std::max(u, slope * u);
      }
    return y;
  }
};

}  // namespace

sparse_training::Problem make_problem(std::uint64_t seed, const SparseFitOptions& options) {
  const Rng rng(seed);
  const Teacher teacher(rng);
  Array<double> x = normal({inputs, samples}, rng.stream("x"), 1);
  Array<double> test_x = normal({inputs, test_samples}, rng.stream("test x"), 1);
  Array<double> y = teacher.values(x), test_y = teacher.values(test_x);
  const double factor = std::sqrt(static_cast<double>(samples)) / norm(y);
  scale<double>(y, factor);
  scale<double>(test_y, factor);
  add_normal<double>(y, noise, rng.stream("noise"));
  return {SparseFit(std::move(x), std::move(y), options), std::move(test_x), std::move(test_y)};
}

AugmentedLagrangianOptions finishing() {
  AugmentedLagrangianOptions o;
  o.rho = 8;
  o.column_passes = 8;
  return o;
}

}  // namespace fejer::ialm_synthetic
