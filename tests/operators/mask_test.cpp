#include <fejer/operators/mask.hpp>

#include <cmath>
#include <limits>

#include <doctest/doctest.h>

using namespace fejer;

TEST_CASE("mask: one mask serves all channels") {
  Array<double> m(Shape{1, 3}, 1.0);
  m[1] = 0;
  m[2] = -0.25;
  const LinearOperator<double> M = Mask<double>(m, Shape{2, 1, 3});
  Array<double> x(M.domain());
  for (Index i = 0; i < 6; ++i) x[i] = static_cast<double>(i + 1);
  const Array<double> y = M.apply(x), z = M.apply_adjoint(x);
  const double expected[] = {1, 0, -0.75, 4, 0, -1.5};
  for (Index i = 0; i < 6; ++i) {
    CHECK(y[i] == expected[i]);
    CHECK(z[i] == expected[i]);
  }
  CHECK(M.norm_interval().upper == 1);
  CHECK(M.norm_interval().lower == 1);
}

TEST_CASE("mask: complex images, weights of several sizes, an empty mask") {
  Array<double> m(Shape{2}, -4.0);
  m[0] = 0.5;
  const LinearOperator<std::complex<double>> M = Mask<std::complex<double>>(m);
  Array<std::complex<double>> x(Shape{2}, std::complex<double>(1, -2));
  CHECK(M.apply(x)[1] == std::complex<double>(-4, 8));
  CHECK(M.norm_interval().upper == 4);
  const LinearOperator<double> none = Mask<double>(Array<double>(Shape{2, 2}));
  CHECK(none.norm_interval().upper == 0);
}

TEST_CASE("mask: what does not fit is refused in one line") {
  CHECK_THROWS_WITH_AS(Mask<double>(Array<double>(Shape{3, 2}), Shape{1, 2, 3}),
                       "Mask: got weights (3,2) for an image (1,2,3), expected the shape of the "
                       "image or of its last axes",
                       ShapeError);
  Array<double> m(Shape{2}, std::numeric_limits<double>::quiet_NaN());
  CHECK_THROWS_WITH_AS(Mask<double>(std::move(m)), "Mask: a weight is not finite; check the mask",
                       ArgumentError);
}

TEST_CASE("random_mask: the fraction, the ends, the seed") {
  const RandomStream stream = Rng(5).stream("mask");
  const Shape shape{100, 100};
  const auto kept = [&](double fraction) {
    double sum = 0;
    for (const double m : random_mask<double>(shape, fraction, stream)) sum += m;
    return sum / 10000;
  };
  CHECK(kept(0) == 0);
  CHECK(kept(1) == 1);
  CHECK(kept(0.3) == doctest::Approx(0.3).epsilon(0.06));  // four standard deviations
  const Array<float> a = random_mask<float>(shape, 0.5, stream);
  const Array<double> b = random_mask<double>(shape, 0.5, stream);
  for (Index i = 0; i < a.size(); ++i) REQUIRE(static_cast<double>(a[i]) == b[i]);
  CHECK_THROWS_WITH_AS(random_mask<float>(shape, 1.5, stream),
                       "random_mask: got keep = 1.5, expected a fraction in [0, 1]", ArgumentError);
}
