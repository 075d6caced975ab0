#include <fejer/operators/l1_norm.hpp>

#include <cmath>

#include <doctest/doctest.h>
#include <fejer/check.hpp>
#include <fejer/parallel.hpp>
#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

using namespace fejer;
using Cd = std::complex<double>;

TEST_CASE("by hand: real and complex") {
  const L1Norm<double> g(2);
  Array<double> v(Shape{4}), out(Shape{4});
  v[0] = 3, v[1] = -0.5, v[2] = -4, v[3] = 1;
  g.prox(v, 0.5, out);
  CHECK(out[0] == 2);
  CHECK(out[1] == 0);
  CHECK(out[2] == -3);
  CHECK(out[3] == 0);
  CHECK(g.value(v) == 17);

  Array<Cd> z(Shape{2}), z_out(Shape{2});
  z[0] = {3, 4}, z[1] = {0.6, -0.8};
  L1Norm<Cd>(1).prox(z, 1, z_out);
  CHECK(std::abs(z_out[0] - Cd(2.4, 3.2)) < 1e-15);
  CHECK(std::abs(z_out[1]) < 1e-15);
  CHECK(L1Norm<Cd>(1).value(z) == doctest::Approx(6).epsilon(1e-15));
}

TEST_CASE_TEMPLATE("the prox is a minimiser and has the same bits for any number of threads", X,
                   double, Cd) {
  Array<X> v(Shape{2, 3, 5});
  fill_normal<X>(v, Rng(1).stream("v"));
  for (const double gamma : {0.01, 0.7, 4.0})
    CHECK(prox_violation<X>(L1Norm<X>(0.8), v, gamma) < 1e-13);

  Array<X> large(Shape{300, 301}), one(large.shape()), four(large.shape());
  fill_normal<X>(large, Rng(2).stream("v"));
  const L1Norm<X> g(0.3);
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
}

TEST_CASE("lambda 0 is the identity; not-a-number stays") {
  Array<double> v(Shape{2}, -0.3), out(Shape{2});
  L1Norm<double>(0).prox(v, 1, out);
  CHECK(distance(v, out) == 0);
  v[1] = std::nan("");
  L1Norm<double>(1).prox(v, 1, out);
  CHECK(out[0] == 0);
  CHECK(std::isnan(out[1]));
}

TEST_CASE("misuse is refused") {
  CHECK_THROWS_WITH_AS(L1Norm<double>(-1),
                       "L1Norm: got lambda = -1.000000, expected a finite number >= 0",
                       ArgumentError);
  CHECK_THROWS_AS(L1Norm<float>(std::nan("")), ArgumentError);
  Array<double> v(Shape{2}), out(Shape{3});
  CHECK_THROWS_AS(L1Norm<double>(1).prox(v, 1, out), ShapeError);
}
