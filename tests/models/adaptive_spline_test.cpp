#include <fejer/models/adaptive_spline.hpp>

#include <doctest/doctest.h>
#include <algorithm>
#include <vector>

#include "small_models.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

using Vector = std::vector<double>;

/// A noisy sine at random abscissae.
void sine(std::size_t n, double noise, Vector& t, Vector& y) {
  const RandomStream where = Rng(3).stream("where"), e = Rng(3).stream("noise");
  for (std::size_t i = 0; i < n; ++i) {
    t.push_back(4 * where.uniform(i) - 1);
    y.push_back(std::sin(3 * t[i]) + noise * e.normal(i));
  }
}

/// Total variation of the slope of the polyline through the data.
double polyline_tv2(Vector t, Vector y) {
  std::vector<std::size_t> order(t.size());
  for (std::size_t i = 0; i < t.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](auto i, auto j) { return t[i] < t[j]; });
  double sum = 0, before = 0;
  for (std::size_t i = 1; i < t.size(); ++i) {
    const double slope = (y[order[i]] - y[order[i - 1]]) / (t[order[i]] - t[order[i - 1]]);
    if (i > 1) sum += std::abs(slope - before);
    before = slope;
  }
  return sum;
}

}  // namespace

TEST_CASE("adaptive splines by hand: three points") {
  // v = (e, 1 - 2e, e): slopes 1 - 3e and -(1 - 3e). 3 e^2 + 2 lambda (1 - 3e) is least at e =
  // lambda.
  const double lambda = 0.1;
  const AdaptiveSplineFit fit = fit_adaptive_spline({-1, 0, 1}, {0, 1, 0}, lambda);
  CHECK(fit.converged);
  REQUIRE(fit.spline.knots.size() == 1);
  CHECK(fit.spline.knots[0] == 0);
  CHECK(fit.spline.value(-1) == doctest::Approx(lambda));
  CHECK(fit.spline.value(0) == doctest::Approx(1 - 2 * lambda));
  CHECK(fit.objective == doctest::Approx(3 * lambda * lambda + 2 * lambda * (1 - 3 * lambda)));
  CHECK(std::abs(fit.gap) < 1e-10);
}

TEST_CASE("adaptive splines: optimal to the duality gap, few knots, within the bounds") {
  Vector t, y;
  sine(300, 0.1, t, y);
  for (const double lambda : {1e-3, 0.03, 0.5})
    for (const SlopeBounds& bounds :
         {SlopeBounds{}, SlopeBounds::lipschitz(), SlopeBounds::monotone(),
          SlopeBounds::weakly_convex(0.5, 1), SlopeBounds::lipschitz(2)}) {
      const AdaptiveSplineFit fit = fit_adaptive_spline(t, y, lambda, bounds);
      INFO("lambda ", lambda, ", slopes [", bounds.min, ", ", bounds.max, "], iterations ",
           fit.iterations, ", knots ", fit.spline.knots.size());
      CHECK(fit.converged);
      CHECK(fit.gap < 1.1e-8 * fit.objective);
      CHECK(fit.gap > -1e-9);
      CHECK(fit.spline.knots.size() <= t.size() - 2);
      CHECK(fit.spline.knots.size() < 100);
      CHECK(fit.spline.min_slope() >= bounds.min - 1e-10);
      CHECK(fit.spline.max_slope() <= bounds.max + 1e-10);
      for (const double a : fit.spline.changes) CHECK(std::abs(a) > 1e-12);
    }
}

TEST_CASE(
    "adaptive splines: no other function is better, by the conditions of the lasso on a grid") {
  // s = line + sum a_k (t - tau_k)_+ minimises over all a_k on a grid if and only if, with the
  // residuals r, sum r = sum r t = 0, |sum r (t - tau)_+| <= lambda at every tau, and
  // = -lambda sign(a_k) where a_k is not 0.
  Vector t, y;
  sine(40, 0.2, t, y);
  for (const double lambda : {0.005, 0.05, 0.5}) {
    const AdaptiveSplineFit fit = fit_adaptive_spline(t, y, lambda);
    double objective = lambda * fit.spline.tv2(), mean = 0, moment = 0;
    Vector r;
    for (std::size_t i = 0; i < t.size(); ++i) {
      r.push_back(fit.spline.value(t[i]) - y[i]);
      objective += r[i] * r[i] / 2;
      mean += r[i];
      moment += r[i] * t[i];
    }
    CHECK(objective == doctest::Approx(fit.objective));
    CHECK(std::abs(mean) < 1e-7 * lambda);
    CHECK(std::abs(moment) < 1e-7 * lambda);
    const auto pull = [&](double tau) {
      double sum = 0;
      for (std::size_t i = 0; i < t.size(); ++i) sum += r[i] * std::max(t[i] - tau, 0.0);
      return sum;
    };
    for (int k = 0; k <= 200; ++k) CHECK(std::abs(pull(-1 + 0.02 * k)) <= lambda * (1 + 1e-6));
    REQUIRE(!fit.spline.knots.empty());
    for (std::size_t k = 0; k < fit.spline.knots.size(); ++k)
      CHECK(pull(fit.spline.knots[k]) ==
            doctest::Approx(-std::copysign(lambda, fit.spline.changes[k])).epsilon(1e-6));
    CHECK(fit.spline.knots.size() <= t.size() - 2);
  }
}

