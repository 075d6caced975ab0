#include <fejer/metrics.hpp>

#include <cmath>
#include <limits>

#include <doctest/doctest.h>
#include <fejer/parallel.hpp>
#include <fejer/rng.hpp>

using namespace fejer;

namespace {

template <class X>
Array<X> uniform_array(const Shape& shape, const char* name) {
  Array<X> x(shape);
  fill_uniform<X>(x, Rng(4).stream(name));
  return x;
}

/// Window by window, two-dimensional sums of central moments, by the definition.
template <class T>
double naive_ssim(const Array<T>& x, const Array<T>& r, double range) {
  const Index channels = x.shape().rank() == 3 ? x.shape()[0] : 1;
  const Index h = x.shape().back(1), w = x.shape().back(0);
  double weights[11][11], sum = 0;
  for (int i = 0; i < 11; ++i)
    for (int j = 0; j < 11; ++j)
      sum += weights[i][j] = std::exp(-((i - 5) * (i - 5) + (j - 5) * (j - 5)) / 4.5);
  const double c1 = std::pow(0.01 * range, 2), c2 = std::pow(0.03 * range, 2);
  double total = 0, count = 0;
  for (Index c = 0; c < channels; ++c)
    for (Index i = 0; i + 11 <= h; ++i)
      for (Index j = 0; j + 11 <= w; ++j) {
        const auto each = [&](auto f) {
          double mean = 0;
          for (Index a = 0; a < 11; ++a)
            for (Index b = 0; b < 11; ++b) {
              const Index at = (c * h + i + a) * w + j + b;
              mean +=
                  weights[a][b] / sum * f(static_cast<double>(x[at]), static_cast<double>(r[at]));
            }
          return mean;
        };
        const double mx = each([](double p, double) { return p; });
        const double mr = each([](double, double q) { return q; });
        const double vx = each([=](double p, double) { return (p - mx) * (p - mx); });
        const double vr = each([=](double, double q) { return (q - mr) * (q - mr); });
        const double cov = each([=](double p, double q) { return (p - mx) * (q - mr); });
        total += (2 * mx * mr + c1) * (2 * cov + c2) / ((mx * mx + mr * mr + c1) * (vx + vr + c2));
        count += 1;
      }
  return total / count;
}

}  // namespace

TEST_CASE("psnr by hand") {
  Array<float> x(Shape{1, 2, 2}, 0.5F), r(Shape{1, 2, 2}, 0.25F);
  CHECK(psnr<float>(x, r, 1) == doctest::Approx(10 * std::log10(16.0)).epsilon(1e-14));
  CHECK(psnr<float>(x, r, 255) ==
        doctest::Approx(10 * std::log10(16.0 * 255 * 255)).epsilon(1e-14));
  CHECK(psnr<float>(x, x, 1) == std::numeric_limits<double>::infinity());
  Array<std::complex<double>> u(Shape{2}, {3, 4}), v(Shape{2});
  v[1] = {3, 4};
  CHECK(psnr<std::complex<double>>(u, v, 10) ==
        doctest::Approx(10 * std::log10(100 / 12.5)).epsilon(1e-14));
}

TEST_CASE("nmse by hand") {
  Array<double> x(Shape{2}), r(Shape{2});
  x[0] = 1, x[1] = 2;
  r[0] = 1, r[1] = 4;
  CHECK(nmse<double>(x, r) == doctest::Approx(4.0 / 17).epsilon(1e-15));
  CHECK(nmse<double>(r, r) == 0);
  const Array<double> zero(Shape{2});
  CHECK(nmse<double>(zero, r) == 1);
  CHECK(nmse<double>(zero, zero) == 0);
  CHECK(nmse<double>(r, zero) == std::numeric_limits<double>::infinity());
}

TEST_CASE_TEMPLATE("ssim against its definition", T, float, double) {
  for (const Shape& shape : {Shape{11, 11}, Shape{13, 20}, Shape{2, 17, 12}}) {
    const auto x = uniform_array<T>(shape, "x"), r = uniform_array<T>(shape, "r");
    for (const double range : {1.0, 255.0})
      CHECK(ssim<T>(x, r, range) == doctest::Approx(naive_ssim(x, r, range)).epsilon(1e-10));
    CHECK(ssim<T>(x, x, 1) == doctest::Approx(1).epsilon(1e-14));
    CHECK(ssim<T>(x, r, 1) == ssim<T>(r, x, 1));
  }
}

TEST_CASE("ssim by hand: of constants only the luminance term is left") {
  const Array<double> a(Shape{12, 12}, 0.5), b(Shape{12, 12}, 1.0);
  const double c1 = 1e-4;
  CHECK(ssim<double>(a, b, 1) == doctest::Approx((1 + c1) / (1.25 + c1)).epsilon(1e-12));
}

TEST_CASE("the same bits for 1, 2 and 4 threads") {
  const auto x = uniform_array<float>(Shape{3, 70, 90}, "x"),
             r = uniform_array<float>(Shape{3, 70, 90}, "r");
  const ScopedThreads one(1);
  const double similarity = ssim<float>(x, r, 1), ratio = psnr<float>(x, r, 1);
  for (const int threads : {2, 4}) {
    const ScopedThreads scope(threads);
    CHECK(ssim<float>(x, r, 1) == similarity);
    CHECK(psnr<float>(x, r, 1) == ratio);
  }
}

TEST_CASE("misuse is refused") {
  const Array<float> small(Shape{1, 10, 30}), other(Shape{1, 30, 10});
  CHECK_THROWS_WITH_AS(
      ssim<float>(small, small, 1),
      "ssim: got (1,10,30), expected (H,W) or (C,H,W) with H and W at least 11, the window's size",
      ShapeError);
  CHECK_THROWS_AS(ssim<float>(small, other, 1), ShapeError);
  CHECK_THROWS_WITH_AS(psnr<float>(small, small, 0),
                       "psnr: got a data range of 0.000000, expected a finite positive number",
                       ArgumentError);
  CHECK_THROWS_AS(psnr<float>(small, other, 1), ShapeError);
  CHECK_THROWS_AS(nmse<float>(small, other), ShapeError);
  const Array<float> empty;
  CHECK_THROWS_AS(psnr<float>(empty, empty, 1), ShapeError);
}

TEST_CASE("the gradient of SSIM agrees with central differences") {
  for (const Shape& shape : {Shape{13, 12}, Shape{2, 11, 14}}) {
    auto x = uniform_array<double>(shape, "x");
    const auto r = uniform_array<double>(shape, "r");
    Array<double> gradient(shape);
    const double value = ssim_gradient<double>(x, r, 1.5, gradient);
    CHECK(value == doctest::Approx(ssim(x, r, 1.5)).epsilon(1e-14));
    for (Index i = 0; i < x.size(); i += 7) {
      const double at = x[i], h = 1e-5;
      x[i] = at + h;
      const double up = ssim(x, r, 1.5);
      x[i] = at - h;
      const double down = ssim(x, r, 1.5);
      x[i] = at;
      CHECK(gradient[i] == doctest::Approx((up - down) / (2 * h)).epsilon(1e-6).scale(1e-4));
    }
  }
}
