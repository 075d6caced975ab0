#include <fejer/models/training/projections.hpp>

#include <functional>

#include <doctest/doctest.h>
#include <fejer/check.hpp>
#include <fejer/models/linear_spline.hpp>
#include <fejer/models/multi_convolution.hpp>
#include <fejer/vector.hpp>

#include "small_models.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

constexpr double step = 0.1, s_min = -0.7, s_max = 1;

using Projection = std::function<Array<double>(const Array<double>&)>;
using Vjp = std::function<Array<double>(const Array<double>&, const Array<double>&)>;

struct Case {
  const char* name;
  Projection project;
  Vjp vjp;
};

std::vector<Case> cases() {
  return {{"clip_slopes", [](const auto& f) { return clip_slopes(f, step, s_min, s_max); },
           [](const auto& f, const auto& q) { return clip_slopes_vjp(f, step, s_min, s_max, q); }},
          {"project_monotone", [](const auto& f) { return project_monotone(f); },
           [](const auto& f, const auto& q) { return project_monotone_vjp(f, q); }},
          {"project_antisymmetric",
           [](const auto& f) { return project_antisymmetric(f, step, s_min, s_max); },
           [](const auto& f, const auto& q) {
             return project_antisymmetric_vjp(f, step, s_min, s_max, q);
           }},
          {"remove_means", [](const auto& f) { return remove_means(f); },
           [](const auto&, const auto& q) { return remove_means(q); }}};
}

double tv2(const Array<double>& f) {
  Array<double> g(f.shape());
  return add_tv2(f, step, 1, g);
}

void assign(const Array<double>& from, View<double> to) {
  std::copy(from.begin(), from.end(), to.begin());
}

}  // namespace

TEST_CASE("projections: VJPs against central differences") {
  const Shape shape{3, 11};
  const Array<double> f = random_array(shape, "f", 0.1);
  for (const Case& c : cases()) {
    CAPTURE(c.name);
    const double error = vjp_error(
        [&](ConstView<double> x, View<double> y) { assign(c.project(Array<double>(x)), y); },
        [&](ConstView<double> x, ConstView<double> q, View<double> xbar) {
          assign(c.vjp(Array<double>(x), Array<double>(q)), xbar);
        },
        f, shape);
    CHECK(error < 1e-8);
  }
}

TEST_CASE("projections: idempotent, within their slopes, with no more TV(2)") {
  for (int trial = 0; trial < 20; ++trial) {
    const Array<double> f = random_array({2, 11}, std::to_string(trial), 0.1);
    for (const Case& c : cases()) {
      CAPTURE(c.name);
      const Array<double> p = c.project(f);
      CHECK(largest_difference(c.project(p), p) < 1e-15);
      if (std::string(c.name) == "clip_slopes") {
        CHECK(tv2(p) <= tv2(f) * (1 + 1e-12));
        const LinearSpline<double> spline(p, -0.5, 0.5);
        CHECK(spline.min_slope() >= s_min - 1e-12);
        CHECK(spline.max_slope() <= s_max + 1e-12);
        for (Index row = 0; row < 2; ++row) {
          double before = 0, after = 0;
          for (Index k = 0; k < 11; ++k) before += f[row * 11 + k], after += p[row * 11 + k];
          CHECK(after == doctest::Approx(before).epsilon(1e-13));
        }
        // What is within the slopes already stays.
        Array<double> tame = f;
        for (double& v : tame) v *= 0.05;
        CHECK(largest_difference(clip_slopes(tame, step, s_min, s_max), tame) < 1e-16);
      }
      if (std::string(c.name) == "project_antisymmetric") {
        for (Index k = 0; k < 11; ++k) CHECK(p[k] == -p[10 - k]);
        const LinearSpline<double> odd(p, -0.5, 0.5, Extrapolation::constant);
        CHECK(odd.potential(0, 0) == 0);
        for (const double t : {0.13, 0.41, 0.9}) {
          CHECK(odd.potential(0, t) == doctest::Approx(odd.potential(0, -t)).epsilon(1e-12));
          const double h = 1e-6;
          CHECK((odd.potential(0, t + h) - odd.potential(0, t - h)) / (2 * h) ==
                doctest::Approx(odd.value(0, t)).epsilon(1e-8).scale(0.1));
        }
      }
    }
  }
}

TEST_CASE("a monotone spline that starts at 0 can move, one at its upper bound can come back") {
  Array<double> zero(Shape{1, 5}), q(Shape{1, 5});
  for (Index k = 0; k < 5; ++k) q[k] = static_cast<double>(k * k);
  // Only the inner slopes count: a_2 - a_1 moves knots 0, 1 (relative to knot 2), a_3 - a_2 the
  // others.
  const Array<double> g = project_monotone_vjp(zero, q);
  CHECK(g[0] == 0);
  CHECK(g[1] == 1);
  CHECK(g[2] == -1 - 25);
  CHECK(g[3] == 25);
  CHECK(g[4] == 0);
  CHECK(norm(project_antisymmetric_vjp(zero, step, 0, 1, q)) > 0);
  // The identity has slopes of exactly 1 but for rounding.
  Array<double> identity(Shape{1, 101}), ones(identity.shape());
  for (Index k = 0; k < 101; ++k)
    identity[k] = 0.1 * (2 * static_cast<double>(k) / 100 - 1), ones[k] = k > 50 ? 1 : -1;
  const Array<double> moved = project_antisymmetric_vjp(identity, 0.002, 0, 1, ones);
  double passed = 0;
  for (Index k = 0; k < 101; ++k) passed += moved[k] * identity[k];
  // <q, P(identity)> once more, since P is linear there; the ends are flat.
  const Array<double> p = project_antisymmetric(identity, 0.002, 0, 1);
  CHECK(passed == doctest::Approx(dot(ones, p)).epsilon(1e-12));
}

TEST_CASE("TV(2) penalty: the exact seminorm and its subgradient") {
  const Array<double> f = random_array({2, 9}, "f");
  Array<double> g(f.shape());
  const double value = add_tv2(f, step, 3, g);
  CHECK(value == doctest::Approx(3 * LinearSpline<double>(f, -0.4, 0.4).tv2()).epsilon(1e-12));
  CHECK(dot(g, f) == doctest::Approx(value));  // homogeneous
  const Array<double> d = random_array(f.shape(), "d");
  Array<double> up = f, down = f, unused(f.shape());
  axpy<double>(1e-6, d, up);
  axpy<double>(-1e-6, d, down);
  CHECK((add_tv2(up, step, 3, unused) - add_tv2(down, step, 3, unused)) / 2e-6 ==
        doctest::Approx(dot(g, d)).epsilon(1e-7));
  // An affine function costs nothing.
  Array<double> line(Shape{1, 9}), none(line.shape());
  for (Index k = 0; k < 9; ++k) line[k] = static_cast<double>(k);
  CHECK(add_tv2(line, step, 1, none) == 0);
  CHECK(norm(none) == 0);
}

TEST_CASE("VJPs of projections name misshapen arguments") {
  const Array<double> f(Shape{1, 5}), q(Shape{1, 4});
  CHECK(throws_with<ShapeError>([&] { project_monotone_vjp(f, q); }, "got (1,4), expected (1,5)"));
  CHECK(throws_with<ShapeError>([&] { clip_slopes_vjp(Array<double>(Shape{5}), 1, 0, 1, f); },
                                "expected (channels, knots)"));
}
