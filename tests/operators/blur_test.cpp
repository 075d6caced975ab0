#include <fejer/algorithms/eigenvalues.hpp>
#include <fejer/operators/blur.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <doctest/doctest.h>
#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

#include "operators/dense.hpp"

using namespace fejer;

namespace {

const Boundary boundaries[] = {Boundary::circular, Boundary::zero, Boundary::reflect,
                               Boundary::replicate};

/// Pixel i of a row of n, by walking from the edge; -1 outside with zeros.
Index outside(Index i, Index n, Boundary boundary) {
  while (i < 0 || i >= n) {
    if (boundary == Boundary::zero) return -1;
    if (boundary == Boundary::circular) i += i < 0 ? n : -n;
    if (boundary == Boundary::reflect) i = i < 0 ? -1 - i : 2 * n - 1 - i;
    if (boundary == Boundary::replicate) i = i < 0 ? 0 : n - 1;
  }
  return i;
}

/// The definition, sum by sum, for (H,W).
Array<double> naive(const Array<double>& h, const Array<double>& x, Boundary boundary) {
  const Index kh = h.shape()[0], kw = h.shape()[1], H = x.shape()[0], W = x.shape()[1];
  Array<double> y(x.shape());
  for (Index i = 0; i < H; ++i)
    for (Index j = 0; j < W; ++j)
      for (Index p = 0; p < kh; ++p)
        for (Index q = 0; q < kw; ++q) {
          const Index r = outside(i - p + kh / 2, H, boundary);
          const Index c = outside(j - q + kw / 2, W, boundary);
          if (r >= 0 && c >= 0) y[i * W + j] += h[p * kw + q] * x[r * W + c];
        }
  return y;
}

Array<double> random_real(const Shape& shape, const char* name) {
  Array<double> x(shape);
  fill_normal<double>(x, Rng(9).stream(name));
  return x;
}

Array<double> row(std::initializer_list<double> values) {
  Array<double> x(Shape{1, static_cast<Index>(values.size())});
  std::copy(values.begin(), values.end(), x.begin());
  return x;
}

}  // namespace

TEST_CASE("blur: hand-computed, every boundary, a kernel without symmetry") {
  const Array<double> h = row({1, 10, 100});  // y[j] = 100 x[j-1] + 10 x[j] + x[j+1]
  const Array<double> x = row({1, 2, 3, 4});
  const double expected[4][4] = {
      {412, 123, 234, 341}, {12, 123, 234, 340}, {112, 123, 234, 344}, {112, 123, 234, 344}};
  for (int b = 0; b < 4; ++b) {
    const LinearOperator<double> A = Blur<double>(h, x.shape(), boundaries[b]);
    const Array<double> y = A.apply(x);
    for (Index j = 0; j < 4; ++j) CHECK(y[j] == doctest::Approx(expected[b][j]).epsilon(1e-13));
  }
  // Two pixels out, reflect (d c b a | a b c d) and replicate differ.
  const Array<double> shift = row({0, 0, 0, 0, 1});  // y[j] = x[j-2]
  const double reflected[] = {2, 1, 1, 2}, replicated[] = {1, 1, 1, 2};
  const LinearOperator<double> R = Blur<double>(shift, x.shape(), Boundary::reflect);
  const LinearOperator<double> E = Blur<double>(shift, x.shape(), Boundary::replicate);
  for (Index j = 0; j < 4; ++j) {
    CHECK(R.apply(x)[j] == doctest::Approx(reflected[j]).epsilon(1e-13));
    CHECK(E.apply(x)[j] == doctest::Approx(replicated[j]).epsilon(1e-13));
  }
}

TEST_CASE("blur: a one at floor(k/2) is the identity, even sizes too") {
  for (const Index k : {1, 2, 3, 4, 5}) {
    for (const Boundary boundary : boundaries) {
      Array<double> h(Shape{k, k});
      h[(k / 2) * k + k / 2] = 1;
      const Array<double> x = random_real(Shape{2, 3, 4}, "x");
      CHECK(distance(LinearOperator<double>(Blur<double>(h, x.shape(), boundary)).apply(x), x) <=
            1e-14 * norm(x));
    }
  }
}

TEST_CASE("blur: equals the definition, kernels even, odd, larger than the image") {
  const Shape images[] = {{1, 1}, {1, 5}, {4, 1}, {3, 3}, {5, 8}, {70, 33}};
  const Shape kernels[] = {{1, 1}, {2, 2}, {3, 5}, {4, 1}, {9, 8}, {1, 13}, {21, 20}};
  for (const Shape& image : images) {
    for (const Shape& size : kernels) {
      for (const Boundary boundary : boundaries) {
        CAPTURE(to_string(image));
        CAPTURE(to_string(size));
        CAPTURE(static_cast<int>(boundary));
        const Array<double> h = random_real(size, "h"), x = random_real(image, "x");
        const LinearOperator<double> A = Blur<double>(h, image, boundary);
        // Relative to the largest sum that could appear: rounding of the FFT only.
        double sum = 0;
        for (const double value : h) sum += std::abs(value);
        CHECK(distance(A.apply(x), naive(h, x, boundary)) <= 1e-14 * sum * norm(x));
      }
    }
  }
}