TEST_CASE("adaptive splines: with slopes of at least 0, isotonic regression as lambda -> 0") {
  Vector t, y;
  sine(60, 0.3, t, y);
  std::vector<std::size_t> order(t.size());
  for (std::size_t i = 0; i < t.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](auto i, auto j) { return t[i] < t[j]; });
  // Pool adjacent violators: blocks of (mean, size).
  std::vector<std::pair<double, double>> blocks;
  for (const std::size_t i : order) {
    blocks.emplace_back(y[i], 1);
    while (blocks.size() > 1 && blocks[blocks.size() - 2].first >= blocks.back().first) {
      const auto [mean, size] = blocks.back();
      blocks.pop_back();
      auto& [before, count] = blocks.back();
      before = (before * count + mean * size) / (count + size);
      count += size;
    }
  }
  CHECK(blocks.size() < t.size() / 2);
  const AdaptiveSplineFit fit = fit_adaptive_spline(t, y, 1e-9, SlopeBounds::monotone());
  CHECK(fit.converged);
  std::size_t at = 0;
  for (const auto& [mean, size] : blocks)
    for (int k = 0; k < static_cast<int>(size); ++k, ++at)
      CHECK(fit.spline.value(t[order[at]]) == doctest::Approx(mean).epsilon(1e-5).scale(1));
}

TEST_CASE("adaptive splines: the limits of lambda") {
  Vector t, y;
  sine(30, 0.1, t, y);
  // lambda -> 0: through the data, with the variation of the polyline.
  const AdaptiveSplineFit tight = fit_adaptive_spline(t, y, 1e-9);
  CHECK(tight.converged);
  CHECK(tight.spline.tv2() == doctest::Approx(polyline_tv2(t, y)).epsilon(1e-4));
  for (std::size_t i = 0; i < t.size(); ++i)
    CHECK(tight.spline.value(t[i]) == doctest::Approx(y[i]).epsilon(1e-3));
  CHECK(tight.spline.knots.size() <= t.size() - 2);
  // lambda -> inf: the least squares line.
  const AdaptiveSplineFit line = fit_adaptive_spline(t, y, 1e6);
  CHECK(line.converged);
  CHECK(line.spline.knots.empty());
  double mt = 0, my = 0, tt = 0, ty = 0;
  for (std::size_t i = 0; i < 30; ++i) mt += t[i] / 30, my += y[i] / 30;
  for (std::size_t i = 0; i < 30; ++i)
    tt += (t[i] - mt) * (t[i] - mt), ty += (t[i] - mt) * (y[i] - my);
  CHECK(line.spline.slope == doctest::Approx(ty / tt));
  // Slopes that the bounds do not allow are fitted as well as these do.
  Vector steep;
  for (const double v : t) steep.push_back(3 * v);
  const AdaptiveSplineFit bounded = fit_adaptive_spline(t, steep, 1e-3, SlopeBounds::lipschitz());
  CHECK(bounded.converged);
  CHECK(bounded.spline.slope == doctest::Approx(1));
  CHECK(bounded.spline.knots.empty());
}

TEST_CASE("adaptive splines: neighbouring knots of one sign become one, the optimum stays") {
  // Convex data, interpolated: every inner point is a knot of the polyline, half are enough.
  Vector t, y;
  for (int i = 0; i < 21; ++i) {
    t.push_back(0.1 * i);
    y.push_back(t.back() * t.back());
  }
  const AdaptiveSplineFit fit = fit_adaptive_spline(t, y, 1e-7);
  CHECK(fit.converged);
  CHECK(fit.spline.knots.size() == 10);
  CHECK(fit.gap < 1e-9);
  for (std::size_t i = 0; i < t.size(); ++i)
    CHECK(fit.spline.value(t[i]) == doctest::Approx(y[i]).epsilon(1e-3).scale(1));
  // A strictly increasing slope, from that of the first piece to that of the last.
  CHECK(fit.spline.tv2() == doctest::Approx(3.9 - 0.1).epsilon(1e-4));
}

TEST_CASE("adaptive splines: weights count as repetitions, order does not matter") {
  Vector t, y, weights, t2, y2;
  sine(25, 0.2, t, y);
  for (std::size_t i = 0; i < t.size(); ++i) {
    weights.push_back(1 + static_cast<double>(i % 3));
    for (double k = 0; k < weights[i]; ++k) {
      t2.insert(t2.begin(), t[i]);
      y2.insert(y2.begin(), y[i] + (k - (weights[i] - 1) / 2));
    }
  }
  const AdaptiveSplineFit one = fit_adaptive_spline(t, y, 0.1, {}, weights);
  const AdaptiveSplineFit many = fit_adaptive_spline(t2, y2, 0.1);
  CHECK(one.converged);
  CHECK(many.converged);
  CHECK(many.gap < 1e-8);
  for (double s = -1; s < 3; s += 0.1)
    CHECK(one.spline.value(s) == doctest::Approx(many.spline.value(s)).epsilon(1e-6));
}

TEST_CASE("adaptive splines: one and two points, bad input") {
  CHECK(fit_adaptive_spline({2}, {5}, 1).spline.value(7) == 5);
  const AdaptiveSplineFit two = fit_adaptive_spline({0, 1}, {0, 3}, 0.1, SlopeBounds::lipschitz());
  CHECK(two.converged);
  CHECK(two.spline.value(0) == doctest::Approx(1));
  CHECK(two.spline.slope == doctest::Approx(1));
  CHECK(throws_with<ArgumentError>([] { fit_adaptive_spline({0, 1}, {0}, 1); }, "2 abscissae"));
  CHECK(throws_with<ArgumentError>([] { fit_adaptive_spline({0}, {0}, 0); }, "lambda"));
  CHECK(throws_with<ArgumentError>([] { fit_adaptive_spline({std::nan("")}, {0}, 1); }, "finite"));
  CHECK(throws_with<ArgumentError>(
      [] {
        fit_adaptive_spline({0}, {0}, 1, {1, 1, false});
      },
      "room"));
}
