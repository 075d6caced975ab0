#include <fejer/models/nonuniform_linear_spline.hpp>

#include <doctest/doctest.h>
#include <fejer/models/slope_bounds.hpp>
#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

#include "small_models.hpp"
#include "training/differences.hpp"

using namespace fejer;
using namespace fejer_test;

TEST_CASE("NonuniformLinearSpline by hand: values, slopes, both extrapolations") {
  const Array<double> t = row({-1, 0, 4}), a = row({2, 0, 1});
  const NonuniformLinearSpline<double> f(a, t), g(a, t, Extrapolation::constant);
  for (Index k = 0; k < 3; ++k) CHECK(f.value(0, t[k]) == a[k]);
  CHECK(f.value(0, -0.5) == 1);
  CHECK(f.value(0, 2) == 0.5);
  CHECK(f.value(0, 8) == 2);
  CHECK(f.value(0, -2) == 4);
  CHECK(g.value(0, 8) == 1);
  CHECK(g.value(0, -2) == 2);
  CHECK(f.slope(0, 0) == 0.25);  // at a knot: of the right piece
  CHECK(g.slope(0, 4) == 0);
  CHECK(f.tv2() == 2.25);
  CHECK(g.tv2() == 2.25 + 2 + 0.25);
}

TEST_CASE("NonuniformLinearSpline on equidistant knots is LinearSpline, gradients included") {
  for (const Extrapolation tails : {Extrapolation::linear, Extrapolation::constant}) {
    const Array<double> a = random_array({3, 9}, "a"), x = random_array({3, 500}, "x");
    const Array<double> g = random_array(x.shape(), "g");
    const LinearSpline<double> uniform(a, -1, 1, tails);
    const NonuniformLinearSpline<double> f(a, uniform_knots(3, 9, -1, 1), tails);
    Array<double> y(x.shape()), s(x.shape()), y0(x.shape()), s0(x.shape());
    f.values_and_slopes(x, y, s);
    uniform.values_and_slopes(x, y0, s0);
    CHECK(largest_difference(y, y0) < 1e-13);
    CHECK(largest_difference(s, s0) < 1e-12);
    Array<double> ga(a.shape()), ga0(a.shape());
    f.vjp(x, g, y, ga);
    uniform.vjp(x, g, y0, ga0);
    CHECK(largest_difference(y, y0) < 1e-12);
    CHECK(largest_difference(ga, ga0) < 1e-11);
    CHECK(f.tv2() == doctest::Approx(uniform.tv2()).epsilon(1e-12));
    CHECK(f.min_slope() == doctest::Approx(uniform.min_slope()).epsilon(1e-12));
  }
}

TEST_CASE("NonuniformLinearSpline: hats sum to 1 and reproduce x, outside the knots too") {
  const Array<double> t = row({-2, -0.5, 0.1, 3}), ones = row({1, 1, 1, 1});
  const NonuniformLinearSpline<double> constant(ones, t), identity(t, t);
  for (double s = -5; s < 6; s += 0.31) {
    CHECK(std::abs(constant.value(0, s) - 1) < 1e-12);
    CHECK(std::abs(identity.value(0, s) - s) < 1e-12 * (1 + std::abs(s)));
  }
}

TEST_CASE("NonuniformLinearSpline::vjp against differences, same bits for any number of threads") {
  const Array<double> t = row({-1.5, -0.4, 0.3, 0.45, 2}), a = random_array({1, 5}, "a");
  const Array<double> x = random_array({4, 9}, "x", 2), g = random_array(x.shape(), "g");
  const auto value = [&](const Array<double>& at, const Array<double>& coefficients) {
    Array<double> y(x.shape());
    NonuniformLinearSpline<double>(coefficients, t).values(at, y);
    return dot(g, y);
  };
  Array<double> gx(x.shape()), ga(a.shape()), again(a.shape());
  const NonuniformLinearSpline<double> f(a, t);
  f.vjp(x, g, gx, ga);
  CHECK(gradient_error([&](const Array<double>& v) { return value(v, a); }, x, gx) < 1e-8);
  CHECK(gradient_error([&](const Array<double>& v) { return value(x, v); }, a, ga) < 1e-8);
  const ScopedThreads threads(3);
  f.vjp(x, g, gx, again);
  CHECK(same_bits(ga, again));
}

TEST_CASE("NonuniformLinearSpline refuses what is no spline") {
  CHECK(throws_with<ShapeError>(
      [] {
        NonuniformLinearSpline<float>(row({1, 2}), row({1, 2, 3}));
      },
      "knots"));
  CHECK(throws_with<ArgumentError>(
      [] {
        NonuniformLinearSpline<float>(row({1, 2}), row({2, 2}));
      },
      "must increase"));
  const NonuniformLinearSpline<double> f(Array<double>(Shape{2, 3}), uniform_knots(2, 3, 0, 1));
  Array<double> x(Shape{3, 5}), y(x.shape());
  CHECK(throws_with<ShapeError>([&] { f.values(x, y); }, "first axis to be 2"));
}
