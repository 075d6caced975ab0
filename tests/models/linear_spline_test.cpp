#include <fejer/models/linear_spline.hpp>

#include <cmath>

#include <doctest/doctest.h>
#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

#include "small_models.hpp"

using namespace fejer;
using namespace fejer_test;

TEST_CASE("LinearSpline by hand: values, slopes, potential, both extrapolations") {
  // Knots -1, 0, 1, 2 with values 2, 0, 1, 1.5.
  const Array<double> a = row({2, 0, 1, 1.5});
  const LinearSpline<double> f(a, -1, 2), g(a, -1, 2, Extrapolation::constant);
  CHECK(f.step() == 1);
  CHECK(f.value(0, -0.5) == 1);
  CHECK(f.value(0, 0.25) == 0.25);
  CHECK(f.value(0, 4) == 2.5);
  CHECK(f.value(0, -3) == 6);
  CHECK(g.value(0, 4) == 1.5);
  CHECK(g.value(0, -3) == 2);
  CHECK(f.slope(0, 1) == 0.5);  // at a knot: of the right piece
  CHECK(g.slope(0, 2) == 0);
  CHECK(f.potential(0, 0) == 0);
  CHECK(f.potential(0, 1) == 0.5);
  CHECK(f.potential(0, 2) == doctest::Approx(1.75));
  CHECK(f.potential(0, -1) == doctest::Approx(-1));
  CHECK(g.potential(0, 4) == doctest::Approx(1.75 + 3));
  CHECK(g.potential(0, -3) == doctest::Approx(-1 - 4));
  CHECK(f.potential(0, 4) == doctest::Approx(1.75 + 1.5 * 2 + 0.5 * 0.5 * 4));
  CHECK(f.min_slope() == -2);
  CHECK(f.max_slope() == 1);
  CHECK(f.tv2() == 3.5);
  CHECK(g.tv2() == 3.5 + 2 + 0.5);
}

TEST_CASE("LinearSpline: the knots need not include 0, and psi(0) is 0 all the same") {
  const LinearSpline<double> f(row({1, 3}), 2, 4);
  CHECK(f.potential(0, 0) == 0);
  CHECK(f.potential(0, 2) == doctest::Approx(0));  // f(t) = t - 1
  CHECK(f.potential(0, 4) == doctest::Approx(4));
}

TEST_CASE("LinearSpline over arrays equals its scalar form, in float and double, on each channel") {
  const Array<double> a = random_array({3, 21}, "a");
  const LinearSpline<double> f(a, -0.7, 0.9);
  const LinearSpline<float> f32(a, -0.7, 0.9);
  const Array<double> x = random_array({3, 11, 13}, "x", 0.6);
  const Array<float> xf = converted<float>(x);
  Array<double> y(x.shape()), s(x.shape());
  Array<float> yf(x.shape());
  f.values_and_slopes(x, y, s);
  f32.values(xf, yf);
  for (Index i = 0; i < x.size(); ++i) {
    const Index c = i / 143;
    CHECK(y[i] == doctest::Approx(f.value(c, x[i])).epsilon(1e-12).scale(1));
    CHECK(s[i] == f.slope(c, x[i]));
    CHECK(std::abs(static_cast<double>(yf[i]) - f.value(c, x[i])) < 2e-5);
  }
}

TEST_CASE("LinearSpline: psi' = f by central differences, inside and outside the knots") {
  const LinearSpline<double> f(random_array({2, 15}, "a"), -1, 1, Extrapolation::constant);
  const double h = 1e-5;
  for (Index c = 0; c < 2; ++c)
    for (double t = -1.53; t < 1.6; t += 0.0371)
      CHECK((f.potential(c, t + h) - f.potential(c, t - h)) / (2 * h) ==
            doctest::Approx(f.value(c, t)).epsilon(1e-8).scale(1));
}

TEST_CASE("LinearSpline gives the same bits for 1, 2 and 4 threads") {
  const LinearSpline<float> f(random_array({1, 101}, "a"), -1, 1);
  const Array<float> x = random_array<float>({30001}, "x");
  Array<float> first(x.shape());
  f.values(x, first);
  for (const int threads : {1, 2, 4}) {
    const ScopedThreads limit(threads);
    Array<float> y(x.shape());
    f.values(x, y);
    CHECK(same_bits(y, first));
  }
}

