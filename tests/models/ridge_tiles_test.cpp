#include <doctest/doctest.h>
#include <fejer/models/ridge.hpp>
#include <fejer/models/ridge_hessian.hpp>
#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

#include "small_models.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

constexpr double one_level = 0.05;

template <class T, class From>
Array<T> to(const Array<From>& x) {
  Array<T> y(x.shape());
  for (Index i = 0; i < x.size(); ++i) y[i] = static_cast<T>(x[i]);
  return y;
}

template <class T>
double relative(const Array<T>& a, const Array<T>& b) {
  return distance(a, b) / norm(b);
}

/// Images and patches: one tile of either size from border to border, several, slices of them.
const Shape shapes[] = {{1, 1, 1},   {1, 17, 19}, {2, 64, 40}, {1, 61, 130}, {3, 57, 58},
                        {9, 30, 31}, {1, 1, 200}, {17, 3, 2},  {8, 40, 40},  {1, 9, 12},
                        {3, 45, 45}, {3, 46, 61}, {3, 62, 46}, {2, 110, 9}};

/// More pairs of channels than there are lanes, and an odd number; one spline for all.
RidgeParameters wide_ridge(Borders borders) {
  RidgeParameters p = small_ridge(borders);
  p.kernels[1] = random_array({19, 3, 5, 3}, "wide");
  p.norm_squared *= 4;
  p.profile = random_array({1, 30}, "profile", 0.01);
  p.scaling->coefficients = random_array({19, 4}, "scaling", 0.3);
  for (double& v : p.scaling->coefficients) v += 3;
  p.mu = p.rho = 100;
  return p;
}

std::vector<double> levels(Index count) {
  std::vector<double> result;
  for (Index i = 0; i < count; ++i) result.push_back(0.02 * static_cast<double>(1 + i % 5));
  return result;
}

}  // namespace

TEST_CASE_TEMPLATE("tiles give what the layers give, at every size and border", T, float, double) {
  // Fourier transforms of 64 x 64 points: a few units in the last place.
  const double tolerance = std::is_same_v<T, float> ? 1e-6 : 2e-15;
  for (const Borders borders : {Borders::zero_every_layer, Borders::zero_once}) {
    const RidgeRegulariser<T> R(small_ridge(borders));
    const auto layers = R.with(RidgeEvaluation::layers), tiles = R.with(RidgeEvaluation::tiles);
    for (const Shape& shape : shapes) {
      CAPTURE(to_string(shape));
      if (borders == Borders::zero_once) CHECK(tiles.evaluation(shape) == RidgeEvaluation::tiles);
      const auto sigma = levels(shape[0]);
      const auto x = to<T>(random_array(shape, "x", 0.1)), v = to<T>(random_array(shape, "v"));
      Array<T> a(shape), b(shape), c(shape);
      const double value = layers.value_and_gradient(x, sigma, a);
      CHECK(tiles.value_and_gradient(x, sigma, b) == doctest::Approx(value).epsilon(tolerance));
      CHECK(relative(b, a) < tolerance);
      CHECK(tiles.value(x, sigma) == doctest::Approx(value).epsilon(tolerance));
      tiles.gradient(x, sigma, c);
      CHECK(same_bits(b, c));
      layers.hessian_vector_product(x, sigma, v, a);
      tiles.hessian_vector_product(x, sigma, v, b);
      // In float a filtered value next to a knot may fall on its other side.
      CHECK(relative(b, a) < (std::is_same_v<T, float> ? 2e-2 : tolerance));
      RidgeHessian<T>(tiles, x, sigma).apply(v, c);
      CHECK(relative(c, b) < tolerance);
      layers.hessian_vector_product(x, sigma, v, a);
      RidgeHessian<T>(layers, x, sigma).apply(v, c);
      CHECK(same_bits(c, a));
    }
  }
}

