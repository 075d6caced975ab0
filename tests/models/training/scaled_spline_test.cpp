#include <fejer/models/training/scaled_spline.hpp>

#include <doctest/doctest.h>
#include <fejer/vector.hpp>

#include "../small_models.hpp"
#include "differences.hpp"

using namespace fejer;
using namespace fejer_test;

TEST_CASE("scaled splines: value, and gradients for input, coefficients and scales") {
  const Array<double> a = random_array({3, 8}, "a"), x = random_array({3, 40}, "x");
  const Array<double> g = random_array(x.shape(), "g");
  Array<double> alpha(Shape{3});
  alpha[0] = 0.7, alpha[1] = 2.5, alpha[2] = -1.2;
  const auto value = [&](const Array<double>& at, const Array<double>& c, const Array<double>& s) {
    Array<double> y(x.shape());
    scaled_values<double>(LinearSpline<double>(c, -1, 1), s, at, y);
    return dot(g, y);
  };
  const LinearSpline<double> f(a, -1, 1);
  Array<double> y(x.shape()), gx(x.shape()), ga(a.shape()), gs(alpha.shape());
  scaled_values<double>(f, alpha, x, y);
  CHECK(y[45] == doctest::Approx(f.value(1, 2.5 * x[45]) / 2.5));
  scaled_vjp<double>(f, alpha, x, g, gx, ga, gs);
  CHECK(gradient_error([&](const auto& v) { return value(v, a, alpha); }, x, gx) < 1e-7);
  CHECK(gradient_error([&](const auto& v) { return value(x, v, alpha); }, a, ga) < 1e-7);
  CHECK(gradient_error([&](const auto& v) { return value(x, a, v); }, alpha, gs) < 1e-7);
  alpha[1] = 0;
  CHECK(throws_with<ArgumentError>([&] { scaled_values<double>(f, alpha, x, y); }, "scale is 0"));
}
