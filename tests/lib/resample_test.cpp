#include <doctest/doctest.h>

#include <fejer/resample.hpp>

using namespace fejer;

namespace {
Array<float> ramp(const Shape& shape) {
  Array<float> x(shape);
  for (Index i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
  return x;
}
}  // namespace

TEST_CASE("crop takes the window of every channel") {
  const auto x = ramp({2, 3, 4});
  const auto y = crop(x, 1, 2, 2, 1);
  CHECK(y.shape() == Shape{2, 2, 1});
  CHECK(y[0] == 6);
  CHECK(y[1] == 10);
  CHECK(y[2] == 18);
  CHECK(y[3] == 22);
  CHECK_THROWS_WITH_AS(crop(x, 2, 0, 2, 1), doctest::Contains("do not lie inside"), ShapeError);
  CHECK_THROWS_AS(crop(x, -1, 0, 1, 1), ShapeError);
}

TEST_CASE("shrink averages blocks and drops what fills none") {
  const auto y = shrink(ramp({1, 3, 5}), 2);
  CHECK(y.shape() == Shape{1, 1, 2});
  CHECK(y[0] == 3);  // (0 + 1 + 5 + 6) / 4
  CHECK(y[1] == 5);
  CHECK_THROWS_WITH_AS(shrink(ramp({1, 3, 5}), 4), doctest::Contains("factor 4"), ShapeError);
}
