#include <fejer/operators/box.hpp>

#include <cmath>

#include <doctest/doctest.h>
#include <fejer/check.hpp>
#include <fejer/operators/zero_function.hpp>
#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

using namespace fejer;

TEST_CASE_TEMPLATE("by hand: the prox projects, the value is an indicator", T, float, double) {
  Array<T> v(Shape{1, 3}), out(Shape{1, 3});
  v[0] = -1, v[1] = T(0.5), v[2] = 3;
  const Box<T> box(0, 1);
  box.prox(v, 0.1, out);
  CHECK(out[0] == 0);
  CHECK(out[1] == T(0.5));
  CHECK(out[2] == 1);
  CHECK(box.value(out) == 0);
  CHECK(std::isinf(box.value(v)));
  non_negativity<T>().prox(v, 5, out);
  CHECK(out[0] == 0);
  CHECK(out[2] == 3);
  CHECK(non_negativity<T>().value(out) == 0);
}

TEST_CASE("the projection is a minimiser") {
  Array<double> v(Shape{40});
  fill_normal<double>(v, Rng(1).stream("v"));
  CHECK(prox_violation<double>(Box<double>(-0.5, 0.25), v, 2) < 1e-14);
  CHECK(prox_violation<double>(non_negativity<double>(), v, 2) < 1e-14);
}

TEST_CASE("not-a-number stays, and is not inside") {
  Array<double> v(Shape{1}, std::nan("")), out(Shape{1});
  const Box<double> box(0, 1);
  box.prox(v, 1, out);
  CHECK(std::isnan(out[0]));
  CHECK(std::isinf(box.value(v)));
}

TEST_CASE("bounds in the wrong order are refused") {
  CHECK_THROWS_WITH_AS(Box<double>(1, 0),
                       "Box: got the bounds 1.000000 and 0.000000, expected lower <= upper",
                       ArgumentError);
  CHECK_THROWS_AS(Box<float>(std::nanf(""), 1), ArgumentError);
  Array<double> v(Shape{2}), out(Shape{3});
  CHECK_THROWS_AS(Box<double>(0, 1).prox(v, 1, out), ShapeError);
}

TEST_CASE_TEMPLATE("the zero function's prox is the identity", X, float, std::complex<double>) {
  Array<X> v(Shape{7}), out(Shape{7});
  fill_normal<X>(v, Rng(1).stream("v"));
  const ProxFunction<X> zero = ZeroFunction<X>{};
  zero.prox(v, 3, out);
  CHECK(distance(v, out) == 0);
  CHECK(zero.value(v) == 0);
}
