#include <fejer/models/relu_spline.hpp>

#include <doctest/doctest.h>
#include <fejer/models/slope_bounds.hpp>

#include "small_models.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

Array<double> cumulative(const Shape& shape) {
  Array<double> t = random_array(shape, "t");
  for (double& v : t) v = std::abs(v) + 0.01;
  for (Index i = 1; i < t.size(); ++i) t[i] += t[i - 1];
  return t;
}

}  // namespace

TEST_CASE("ReLU form and back: the same function, the same values at the knots") {
  for (const Extrapolation tails : {Extrapolation::linear, Extrapolation::constant}) {
    const Array<double> t = cumulative({1, 40}), a = random_array(t.shape(), "a");
    const NonuniformLinearSpline<double> f(a, t, tails);
    const ReluSpline r = to_relu(f);
    CHECK(r.knots.size() == (tails == Extrapolation::linear ? 38u : 40u));
    CHECK(r.tv2() == doctest::Approx(f.tv2()));
    CHECK(r.min_slope() == doctest::Approx(f.min_slope()));
    CHECK(r.max_slope() == doctest::Approx(f.max_slope()));
    for (double s = t[0] - 2; s < t[39] + 2; s += 0.173)
      CHECK(r.value(s) == doctest::Approx(f.value(0, s)).epsilon(1e-12).scale(1));
    const std::vector<double> back = values_at(r, {t.begin(), t.end()});
    for (Index k = 0; k < 40; ++k)
      CHECK(back[static_cast<std::size_t>(k)] == doctest::Approx(a[k]).epsilon(1e-12).scale(1));
    const NonuniformLinearSpline<double> again = to_spline(r);
    for (double s = t[0] - 2; s < t[39] + 2; s += 0.173)
      CHECK(again.value(0, s) == doctest::Approx(f.value(0, s)).epsilon(1e-12).scale(1));
  }
  const Array<double> a = random_array({2, 11}, "a");
  const LinearSpline<double> uniform(a, -1, 1);
  const ReluSpline r = to_relu(uniform, 1);
  for (double s = -2; s < 2; s += 0.07)
    CHECK(r.value(s) == doctest::Approx(uniform.value(1, s)).epsilon(1e-12).scale(1));
}

TEST_CASE("values_at refuses knots that leave one of the spline's out") {
  const ReluSpline f{0, 0, 1, {0.5, 1.5}, {1, 1}};
  CHECK(throws_with<ArgumentError>([&] { values_at(f, {0, 1, 2}); }, "0.5"));
  CHECK(throws_with<ArgumentError>([&] { values_at(f, {1, 1.5, 2}); }, "0.5"));
  CHECK(throws_with<ArgumentError>([&] { values_at(f, {0, 0.5, 1}); }, "1.5"));
  CHECK(values_at(f, {0, 0.5, 1.5, 2}).back() == doctest::Approx(0.5 + 2 + 1.5));
}

TEST_CASE("thresholding by the recursion keeps exactly the surviving slope changes") {
  const Array<double> t = cumulative({1, 300}), a = random_array(t.shape(), "a", 0.1);
  const ReluSpline f = to_relu(NonuniformLinearSpline<double>(a, t));
  const ReluSpline g = thresholded(f, 0.5);
  CHECK(g.knots.size() < f.knots.size() - 5);
  // Through values at all knots and back: nothing else appears.
  const std::vector<double> values = values_at(g, {t.begin(), t.end()});
  const ReluSpline back = to_relu(NonuniformLinearSpline<double>(
      Array<double>(ConstView<double>(values.data(), t.shape())), t));
  std::size_t next = 0;
  for (std::size_t k = 0; k < back.knots.size(); ++k) {
    const bool kept = next < g.knots.size() && g.knots[next] == back.knots[k];
    // Rounding of values, divided by the spacings beside the knot.
    const Index at = static_cast<Index>(k) + 1;
    const double spacing = std::min(t[at] - t[at - 1], t[at + 1] - t[at]);
    CHECK(std::abs(back.changes[k] - (kept ? g.changes[next] : 0)) < 1e-12 / spacing);
    next += kept ? 1 : 0;
  }
  CHECK(next == g.knots.size());
}

TEST_CASE("sparsified splines stay within every bound of slopes and variation") {
  for (const double threshold : {0.0, 0.05, 0.5, 1.0, 10.0})
    for (const SlopeBounds& bounds : {SlopeBounds::lipschitz(), SlopeBounds::firmly_nonexpansive(),
                                      SlopeBounds::invertible(0.5, 2)}) {
      const Array<double> t = cumulative({1, 60});
      const Array<double> a = project_slopes(random_array(t.shape(), "a", 0.7), t, bounds);
      const ReluSpline f = to_relu(NonuniformLinearSpline<double>(a, t));
      const ReluSpline g = sparsified(f, threshold);
      CHECK(g.knots.size() == thresholded(f, threshold).knots.size());
      CHECK(g.min_slope() >= bounds.min - 1e-12);
      CHECK(g.max_slope() <= bounds.max + 1e-12);
      CHECK(g.tv2() <= f.tv2() + 1e-12);
      for (const double knot : g.knots)
        CHECK(g.value(knot) == doctest::Approx(f.value(knot)).epsilon(1e-10).scale(1));
      if (!g.knots.empty()) {
        CHECK(g.value(-100) == doctest::Approx(f.value(-100)).epsilon(0.1));
        CHECK(g.slope == f.slope);
      }
    }
}