TEST_CASE("tiles: a border along two sides only") {
  RidgeParameters p = small_ridge(Borders::zero_every_layer);
  p.kernels = {random_array({4, 1, 5, 5}, "first"), random_array({8, 4, 1, 3}, "second")};
  p.norm_squared *= 100;
  p.profile = random_array({1, 21}, "profile", 0.01);
  p.scaling->coefficients = random_array({8, 4}, "scaling", 0.3);
  p.mu = p.rho = 100;
  const RidgeRegulariser<double> R(p);
  const auto layers = R.with(RidgeEvaluation::layers), tiles = R.with(RidgeEvaluation::tiles);
  for (const Shape& shape : {Shape{1, 1, 8}, Shape{9, 2, 9}, Shape{3, 20, 21}}) {
    CAPTURE(to_string(shape));
    CHECK(tiles.evaluation(shape) == RidgeEvaluation::tiles);
    const Array<double> x = random_array(shape, "x", 0.1), u = random_array(shape, "u");
    Array<double> a(shape), b(shape);
    const double value = layers.value_and_gradient(x, one_level, a);
    CHECK(tiles.value_and_gradient(x, one_level, b) == doctest::Approx(value).epsilon(1e-13));
    CHECK(relative(b, a) < 1e-13);
    const RidgeGradients of_layers = layers.vjp(x, one_level, u, a);
    const RidgeGradients of_tiles = tiles.vjp(x, one_level, u, b);
    CHECK(relative(b, a) < 1e-13);
    for (std::size_t l = 0; l < 2; ++l)
      CHECK(relative(of_tiles.kernels[l], of_layers.kernels[l]) < 1e-12);
  }
}

/// Layers of these kernels (rows, columns) with 3, 4, ... channels.
RidgeParameters deep_ridge(const std::vector<std::pair<Index, Index>>& sizes) {
  RidgeParameters p = small_ridge(Borders::zero_every_layer);
  p.kernels.clear();
  Index in = 1;
  for (const auto& [rows, columns] : sizes) {
    const Index out = in + 2;
    p.kernels.push_back(random_array({out, in, rows, columns}, std::to_string(in) + " deep"));
    scale<double>(p.kernels.back(), 1 / norm(p.kernels.back()));
    in = out;
  }
  p.norm_squared = 1;
  p.profile = random_array({1, 21}, "profile", 0.01);
  p.scaling->coefficients = random_array({in, 4}, "scaling", 0.3);
  p.mu = p.rho = 100;
  return p;
}

/// All that tiles compute in double, beside the layers.
void check_tiles(const RidgeParameters& p, const Shape& shape) {
  CAPTURE(to_string(shape));
  const RidgeRegulariser<double> R(p);
  const auto layers = R.with(RidgeEvaluation::layers), tiles = R.with(RidgeEvaluation::tiles);
  REQUIRE(tiles.evaluation(shape) == RidgeEvaluation::tiles);
  const auto sigma = levels(shape[0]);
  Array<double> x = random_array(shape, "x", 0.1);
  const Array<double> u = random_array(shape, "u");
  // Every image has a mean of its own.
  const Index pixels = x.size() / shape[0];
  for (Index i = 0; i < x.size(); ++i) x[i] += 0.1 * static_cast<double>(1 + i / pixels % 7);
  Array<double> a(shape), b(shape);
  const double value = layers.value_and_gradient(x, sigma, a);
  CHECK(tiles.value_and_gradient(x, sigma, b) == doctest::Approx(value).epsilon(1e-13));
  CHECK(relative(b, a) < 1e-13);
  layers.hessian_vector_product(x, sigma, u, a);
  RidgeHessian<double>(tiles, x, sigma).apply(u, b);
  CHECK(relative(b, a) < 1e-12);
  const RidgeGradients of_layers = layers.vjp(x, sigma, u, a);
  const RidgeGradients of_tiles = tiles.vjp(x, sigma, u, b);
  CHECK(relative(b, a) < 1e-12);
  for (std::size_t l = 0; l < of_layers.kernels.size(); ++l)
    CHECK(relative(of_tiles.kernels[l], of_layers.kernels[l]) < 1e-12);
  CHECK(relative(of_tiles.profile, of_layers.profile) < 1e-12);
}

