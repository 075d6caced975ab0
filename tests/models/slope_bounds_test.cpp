#include <fejer/models/slope_bounds.hpp>

#include <doctest/doctest.h>
#include <fejer/models/nonuniform_linear_spline.hpp>
#include <fejer/vector.hpp>

#include "small_models.hpp"
#include "training/differences.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

/// Knots of random spacing, symmetric about 0 if asked.
Array<double> random_knots(Index channels, Index n, bool symmetric) {
  Array<double> t = random_array({channels, n}, "spacing");
  for (Index c = 0; c < channels; ++c) {
    double* row = t.data() + c * n;
    for (Index k = 0; k < n; ++k) row[k] = std::abs(row[k]) + 0.05;
    for (Index k = 1; k < n; ++k) row[k] += row[k - 1];
    for (Index k = 0; symmetric && 2 * k <= n - 1; ++k) {
      const double half = (row[n - 1 - k] - row[k]) / 2;
      row[k] = -half;
      row[n - 1 - k] = half;
    }
  }
  return t;
}

const SlopeBounds every[] = {SlopeBounds::lipschitz(),
                             SlopeBounds::firmly_nonexpansive(),
                             SlopeBounds::monotone(),
                             SlopeBounds::invertible(0.25, 3),
                             SlopeBounds::averaged(0.3),
                             SlopeBounds::weakly_convex(0.5, 2),
                             SlopeBounds::lipschitz().made_odd(),
                             SlopeBounds::weakly_convex(1, 4).made_odd()};

}  // namespace

TEST_CASE("project_slopes: feasible, idempotent, mean kept, never more variation, any knots") {
  for (const SlopeBounds& bounds : every) {
    const Array<double> t = random_knots(3, 12, bounds.odd);
    const Array<double> f = random_array(t.shape(), "f", 3);
    const Array<double> p = project_slopes(f, t, bounds);
    const NonuniformLinearSpline<double> before(f, t), after(p, t);
    CHECK(after.min_slope() >= bounds.min - 1e-12);
    CHECK(after.max_slope() <= bounds.max + 1e-12);
    CHECK(before.min_slope() < bounds.min);  // there was something to do
    CHECK(after.tv2() <= before.tv2());
    CHECK(largest_difference(project_slopes(p, t, bounds), p) < 1e-13);
    for (Index c = 0; c < 3; ++c) {
      double change = 0;
      for (Index k = 0; k < 12; ++k) change += p[c * 12 + k] - f[c * 12 + k];
      if (!bounds.odd) CHECK(std::abs(change) < 1e-12);
      for (double s = 0; bounds.odd && s < 6; s += 0.37)
        CHECK(after.value(c, -s) == doctest::Approx(-after.value(c, s)).epsilon(1e-12));
    }
  }
}

TEST_CASE("slope bounds mean what they say, on random pairs") {
  const Array<double> x = random_array({400}, "x", 4);
  const auto pairs = [&](const SlopeBounds& bounds, const auto& holds) {
    const Array<double> t = random_knots(1, 15, bounds.odd);
    const NonuniformLinearSpline<double> f(
        project_slopes(random_array(t.shape(), "f", 3), t, bounds), t);
    bool all = true;
    for (Index i = 0; i + 1 < x.size(); ++i)
      all = all && holds(x[i] - x[i + 1], f.value(0, x[i]) - f.value(0, x[i + 1]));
    CHECK(all);
  };
  constexpr double eps = 1e-12;
  pairs(SlopeBounds::lipschitz(),
        [](double d, double e) { return std::abs(e) <= std::abs(d) + eps; });
  pairs(SlopeBounds::firmly_nonexpansive(),
        [](double d, double e) { return d * e >= e * e - eps; });
  pairs(SlopeBounds::monotone(), [](double d, double e) { return d * e >= -eps; });
  pairs(SlopeBounds::averaged(0.3),
        [](double d, double e) { return std::abs(e - 0.7 * d) <= 0.3 * std::abs(d) + eps; });
  pairs(SlopeBounds::weakly_convex(0.5, 2),
        [](double d, double e) { return d * e >= -0.5 * d * d - eps; });
}