TEST_CASE("clip_slopes: feasible, keeps the mean and feasible splines, never adds variation") {
  const Array<double> a = random_array({4, 11}, "a", 0.3);
  const Array<double> p = clip_slopes(a, 0.1, -1, 1);
  const LinearSpline<double> before(a, 0, 1), after(p, 0, 1);
  CHECK(before.max_slope() > 2);
  CHECK(after.max_slope() <= 1 + 1e-12);
  CHECK(after.min_slope() >= -1 - 1e-12);
  CHECK(after.tv2() <= before.tv2());
  for (Index c = 0; c < 4; ++c) {
    double mean = 0;
    for (Index k = 0; k < 11; ++k) mean += a[c * 11 + k] - p[c * 11 + k];
    CHECK(mean == doctest::Approx(0).scale(1));
  }
  CHECK(largest_difference(clip_slopes(p, 0.1, -1, 1), p) < 1e-14);
}

TEST_CASE("clip_slopes by hand") {
  const Array<double> p = clip_slopes(row({0, 3, 2}), 1, 0, 1);
  // Slopes 3, -1 become 1, 0: 0, 1, 1, plus the lost mean (5 - 2) / 3.
  CHECK(p[0] == 1);
  CHECK(p[1] == 2);
  CHECK(p[2] == 2);
}

TEST_CASE("project_monotone: increasing, flat at both ends, zero in the middle") {
  const Array<double> p = project_monotone(row({5, 1, 3, 2, 7}));
  const double expected[] = {-2, -2, 0, 0, 0};  // steps 0, 2, 0, 0
  for (Index k = 0; k < 5; ++k) CHECK(p[k] == expected[k]);
}

TEST_CASE("project_antisymmetric: odd, flat at both ends, slopes within the bounds") {
  const Array<double> a = random_array({1, 21}, "a", 0.1);
  const Array<double> p = project_antisymmetric(a, 0.01, 0, 1);
  const LinearSpline<double> f(p, -0.1, 0.1, Extrapolation::constant);
  CHECK(f.min_slope() >= -1e-12);
  CHECK(f.max_slope() <= 1 + 1e-12);
  for (double t = -0.15; t < 0.15; t += 0.007) {
    CHECK(f.value(0, -t) == doctest::Approx(-f.value(0, t)).epsilon(1e-12).scale(1e-3));
    CHECK(f.potential(0, -t) == doctest::Approx(f.potential(0, t)).epsilon(1e-12).scale(1e-3));
  }
  CHECK(p[0] == p[1]);
  CHECK(largest_difference(project_antisymmetric(p, 0.01, 0, 1), p) < 1e-15);
}

TEST_CASE("LinearSpline::vjp against differences, and the same bits for any number of threads") {
  for (const Extrapolation tails : {Extrapolation::linear, Extrapolation::constant})
    for (const Index rows : {1, 3}) {
      const Array<double> a = random_array({rows, 6}, "a");
      const Array<double> x = random_array({3, 5000}, "x", 0.8), g = random_array(x.shape(), "g");
      const LinearSpline<double> f(a, -1, 1, tails);
      Array<double> gx(x.shape()), ga(a.shape()), y(x.shape()), s(x.shape());
      f.vjp(x, g, gx, ga);
      f.values_and_slopes(x, y, s);
      for (Index i = 0; i < x.size(); ++i) CHECK(gx[i] == doctest::Approx(g[i] * s[i]));
      // f is linear in its coefficients.
      const Array<double> d = random_array(a.shape(), "d");
      LinearSpline<double>(d, -1, 1, tails).values(x, y);
      CHECK(dot(ga, d) == doctest::Approx(dot(g, y)).epsilon(1e-11));
      const ScopedThreads threads(3);
      Array<double> again(a.shape());
      f.vjp(x, g, gx, again);
      CHECK(same_bits(ga, again));
    }
}

TEST_CASE("LinearSpline refuses what is no spline") {
  CHECK(throws_with<ShapeError>([] { LinearSpline<float> f(Array<double>(Shape{4}), 0, 1); },
                                "(channels, knots)"));
  CHECK(throws_with<ArgumentError>(
      [] {
        LinearSpline<float> f(Array<double>(Shape{1, 3}), 1, 1);
      },
      "finite interval"));
  Array<double> a(Shape{1, 3});
  a[1] = std::nan("");
  CHECK(throws_with<ArgumentError>([&] { LinearSpline<float> f(a, 0, 1); }, "not finite"));
  const LinearSpline<double> two(Array<double>(Shape{2, 3}), 0, 1);
  Array<double> x(Shape{3, 5}), y(x.shape());
  CHECK(throws_with<ShapeError>([&] { two.values(x, y); }, "first axis to be 2"));
  CHECK(throws_with<ArgumentError>(
      [] {
        clip_slopes(Array<double>(Shape{1, 3}), 1, 2, 1);
      },
      "s_min <= s_max"));
}
