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

Problem make_problem(std::uint64_t seed, const SparseFitOptions& options) {
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

FullyConnectedParameters network_of(const SparseFit& fit, const Array<double>& p) {
  FullyConnectedParameters network;
  for (Index l = 1; l <= fit.layers(); ++l) {
    network.weights.emplace_back(fit.weights(ConstView<double>(p), l));
    network.biases.emplace_back(fit.bias(ConstView<double>(p), l));
  }
  network.slope = fit.options().slope;
  network.activated_output = fit.options().activated_output;
  return network;
}

double test_error(const Problem& problem, const Array<double>& p) {
  Array<double> value(problem.test_y.shape());
  FullyConnectedNetwork<double>(network_of(problem.fit, p)).values(problem.test_x, value);
  const double d = distance(value, problem.test_y);
  return d * d / static_cast<double>(value.size());
}

}  // namespace fejer::ialm_synthetic
