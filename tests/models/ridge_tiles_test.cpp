#include <doctest/doctest.h>
#include <fejer/models/ridge.hpp>
#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

#include "small_models.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

constexpr double sigma = 0.05;

template <class T>
Array<T> to(const Array<double>& x) {
  Array<T> y(x.shape());
  for (Index i = 0; i < x.size(); ++i) y[i] = static_cast<T>(x[i]);
  return y;
}

template <class T>
double relative(const Array<T>& a, const Array<T>& b) {
  return distance(a, b) / norm(b);
}

}  // namespace

TEST_CASE_TEMPLATE("tiles give what the layers give, at every size and border", T, float, double) {
  // Fourier transforms of 64 x 64 points: a few units in the last place.
  const double tolerance = std::is_same_v<T, float> ? 1e-6 : 2e-15;
  for (const Borders borders : {Borders::zero_every_layer, Borders::zero_once}) {
    const RidgeRegulariser<T> R(small_ridge(borders));
    const auto layers = R.with(RidgeEvaluation::layers), tiles = R.with(RidgeEvaluation::tiles);
    for (const Shape& shape : {Shape{1, 17, 19}, Shape{2, 64, 40}, Shape{1, 61, 130},
                               Shape{3, 57, 58}, Shape{9, 30, 31}, Shape{1, 1, 200}}) {
      CAPTURE(to_string(shape));
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
    value = R.value_and_gradient(x, sigma, one);
  }
  for (const int count : {2, 4}) {
    const ScopedThreads threads(count);
    CHECK(R.value_and_gradient(x, sigma, more) == value);
    CHECK(same_bits(one, more));
  }
}

TEST_CASE("the way of evaluation is a matter of shapes alone, and small images go by layers") {
  const RidgeRegulariser<float> R(small_ridge(Borders::zero_every_layer));
  CHECK(R.with(RidgeEvaluation::tiles).evaluation({1, 100, 100}) == RidgeEvaluation::tiles);
  CHECK(R.with(RidgeEvaluation::tiles).evaluation({1, 3, 100}) == RidgeEvaluation::layers);
  CHECK(R.with(RidgeEvaluation::layers).evaluation({1, 500, 500}) == RidgeEvaluation::layers);
  CHECK(R.evaluation({1, 1, 1}) == RidgeEvaluation::layers);
}