TEST_CASE("invertible splines: the inverse undoes the spline on both sides, tails included") {
  const SlopeBounds bounds = SlopeBounds::invertible(0.25, 3);
  const Array<double> t = random_knots(2, 9, false);
  const NonuniformLinearSpline<double> f(project_slopes(random_array(t.shape(), "f", 3), t, bounds),
                                         t);
  const NonuniformLinearSpline<double> g = f.inverse();
  CHECK(g.min_slope() == doctest::Approx(1 / f.max_slope()).epsilon(1e-12));
  CHECK(g.max_slope() == doctest::Approx(1 / f.min_slope()).epsilon(1e-12));
  for (Index c = 0; c < 2; ++c)
    for (double s = -20; s < 20; s += 0.77) {
      CHECK(g.value(c, f.value(c, s)) == doctest::Approx(s).epsilon(1e-12));
      CHECK(f.value(c, g.value(c, s)) == doctest::Approx(s).epsilon(1e-12));
    }
  const NonuniformLinearSpline<double> flat(Array<double>(t.shape()), t);
  CHECK(throws_with<ArgumentError>([&] { flat.inverse(); }, "positive"));
}

TEST_CASE("project_slopes_vjp against differences, and a slope at its bound is free") {
  for (const SlopeBounds& bounds : every) {
    const Array<double> t = random_knots(2, 10, bounds.odd);
    const Array<double> f = random_array(t.shape(), "f"), g = random_array(t.shape(), "g");
    const auto value = [&](const Array<double>& a) { return dot(g, project_slopes(a, t, bounds)); };
    CHECK(gradient_error(value, f, project_slopes_vjp(f, t, bounds, g)) < 1e-8);
  }
  const Array<double> zeros(Shape{1, 5}), t = uniform_knots(1, 5, -1, 1);
  const Array<double> g = random_array(zeros.shape(), "g");
  CHECK(norm(project_slopes_vjp(zeros, t, SlopeBounds::monotone(), g)) > 0.1);
}

TEST_CASE("project_slopes on equidistant knots is clip_slopes") {
  const Array<double> f = random_array({3, 21}, "f", 0.4), t = uniform_knots(3, 21, -1, 1);
  CHECK(largest_difference(project_slopes(f, t, SlopeBounds::lipschitz()),
                           clip_slopes(f, 0.1, -1, 1)) < 1e-13);
}

TEST_CASE("add_tv2_gradient: the variation of the evaluated slopes, and its gradient") {
  const Array<double> t = random_knots(2, 9, false), f = random_array(t.shape(), "f");
  const NonuniformLinearSpline<double> spline(f, t);
  double jumps = 0;
  for (Index c = 0; c < 2; ++c)
    for (Index k = 1; k + 1 < 9; ++k) {
      const double knot = t[c * 9 + k];
      jumps += std::abs(spline.slope(c, knot + 1e-9) - spline.slope(c, knot - 1e-9));
    }
  Array<double> gradient(t.shape());
  CHECK(add_tv2_gradient(f, t, 0.5, gradient) == doctest::Approx(jumps).epsilon(1e-12));
  CHECK(spline.tv2() == doctest::Approx(jumps).epsilon(1e-12));
  const auto value = [&](const Array<double>& a) {
    Array<double> unused(t.shape());
    return 0.5 * add_tv2_gradient(a, t, 0, unused);
  };
  CHECK(gradient_error(value, f, gradient) < 1e-8);
  // Affine functions have none, and change nothing.
  Array<double> tilted = f;
  for (Index i = 0; i < f.size(); ++i) tilted[i] += 3 - 2 * t[i];
  Array<double> unused(t.shape());
  CHECK(add_tv2_gradient(tilted, t, 1, unused) == doctest::Approx(jumps).epsilon(1e-12));
}

TEST_CASE("slope bounds and projections refuse what cannot be") {
  CHECK(throws_with<ArgumentError>([] { SlopeBounds::invertible(0, 1); }, "impossible set"));
  CHECK(throws_with<ArgumentError>([] { SlopeBounds::averaged(1.5); }, "averaged"));
  const Array<double> f(Shape{1, 4});
  Array<double> t = uniform_knots(1, 4, 0, 3);
  CHECK(throws_with<ArgumentError>(
      [&] { project_slopes(f, t, SlopeBounds::lipschitz().made_odd()); }, "symmetric about 0"));
  CHECK(throws_with<ArgumentError>([&] { project_slopes(f, t, {1, -1, false}); }, "min <= max"));
  t[2] = t[1];
  CHECK(throws_with<ArgumentError>([&] { project_slopes(f, t, {}); }, "knots must increase"));
}