TEST_CASE("tiles: several both ways, so that lanes have other sides and corners") {
  for (const Shape& shape : {Shape{1, 120, 130}, Shape{3, 100, 90}, Shape{1, 190, 200}})
    check_tiles(small_ridge(Borders::zero_every_layer), shape);
}

TEST_CASE("tiles: borders of every depth, down to the smallest images") {
  for (const Shape& shape : {Shape{1, 6, 6}, Shape{9, 7, 8}, Shape{9, 40, 40}, Shape{1, 110, 120}})
    check_tiles(deep_ridge({{3, 5}, {5, 3}, {5, 5}}), shape);
  for (const Shape& shape : {Shape{1, 3, 3}, Shape{9, 3, 4}, Shape{1, 3, 200}, Shape{1, 200, 3}})
    check_tiles(small_ridge(Borders::zero_every_layer), shape);
  for (const Shape& shape : {Shape{1, 8, 1}, Shape{9, 70, 2}})
    check_tiles(deep_ridge({{5, 1}, {3, 1}}), shape);
  check_tiles(deep_ridge({{3, 3}, {1, 1}, {3, 3}}), {2, 20, 50});
  for (const Shape& shape : {Shape{1, 16, 16}, Shape{1, 49, 49}, Shape{1, 65, 30}})
    check_tiles(deep_ridge({{17, 17}, {17, 17}}), shape);
  // Corners of millions of weights are not made.
  const RidgeRegulariser<double> deep(deep_ridge({{9, 9}, {9, 9}, {9, 9}, {5, 5}}));
  CHECK(deep.with(RidgeEvaluation::tiles).evaluation({1, 90, 90}) == RidgeEvaluation::layers);
}

TEST_CASE_TEMPLATE("tiles: gradients in the parameters are those of the layers", T, float, double) {
  const bool single = std::is_same_v<T, float>;
  for (const Borders borders : {Borders::zero_every_layer, Borders::zero_once}) {
    RidgeParameters p = small_ridge(borders);
    p.profile = random_array({5, 21}, "profile", 0.01);
    p.mu = p.rho = 100;
    for (std::size_t k = 0; k < std::size(shapes); ++k) {
      const Shape& shape = shapes[k];
      const RidgeRegulariser<T> R(k % 2 == 1 ? wide_ridge(borders) : p);
      const auto layers = R.with(RidgeEvaluation::layers), tiles = R.with(RidgeEvaluation::tiles);
      CAPTURE(to_string(shape));
      const auto x = to<T>(random_array(shape, "x", 0.1)), u = to<T>(random_array(shape, "u"));
      const auto sigma = levels(shape[0]);
      Array<T> a(shape), b(shape), c(shape);
      const RidgeGradients of_layers = layers.vjp(x, sigma, u, a);
      const RidgeGradients of_tiles = tiles.vjp(x, sigma, u, b);
      tiles.hessian_vector_product(x, sigma, u, c);
      const double knots = single ? 2e-2 : 1e-13, tolerance = single ? 2e-5 : 1e-13;
      CHECK(relative(b, a) < knots);
      CHECK(relative(b, c) < (single ? 1e-6 : 1e-14));
      for (std::size_t l = 0; l < of_tiles.kernels.size(); ++l)
        CHECK(relative(of_tiles.kernels[l], of_layers.kernels[l]) < knots);
      // A value on the other side of a knot has the same share in the knots, to rounding.
      CHECK(relative(of_tiles.profile, of_layers.profile) < tolerance);
      double apart = 0, size = 0;
      for (std::size_t i = 0; i < of_tiles.scaling.size(); ++i) {
        apart += std::abs(of_tiles.scaling[i] - of_layers.scaling[i]);
        size += std::abs(of_layers.scaling[i]);
      }
      CHECK(apart <= knots * size);
      const ScopedThreads threads(3);
      const RidgeGradients again = tiles.vjp(x, sigma, u, c);
      CHECK(same_bits(b, c));
      for (std::size_t l = 0; l < of_tiles.kernels.size(); ++l)
        CHECK(same_bits(again.kernels[l], of_tiles.kernels[l]));
      CHECK(same_bits(again.profile, of_tiles.profile));
      CHECK(again.scaling == of_tiles.scaling);
    }
  }
}