TEST_CASE("blur: all channels of a colour image by the same kernel") {
  const Array<double> h = random_real(Shape{3, 4}, "h"), x = random_real(Shape{3, 6, 7}, "x");
  for (const Boundary boundary : boundaries) {
    const Array<double> y = LinearOperator<double>(Blur<double>(h, x.shape(), boundary)).apply(x);
    for (Index c = 0; c < 3; ++c) {
      const Array<double> expected = naive(h, Array<double>(x.slice(c)), boundary);
      CHECK(distance<double>(y.slice(c), expected) <= 1e-14 * norm(h) * norm(x));
    }
  }
}

TEST_CASE("blur: norms known in closed form") {
  const Shape image{1, 64, 64};
  // A normalised kernel >= 0 keeps constants, but for the zeros outside.
  for (const Boundary boundary : boundaries) {
    const LinearOperator<double> A = Blur<double>(gaussian_kernel<double>(2), image, boundary);
    CHECK(A.norm_interval().upper <= 1.02 * A.norm_interval().lower);
    // Replicated edges count more than once: the only boundary that can enlarge.
    if (boundary != Boundary::replicate) CHECK(A.norm_interval().upper <= 1 + 1e-8);
    if (boundary == Boundary::circular || boundary == Boundary::reflect)
      CHECK(A.norm_interval().lower >= 1 - 1e-8);
  }
  // -1 2 -1 with zeros: eigenvalues 2 - 2 cos(k pi / (n + 1)).
  const double largest = 2 + 2 * std::cos(std::acos(-1.0) / 65);
  const LinearOperator<double> L = Blur<double>(row({-1, 2, -1}), Shape{1, 64}, Boundary::zero);
  CHECK(L.norm_interval().upper >= largest);
  CHECK(L.norm_interval().upper <= 1.002 * largest);
}

TEST_CASE("blur: the symbol bound holds for signed kernels on images large and small") {
  for (const Shape& image : {Shape{9, 14}, Shape{1, 20}, Shape{12, 12}}) {
    for (const Boundary boundary : boundaries) {
      for (const Shape& size : {Shape{2, 3}, Shape{5, 5}, Shape{1, 11}}) {
        const LinearOperator<double> A = Blur<double>(random_real(size, "signed"), image, boundary);
        const double norm = fejer::spectral_norm(fejer_test::dense(A));
        CHECK(A.norm_interval().upper >= norm * (1 - 1e-13));
      }
    }
  }
}

TEST_CASE("blur: the symbol bound is close on images much larger than the kernel") {
  for (const Shape& size : {Shape{2, 3}, Shape{5, 5}, Shape{1, 7}}) {
    const LinearOperator<double> A =
        Blur<double>(random_real(size, "signed"), Shape{96, 96}, Boundary::zero);
    CHECK(A.norm_interval().upper <= 1.03 * power_method_norm(A, 200));
  }
}

TEST_CASE("gaussian_kernel: values, size, sum, even sizes about floor(k/2)") {
  const Array<double> h = gaussian_kernel<double>(0.5);
  CHECK(h.shape() == Shape{5, 5});
  double sum = 0;
  for (const double value : h) sum += value;
  CHECK(sum == doctest::Approx(1).epsilon(1e-14));
  CHECK(h[13] / h[12] == doctest::Approx(std::exp(-2.0)));  // one pixel = two sigma
  CHECK(gaussian_kernel<float>(1.6, 25).shape() == Shape{25, 25});
  const Array<double> even = gaussian_kernel<double>(1, 4);
  CHECK(*std::max_element(even.begin(), even.end()) == even[2 * 4 + 2]);
  CHECK_THROWS_WITH_AS(gaussian_kernel<double>(-1),
                       "gaussian_kernel: got sigma -1 and size 0, expected sigma > 0 in pixels and "
                       "size >= 0",
                       ArgumentError);
}

TEST_CASE("blur: bad kernels and images are refused in one line") {
  const Array<float> h(Shape{3, 3}, 1.0f);
  CHECK_THROWS_WITH_AS(Blur<float>(Array<float>(Shape{3}), Shape{4, 4}, Boundary::zero),
                       "Blur: got a kernel (3), expected (rows,columns) with at least one element",
                       ShapeError);
  CHECK_THROWS_WITH_AS(
      Blur<float>(h, Shape{1, 1, 4, 4}, Boundary::zero),
      "Blur: got an image (1,1,4,4), expected (H,W) or (C,H,W) with at least one pixel",
      ShapeError);
  const Array<float> bad(Shape{1, 1}, std::numeric_limits<float>::infinity());
  CHECK_THROWS_WITH_AS(Blur<float>(bad, Shape{4, 4}, Boundary::zero),
                       "Blur: a kernel element is not finite", ArgumentError);
}
