#include <fejer/operators/shepp_logan.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include <doctest/doctest.h>

using namespace fejer;

TEST_CASE("shepp_logan: values at known points") {
  const Index N = 400;
  const Array<double> image = shepp_logan<double>(N);
  CHECK(image.shape() == Shape{1, N, N});
  const auto at = [&](double x, double y) {
    const auto column = static_cast<Index>((x + 1) / 2 * static_cast<double>(N));
    const auto row = static_cast<Index>((1 - y) / 2 * static_cast<double>(N));
    return image[row * N + column];
  };
  CHECK(at(0.9, 0.9) == 0);
  CHECK(at(0, 0.9) == 1);                    // skull
  CHECK(at(0, 0) == doctest::Approx(0.2));   // brain
  CHECK(at(0.22, 0) == doctest::Approx(0));  // ventricles
  CHECK(at(-0.22, 0) == doctest::Approx(0));
  CHECK(at(0, 0.35) == doctest::Approx(0.3));
  CHECK(at(0, 0.1) == doctest::Approx(0.3));
  CHECK(at(0.06, -0.605) == doctest::Approx(0.3));
  // The ventricles lean outwards at the top.
  CHECK(at(0.22 + 0.07, 0.22) == doctest::Approx(0));
  CHECK(at(0.22 - 0.07, 0.25) == doctest::Approx(0.3));
  CHECK(at(0.22 + 0.07, -0.22) == doctest::Approx(0.2));
  CHECK(*std::min_element(image.begin(), image.end()) == 0);
  CHECK(*std::max_element(image.begin(), image.end()) == 1);
  CHECK_THROWS_WITH_AS(shepp_logan<float>(0), "shepp_logan: got N = 0, expected at least 1",
                       ArgumentError);
}

TEST_CASE("draw_ellipses: the area of a turned ellipse, one pixel, non-square images") {
  const std::vector<Ellipse> one = {{2.0, 5, 3, 1, -2, 0.7}};
  const Array<double> image = draw_ellipses<double>(one, 40, 60, 0.5);
  const double mass = std::accumulate(image.begin(), image.end(), 0.0) * 0.25;
  CHECK(mass == doctest::Approx(2 * std::numbers::pi * 15).epsilon(0.002));
  CHECK(draw_ellipses<double>(one, 1, 1, 1.0)[0] == 2);  // all of the pixel is inside
  CHECK_THROWS_AS(draw_ellipses<double>(one, 1, 1, 0.0), ArgumentError);
}

TEST_CASE("ellipse_sinogram: hand-computed lines") {
  TomographyGeometry g;
  g.angles_rad = {0, std::numbers::pi / 2, std::numbers::pi / 4};
  g.detectors = 5;
  const std::vector<Ellipse> ellipse = {{3.0, 2, 1, 0, 0, 0}};
  const Array<double> y = ellipse_sinogram<double>(ellipse, g);
  CHECK(y[2] == doctest::Approx(6));                        // angle 0: the vertical line x = 0
  CHECK(y[3] == doctest::Approx(6 * std::sqrt(1 - 0.25)));  // x = 1
  CHECK(y[4] == 0);                                         // x = 2 touches
  CHECK(y[5 + 2] == doctest::Approx(12));                   // angle 90: the horizontal y = 0
  CHECK(y[5 + 3] == 0);
  CHECK(y[10 + 2] == doctest::Approx(12 / std::sqrt(2.5)));  // the diagonal x = -y
  // A quarter turn of the ellipse is a quarter turn of the views.
  const std::vector<Ellipse> turned = {{3.0, 2, 1, 0, 0, std::numbers::pi / 2}};
  CHECK(ellipse_sinogram<double>(turned, g)[2] == doctest::Approx(12));
}
