#include <fejer/operators/weighted_l1_norm.hpp>

#include <cmath>

#include <doctest/doctest.h>
#include <fejer/check.hpp>
#include <fejer/operators/l1_norm.hpp>
#include <fejer/parallel.hpp>
#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

using namespace fejer;
using Cd = std::complex<double>;

TEST_CASE("by hand") {
  Array<double> w(Shape{4}), v(Shape{4}), out(Shape{4});
  w[0] = 2, w[1] = 0, w[2] = 10, w[3] = 0.5;
  v[0] = 3, v[1] = -0.5, v[2] = -4, v[3] = -1;
  const WeightedL1Norm<double> g(w);
  g.prox(v, 0.5, out);
  CHECK(out[0] == 2);
  CHECK(out[1] == -0.5);
  CHECK(out[2] == 0);
  CHECK(out[3] == -0.75);
  CHECK(g.value(v) == 46.5);
}

TEST_CASE_TEMPLATE("a minimiser, equal weights are the l1 norm, same bits for any threads", X,
                   double, Cd) {
  Array<X> v(Shape{2, 3, 5});
  fill_normal<X>(v, Rng(1).stream("v"));
  Array<Real<X>> w(v.shape());
  for (Index i = 0; i < w.size(); ++i) w[i] = 0.1 * static_cast<Real<X>>(i % 7);
  for (const double gamma : {0.01, 0.7, 4.0})
    CHECK(prox_violation<X>(WeightedL1Norm<X>(w), v, gamma) < 1e-13);

  Array<X> large(Shape{300, 301}), one(large.shape()), four(large.shape());
  fill_normal<X>(large, Rng(2).stream("v"));
  const WeightedL1Norm<X> g(Array<Real<X>>(large.shape(), 0.5));
  double value = 0;
  {
    const ScopedThreads scope(1);
    g.prox(large, 1, one);
    value = g.value(large);
  }
  const ScopedThreads scope(4);
  g.prox(large, 1, four);
  CHECK(distance(one, four) == 0);
  CHECK(g.value(large) == value);
  L1Norm<X>(0.5).prox(large, 1, four);
  CHECK(distance(one, four) == 0);
}

TEST_CASE("misuse is refused") {
  CHECK_THROWS_WITH_AS(WeightedL1Norm<double>(Array<double>(Shape{2}, -1.0)),
                       "WeightedL1Norm: got a weight -1.000000, expected finite numbers >= 0",
                       ArgumentError);
  CHECK_THROWS_AS(WeightedL1Norm<float>(Array<float>(Shape{1}, std::nanf(""))), ArgumentError);
  Array<double> v(Shape{3}), out(Shape{3});
  const WeightedL1Norm<double> g(Array<double>(Shape{2}, 1.0));
  CHECK_THROWS_AS(g.prox(v, 1, out), ShapeError);
  CHECK_THROWS_AS(g.value(v), ShapeError);
}
