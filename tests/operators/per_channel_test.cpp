#include <fejer/operators/per_channel.hpp>

#include <doctest/doctest.h>
#include <fejer/operators/blur.hpp>
#include <fejer/operators/mask.hpp>
#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

using namespace fejer;

TEST_CASE("per channel: by hand") {
  const Shape plane{1, 2};
  const PerChannel<double> A(
      {Mask<double>(Array<double>(plane, 2.0)), Mask<double>(Array<double>(plane, -3.0))});
  CHECK(A.domain() == Shape{2, 1, 2});
  Array<double> x(A.domain()), y(A.range());
  for (Index i = 0; i < 4; ++i) x[i] = static_cast<double>(i + 1);
  A.apply(x, y);
  const double expected[] = {2, 4, -9, -12};
  for (Index i = 0; i < 4; ++i) CHECK(y[i] == expected[i]);
  CHECK(A.norm_interval().upper == 3);
  CHECK(A.norm_interval().lower == 3);
}

TEST_CASE("per channel: one kernel for all is the blur of all channels, A*A as well") {
  Array<double> kernel(Shape{3, 2});
  fill_normal<double>(kernel, Rng(1).stream("kernel"));
  const Shape image{3, 7, 5};
  const LinearOperator<double> one = Blur<double>(kernel, Shape{7, 5}, Boundary::reflect),
                               all = Blur<double>(kernel, image, Boundary::reflect),
                               each = PerChannel<double>({one, one, one});
  Array<double> x(image), a(image), b(image);
  fill_normal<double>(x, Rng(1).stream("x"));
  all.apply(x, a);
  each.apply(x, b);
  CHECK(distance(a, b) < 1e-13);
  all.normal(x, a);
  each.normal(x, b);
  CHECK(distance(a, b) < 1e-13);
}

TEST_CASE("per channel: misuse is refused") {
  CHECK_THROWS_WITH_AS(PerChannel<double>({}),
                       "PerChannel: got no operator, expected one for each channel", ArgumentError);
  CHECK_THROWS_AS(PerChannel<double>({Mask<double>(Array<double>(Shape{2, 2}, 1.0)),
                                      Mask<double>(Array<double>(Shape{2, 3}, 1.0))}),
                  ShapeError);
}