TEST_CASE("tiles: the bits do not depend on the number of threads") {
  const RidgeRegulariser<float> R =
      RidgeRegulariser<float>(small_ridge(Borders::zero_every_layer)).with(RidgeEvaluation::tiles);
  const auto x = to<float>(random_array({1, 150, 170}, "x", 0.1));
  Array<float> one(x.shape()), more(x.shape());
  double value = 0;
  {
    const ScopedThreads threads(1);
    value = R.value_and_gradient(x, one_level, one);
  }
  for (const int count : {2, 4}) {
    const ScopedThreads threads(count);
    CHECK(R.value_and_gradient(x, one_level, more) == value);
    CHECK(same_bits(one, more));
  }
}

TEST_CASE("tiles: in float, bright images are as exact near their borders as dark ones") {
  const RidgeRegulariser<double> exact(small_ridge(Borders::zero_every_layer));
  const auto R =
      RidgeRegulariser<float>(small_ridge(Borders::zero_every_layer)).with(RidgeEvaluation::tiles);
  for (const Shape& shape : {Shape{11, 40, 40}, Shape{2, 100, 90}}) {
    Array<double> x = random_array(shape, "x", 0.1), a(shape);
    for (Index i = 0; i < x.size(); ++i) x[i] += i < x.size() / 2 ? 0.9 : 0.2;
    const auto rounded = to<float>(x);
    Array<float> b(shape);
    const auto same = to<double>(rounded);
    exact.gradient(same, one_level, a);
    R.gradient(rounded, one_level, b);
    CHECK(largest_difference(to<double>(b), a) < 1e-6);
  }
}

TEST_CASE("tiles: the bits of an image do not depend on what it is computed with") {
  for (const Borders borders : {Borders::zero_every_layer, Borders::zero_once}) {
    const RidgeRegulariser<float> R(small_ridge(borders));
    const auto x = random_array<float>({11, 40, 40}, "x", 0.1F);
    Array<float> all(x.shape()), one(Shape{1, 40, 40});
    R.gradient(x, levels(11), all);
    for (const Index i : {0, 7, 10}) {
      R.gradient(ConstView<float>(x.data() + i * 1600, one.shape()),
                 levels(11)[static_cast<std::size_t>(i)], one);
      CHECK(std::memcmp(one.data(), all.data() + i * 1600, 1600 * sizeof(float)) == 0);
    }
  }
}

TEST_CASE("the way of evaluation is a matter of shapes, and the smallest images go by layers") {
  const RidgeRegulariser<float> R(small_ridge(Borders::zero_every_layer));
  CHECK(R.with(RidgeEvaluation::tiles).evaluation({1, 100, 100}) == RidgeEvaluation::tiles);
  CHECK(R.with(RidgeEvaluation::tiles).evaluation({1, 2, 100}) == RidgeEvaluation::layers);
  CHECK(R.with(RidgeEvaluation::layers).evaluation({1, 500, 500}) == RidgeEvaluation::layers);
  CHECK(R.evaluation({1, 1, 1}) == RidgeEvaluation::layers);
  const RidgeRegulariser<float> once(small_ridge(Borders::zero_once));
  CHECK(once.evaluation({16, 40, 40}) == RidgeEvaluation::tiles);
}
