#include "problem.hpp"

#include <algorithm>
#include <cmath>

#include <fejer/models/training/dataset.hpp>
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

namespace {

struct Patches {
  Array<double> x, y;
};

/// 100 patches from each of 40 images.
Patches draw_patches(std::uint64_t seed, const std::string& name) {
  constexpr Index images = 40, each = 100, size = 64, width = 7, pixels = width * width;
  constexpr double level = 0.1;
  const Dataset leaves = dead_leaves(images, size, Rng(seed).stream(name).bits(0));
  const RandomStream where = Rng(seed).stream(name + " places");
  const Index count = images * each;
  Patches p{Array<double>(Shape{pixels, count}), Array<double>(Shape{1, count})};
  Array<double> e(p.x.shape());
  fill_normal<double>(e, Rng(seed).stream(name + " noise"));
  for (Index n = 0; n < count; ++n) {
    const Array<float> image = leaves.image(n / each);
    const auto place = [&](std::uint64_t k) {
      return static_cast<Index>(where.uniform(2 * static_cast<std::uint64_t>(n) + k) *
                                static_cast<double>(size - width + 1));
    };
    const Index row = place(0), column = place(1);
    const auto clean = [&](Index i) {
      return image[(row + i / width) * size + column + i % width] / level;
    };
    double mean = 0;
    for (Index i = 0; i < pixels; ++i) {
      double& x = p.x[i * count + n];
      x = clean(i) + e[i * count + n];
      mean += x / pixels;
    }
    for (Index i = 0; i < pixels; ++i) p.x[i * count + n] -= mean;
    p.y[n] = clean(pixels / 2) - mean;
  }
  return p;
}

}  // namespace

sparse_training::Problem make_patches(std::uint64_t seed, const SparseFitOptions& options) {
  Patches train = draw_patches(seed, "patches"), test = draw_patches(seed, "test patches");
  return {SparseFit(std::move(train.x), std::move(train.y), options), std::move(test.x),
          std::move(test.y)};
}

AugmentedLagrangianOptions finishing() {
  AugmentedLagrangianOptions o;
  o.rho = 8;
  o.column_passes = 8;
  return o;
}

}  // namespace fejer::ialm_synthetic
