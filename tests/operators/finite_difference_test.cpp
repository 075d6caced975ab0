#include <fejer/algorithms/eigenvalues.hpp>
#include <fejer/operators/finite_difference.hpp>

#include <cmath>

#include <doctest/doctest.h>

#include "operators/dense.hpp"

using namespace fejer;

TEST_CASE("differences: hand-computed on 2x3") {
  const LinearOperator<double> D = FiniteDifference<double>(Shape{2, 3});
  CHECK(D.range() == Shape{2, 2, 3});
  Array<double> x(Shape{2, 3});
  const double pixels[] = {1, 4, 9, 2, 2, -3};
  for (Index i = 0; i < 6; ++i) x[i] = pixels[i];
  const Array<double> y = D.apply(x);
  const double expected[] = {1, -2, -12, 0, 0, 0, 3, 5, 0, 0, -5, 0};
  for (Index i = 0; i < 12; ++i) CHECK(y[i] == expected[i]);
  // One difference in each direction, sent back.
  Array<double> unit(D.range());
  unit[1] = 1;      // vertical, between pixels 1 and 4
  unit[6 + 3] = 1;  // horizontal, between pixels 3 and 4
  const Array<double> back = D.apply_adjoint(unit);
  const double folded[] = {0, -1, 0, -1, 2, 0};
  for (Index i = 0; i < 6; ++i) CHECK(back[i] == folded[i]);
}

TEST_CASE("differences: channels do not mix, constants vanish") {
  const LinearOperator<float> D = FiniteDifference<float>(Shape{3, 4, 5});
  Array<float> x(D.domain());
  for (Index i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i / 20);  // constant per channel
  for (const float value : D.apply(x)) CHECK(value == 0.0f);
}

TEST_CASE("differences: the norm is the closed form, one-pixel axes included") {
  const Shape shapes[] = {{1, 1}, {1, 6}, {5, 1}, {2, 2}, {3, 4}, {2, 3, 2}};
  for (const Shape& shape : shapes) {
    CAPTURE(to_string(shape));
    const LinearOperator<double> D = FiniteDifference<double>(shape);
    const double norm = fejer::spectral_norm(fejer_test::dense(D));
    CHECK(D.norm_interval().upper == doctest::Approx(norm).epsilon(1e-13));
    CHECK(D.norm_interval().lower == doctest::Approx(norm).epsilon(1e-13));
  }
  CHECK(FiniteDifference<double>(Shape{1, 1}).norm_interval().upper == 0);
  CHECK(FiniteDifference<double>(Shape{500, 500}).norm_interval().upper < std::sqrt(8.0));
}

TEST_CASE("differences: other ranks are refused") {
  CHECK_THROWS_WITH_AS(FiniteDifference<double>(Shape{7}),
                       "FiniteDifference: got an image (7), expected (H,W) or (C,H,W) with at "
                       "least one pixel",
                       ShapeError);
  CHECK_THROWS_AS(FiniteDifference<double>(Shape{0, 3}), ShapeError);
}
