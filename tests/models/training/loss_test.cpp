#include <doctest/doctest.h>

#include <cmath>

#include <fejer/error.hpp>
#include <fejer/metrics.hpp>
#include <fejer/models/training/loss.hpp>
#include <fejer/rng.hpp>

using namespace fejer;

TEST_CASE("losses of a hand-made image") {
  Array<double> x(Shape{1, 1, 3}), y(Shape{1, 1, 3}), g(Shape{1, 1, 3});
  x[0] = 0.5, x[1] = 0.2, x[2] = 0.3;
  y[0] = 0.1, y[1] = 0.2, y[2] = 0.35;
  const auto value = [&](const Loss& loss) {
    for (double& v : g) v = 7;  // overwritten
    return loss(ConstView<double>(x), ConstView<double>(y), View<double>(g));
  };
  CHECK(value({.kind = LossKind::l1, .reference_pixels = 0}) == doctest::Approx(0.45));
  CHECK(g[0] == 1);
  CHECK(g[1] == 0);
  CHECK(g[2] == -1);
  CHECK(value({.kind = LossKind::l1, .reference_pixels = 6}) == doctest::Approx(0.9));
  CHECK(g[2] == -2);
  CHECK(value({.kind = LossKind::l2, .reference_pixels = 0}) ==
        doctest::Approx((0.16 + 0.0025) / 2));
  CHECK(g[2] == doctest::Approx(-0.05));
  CHECK(value({.kind = LossKind::huber, .delta = 0.1, .reference_pixels = 0}) ==
        doctest::Approx(0.4 - 0.05 + 0.0025 / 0.2));
  CHECK(g[0] == 1);
  CHECK(g[2] == doctest::Approx(-0.5));
  CHECK_THROWS_AS((Loss{.delta = 0}.require_valid()), ArgumentError);
  CHECK_THROWS_AS((Loss{.reference_pixels = -1}.require_valid()), ArgumentError);
}

TEST_CASE("gradients of losses agree with central differences") {
  const Shape shape{1, 14, 13};
  Array<double> x(shape), y(shape), g(shape), unused(shape);
  fill_uniform<double>(x, Rng(1).stream("x"));
  fill_uniform<double>(y, Rng(1).stream("y"));
  for (const std::string& name : loss_names()) {
    const Loss loss{.kind = loss_from(name), .delta = 0.2};
    const auto value = [&](View<double> gradient) {
      return loss(ConstView<double>(x), ConstView<double>(y), gradient);
    };
    const double at = value(g);
    if (name == "ssim") CHECK(at == doctest::Approx(1 - ssim(x, y, 1)).epsilon(1e-14));
    for (Index i = 0; i < x.size(); i += 11) {
      const double before = x[i], h = 1e-6;
      x[i] = before + h;
      const double up = value(unused);
      x[i] = before - h;
      const double down = value(unused);
      x[i] = before;
      CHECK_MESSAGE(g[i] == doctest::Approx((up - down) / (2 * h)).epsilon(1e-6).scale(1e-3), name);
    }
  }
}
