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

TEST_CASE("cubic resizing gives the pixels of PyTorch's and OpenCV's bicubic") {
  const double values[] = {0, 0.1, 0.9, 0.3, 0.7, 0.2, 1};
  Array<double> row(Shape{1, 1, 7}), column(Shape{2, 7, 1});
  for (Index i = 0; i < 7; ++i) row[i] = column[i] = column[7 + i] = values[i];
  const auto narrow = resize_cubic(row, 1, 5);
  const double expected[] = {-0.0016, 0.6616, 0.3, 0.4916, 0.8472};
  for (Index i = 0; i < 5; ++i) CHECK(narrow[i] == doctest::Approx(expected[i]).epsilon(1e-9));
  const auto tall = resize_cubic(column, 9, 1);
  const double longer[] = {-0.00658436214, -0.02037037037, 0.509739368999, 0.850205761317, 0.3,
                           0.653840877915, 0.369410150892, 0.396296296296, 1.052674897119};
  for (Index i = 0; i < 18; ++i) CHECK(tall[i] == doctest::Approx(longer[i % 9]).epsilon(1e-9));
  const auto same = resize_cubic(row, 1, 7);
  for (Index i = 0; i < 7; ++i) CHECK(same[i] == row[i]);
  const auto flat = resize_cubic(Array<float>(Shape{1, 18, 18}, 0.25f), 12, 5);
  for (const float v : flat) CHECK(v == doctest::Approx(0.25).epsilon(1e-7));
  CHECK_THROWS_AS(resize_cubic(row, 0, 5), ShapeError);
}
