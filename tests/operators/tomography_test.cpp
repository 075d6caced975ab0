#include <fejer/operators/tomography.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include <doctest/doctest.h>
#include <fejer/check.hpp>
#include <fejer/operators/shepp_logan.hpp>
#include <fejer/parallel.hpp>
#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

#include "operators/dense.hpp"

using namespace fejer;
using std::numbers::pi;

namespace {

TomographyGeometry parallel(std::vector<double> angles, Index detectors) {
  TomographyGeometry g;
  g.angles_rad = std::move(angles);
  g.detectors = detectors;
  return g;
}

TomographyGeometry fan(std::vector<double> angles, Index detectors, double source,
                       double detector) {
  TomographyGeometry g = parallel(std::move(angles), detectors);
  g.kind = TomographyGeometry::Kind::fan;
  g.source_distance = source;
  g.detector_distance = detector;
  return g;
}

std::vector<double> turn(int views, double angle) {
  std::vector<double> angles;
  for (int v = 0; v < views; ++v) angles.push_back(v * angle / views);
  return angles;
}

/// Weight of pixel (row, col) in the line from P along V (pixel_size 1), by Joseph's definition:
/// cut the line with the row's (or column's) axis, tent function of the distance across.
double joseph(double px, double py, double vx, double vy, Index row, Index col, Index H, Index W) {
  const double x = static_cast<double>(col) - static_cast<double>(W - 1) / 2;
  const double y = static_cast<double>(H - 1) / 2 - static_cast<double>(row);
  const double length = std::hypot(vx, vy);
  if (std::abs(vy) >= std::abs(vx)) {
    const double cut = px + (y - py) * vx / vy;
    return std::max(0.0, 1 - std::abs(cut - x)) * length / std::abs(vy);
  }
  const double cut = py + (x - px) * vy / vx;
  return std::max(0.0, 1 - std::abs(cut - y)) * length / std::abs(vx);
}

double relative_error(const Array<double>& a, const Array<double>& b) {
  return distance(a, b) / norm(b);
}

/// ||a - b|| / ||b|| over the pixels within `radius` of the centre.
double error_inside(const Array<double>& a, const Array<double>& b, double radius) {
  const Index H = a.shape()[1], W = a.shape()[2];
  double difference = 0, size = 0;
  for (Index i = 0; i < H; ++i)
    for (Index j = 0; j < W; ++j) {
      const double x = static_cast<double>(2 * j - W + 1) / 2;
      const double y = static_cast<double>(2 * i - H + 1) / 2;
      if (std::hypot(x, y) > radius) continue;
      difference += std::pow(a[i * W + j] - b[i * W + j], 2);
      size += std::pow(b[i * W + j], 2);
    }
  return std::sqrt(difference / size);
}

}  // namespace

TEST_CASE("tomography: hand-computed on 2x2") {
  const LinearOperator<double> A =
      Tomography<double>(parallel({0, pi / 2, pi / 4, pi}, 2), Shape{1, 2, 2});
  CHECK(A.range() == Shape{1, 4, 2});
  Array<double> x(Shape{1, 2, 2});
  for (Index i = 0; i < 4; ++i) x[i] = std::pow(10, static_cast<double>(i));  // 1 10 / 100 1000
  const Array<double> y = A.apply(x);
  CHECK(y[0] == doctest::Approx(101));  // angle 0: s = x, from left to right
  CHECK(y[1] == doctest::Approx(1010));
  CHECK(y[2] == doctest::Approx(1100));  // angle 90: s = y, the lower row first
  CHECK(y[3] == doctest::Approx(11));
  CHECK(y[6] == doctest::Approx(1010));  // angle 180: mirrored
  CHECK(y[7] == doctest::Approx(101));
  // Angle 45, middle line: pixels (0,0) and (1,1), step sqrt(2).
  const LinearOperator<double> middle = Tomography<double>(parallel({pi / 4}, 1), Shape{1, 2, 2});
  CHECK(middle.apply(x)[0] == doctest::Approx(1001 * std::sqrt(2.0)));
}

TEST_CASE("tomography: rows of the matrix are Joseph's weights, parallel and fan") {
  const RandomStream stream = Rng(2).stream("geometry");
  for (std::uint64_t trial = 0; trial < 30; ++trial) {
    const auto draw = [&](std::uint64_t i) { return stream.uniform(10 * trial + i); };
    const Index H = 1 + static_cast<Index>(6 * draw(0)), W = 1 + static_cast<Index>(6 * draw(1));
    TomographyGeometry g =
        fan({20 * draw(2) - 10, 20 * draw(3) - 10}, 9, 20 * draw(4) + 6, 20 * draw(5));
    if (trial % 2 == 0) g.kind = TomographyGeometry::Kind::parallel;
    g.pitch = 0.3 + draw(6);
    g.centre = 8 * draw(7);
    const Eigen::MatrixXd matrix =
        fejer_test::dense(LinearOperator<double>(Tomography<double>(g, Shape{1, H, W})));
    for (Index v = 0; v < 2; ++v)
      for (Index d = 0; d < 9; ++d) {
        const double c = std::cos(g.angles_rad[static_cast<std::size_t>(v)]);
        const double s = std::sin(g.angles_rad[static_cast<std::size_t>(v)]);
        const double u = (static_cast<double>(d) - *g.centre) * g.pitch;
        double px = u * c, py = u * s, vx = -s, vy = c;
        if (g.kind == TomographyGeometry::Kind::fan) {
          px = g.source_distance * s;
          py = -g.source_distance * c;
          vx = -g.detector_distance * s + u * c - px;
          vy = g.detector_distance * c + u * s - py;
        }
        for (Index i = 0; i < H; ++i)
          for (Index j = 0; j < W; ++j)
            REQUIRE(matrix(v * 9 + d, i * W + j) ==
                    doctest::Approx(joseph(px, py, vx, vy, i, j, H, W)).epsilon(1e-11));
      }
  }
}

TEST_CASE("tomography: the sinogram of a disc is the analytic one within 1 %") {
  const std::vector<Ellipse> disc = {{1.0, 40, 40, 9, -6, 0}};
  TomographyGeometry g = parallel(turn(45, pi), 160);
  for (const double pixel : {1.0, 0.5}) {
    for (const bool is_fan : {false, true}) {
      g.kind = is_fan ? TomographyGeometry::Kind::fan : TomographyGeometry::Kind::parallel;
      g.pixel_size = pixel;
      g.pitch = is_fan ? 1.5 : 0.8;
      g.centre = 77.3;
      g.source_distance = 250;
      g.detector_distance = 130;
      const auto n = static_cast<Index>(128 / pixel);
      const Array<double> image = draw_ellipses<double>(disc, n, n, pixel);
      const LinearOperator<double> A = Tomography<double>(g, image.shape());
      CHECK(relative_error(A.apply(image), ellipse_sinogram<double>(disc, g)) <= 0.01);
    }
  }
}

TEST_CASE("tomography: a far source gives the parallel beam, the error falls as 1 / distance") {
  const Array<double> image = shepp_logan<double>(64);
  TomographyGeometry g = parallel(turn(20, pi), 90);
  const Array<double> expected =
      LinearOperator<double>(Tomography<double>(g, image.shape())).apply(image);
  g.kind = TomographyGeometry::Kind::fan;
  g.detector_distance = 50;
  double before = 0;
  for (const double distance_to_source : {1e4, 1e5, 1e6, 1e9}) {
    g.source_distance = distance_to_source;
    const double error = relative_error(
        LinearOperator<double>(Tomography<double>(g, image.shape())).apply(image), expected);
    if (before > 0) CHECK(error < 0.2 * before);
    before = error;
  }
  CHECK(before < 1e-5);
}

TEST_CASE("tomography: moving the centre by whole elements moves the data") {
  Array<double> image(Shape{1, 7, 9});
  fill_normal<double>(image, Rng(1).stream("image"));
  TomographyGeometry g = parallel({0.3, 2.0}, 15);
  const Array<double> y = LinearOperator<double>(Tomography<double>(g, image.shape())).apply(image);
  g.centre = 10.0;  // default 7
  g.detectors = 18;
  const Array<double> moved =
      LinearOperator<double>(Tomography<double>(g, image.shape())).apply(image);
  for (Index v = 0; v < 2; ++v)
    for (Index d = 0; d < 15; ++d)
      CHECK(moved[v * 18 + d + 3] == doctest::Approx(y[v * 15 + d]).epsilon(1e-12));
}

TEST_CASE("tomography: single precision has fast loops of its own with the same weights") {
  const RandomStream stream = Rng(6).stream("fast");
  for (std::uint64_t trial = 0; trial < 60; ++trial) {
    const auto draw = [&](std::uint64_t i) { return stream.uniform(10 * trial + i); };
    const double largest = trial < 40 ? 40 : 130;
    const Index H = 1 + static_cast<Index>(largest * draw(0));
    const Index W = 1 + static_cast<Index>(largest * draw(1));
    TomographyGeometry g = parallel({}, 1 + static_cast<Index>(1.5 * largest * draw(2)));
    for (int v = 0; v < 9; ++v) g.angles_rad.push_back(20 * draw(3) - 10 + 0.7 * v);
    g.angles_rad.push_back(0);
    g.angles_rad.push_back(pi / 2);
    g.angles_rad.push_back(-pi / 4);
    g.pitch = trial % 3 == 0 ? 1 : trial % 3 == 1 ? 1 + 0.9 * draw(4) : 0.4 + draw(4);
    if (trial % 2 == 0) g.centre = static_cast<double>(g.detectors) * (1.4 * draw(5) - 0.2);
    CAPTURE(trial);
    const Shape image{1, H, W};
    const LinearOperator<double> A = Tomography<double>(g, image);
    const LinearOperator<float> B = Tomography<float>(g, image);
    Array<float> x(image), y(B.range());
    fill_normal<float>(x, Rng(trial).stream("x"));
    fill_normal<float>(y, Rng(trial).stream("y"));
    Array<double> wide_x(image), wide_y(A.range());
    std::copy(x.begin(), x.end(), wide_x.begin());
    std::copy(y.begin(), y.end(), wide_y.begin());
    const Array<double> expected = A.apply(wide_x), expected_back = A.apply_adjoint(wide_y);
    const Array<float> got = B.apply(x), got_back = B.apply_adjoint(y);
    double error = 0, error_back = 0;
    for (Index i = 0; i < got.size(); ++i) error += std::pow(got[i] - expected[i], 2);
    for (Index i = 0; i < got_back.size(); ++i)
      error_back += std::pow(got_back[i] - expected_back[i], 2);
    CHECK(std::sqrt(error) <= 2e-6 * (norm(expected) + 1));
    CHECK(std::sqrt(error_back) <= 2e-6 * (norm(expected_back) + 1));
    CHECK(std::abs(dot(got, y) - dot(x, got_back)) <=
          1e-6 * (norm(got) * norm(y) + norm(x) * norm(got_back)));
    for (const int threads : {1, 2, 3}) {
      const ScopedThreads scope(threads);
      CHECK(distance(B.apply(x), got) == 0);
      CHECK(distance(B.apply_adjoint(y), got_back) == 0);
    }
  }
}

TEST_CASE("tomography: slices of a stack are independent") {
  const TomographyGeometry g = parallel(turn(5, pi), 12);
  Array<double> stack(Shape{3, 8, 6});
  fill_normal<double>(stack, Rng(1).stream("stack"));
  const Array<double> y = LinearOperator<double>(Tomography<double>(g, stack.shape())).apply(stack);
  const LinearOperator<double> one = Tomography<double>(g, Shape{1, 8, 6});
  for (Index c = 0; c < 3; ++c) {
    const Array<double> slice = Array<double>(stack.slice(c)).reshaped(Shape{1, 8, 6});
    const Array<double> expected = one.apply(slice).reshaped(Shape{5, 12});
    CHECK(distance<double>(y.slice(c), expected) == 0);
  }
}

TEST_CASE(
    "tomography: the norm bound is sharp on a real size, and 0 when no line meets the image") {
  const LinearOperator<double> A = Tomography<double>(parallel(turn(30, pi), 64), Shape{1, 64, 64});
  CHECK(A.norm_interval().upper <= 1.02 * A.norm_interval().lower);
  TomographyGeometry away = parallel({0}, 2);
  away.centre = -100;
  CHECK(LinearOperator<double>(Tomography<double>(away, Shape{1, 4, 4})).norm_interval().upper ==
        0);
}

TEST_CASE("fbp: a disc comes back with its value, whatever the geometry and the angles") {
  const std::vector<Ellipse> disc = {{0.7, 30, 24, 4, 9, 0.5}};
  const Array<double> truth = draw_ellipses<double>(disc, 100, 100, 1.0);
  std::vector<double> uneven = turn(180, pi);  // every line once, in random order and direction
  for (std::size_t v = 0; v < uneven.size(); ++v) {
    uneven[v] += 0.4 * pi / 180 * Rng(1).stream("angles").uniform(v);
    if (v % 3 == 0) uneven[v] -= pi;
  }
  std::reverse(uneven.begin(), uneven.end());
  std::vector<double> both_ends = turn(180, pi);
  both_ends.push_back(pi);
  const TomographyGeometry cases[] = {parallel(turn(180, pi), 140),
                                      parallel(turn(360, 2 * pi), 140),
                                      parallel(turn(181, 2 * pi), 140),
                                      parallel(uneven, 140),
                                      parallel(both_ends, 140),
                                      fan(turn(360, 2 * pi), 300, 150, 0),
                                      fan(turn(360, 2 * pi), 300, 200, 100),
                                      fan(turn(360, -2 * pi), 300, 2000, 10)};
  for (TomographyGeometry g : cases) {
    CAPTURE(&g - cases);
    g.centre = g.centre_index() - 3.4;
    const Array<double> y = ellipse_sinogram<double>(disc, g);
    const Array<double> x = filtered_backprojection(g, y, truth.shape());
    // The inner 12 pixels about the disc's centre, where no edge disturbs: the scale.
    double mean = 0;
    for (Index i = 37; i < 45; ++i)
      for (Index j = 50; j < 58; ++j) mean += x[i * 100 + j] / 64;
    CHECK(mean == doctest::Approx(0.7).epsilon(0.005));
    CHECK(error_inside(x, truth, 49) <= 0.12);  // ringing at the sharp edge
  }
}

TEST_CASE("fbp: lengths are in the geometry's unit, the window damps noise") {
  const std::vector<Ellipse> disc = {{5.0, 0.6, 0.6, 0, 0, 0}};
  TomographyGeometry g = parallel(turn(120, pi), 100);
  g.pitch = 0.02;
  g.pixel_size = 0.025;
  Array<double> y = ellipse_sinogram<double>(disc, g);
  const Array<double> truth = draw_ellipses<double>(disc, 64, 64, 0.025);
  const Array<double> x = filtered_backprojection(g, y, truth.shape());
  CHECK(x[32 * 64 + 32] == doctest::Approx(5).epsilon(0.01));
  fill_normal<double>(y, Rng(3).stream("noise"));
  CHECK(norm(filtered_backprojection(g, y, truth.shape(), RampWindow::hann)) <
        0.6 * norm(filtered_backprojection(g, y, truth.shape())));
}

TEST_CASE("fbp: a limited angle is not scaled up, one view does no harm") {
  const std::vector<Ellipse> disc = {{1.0, 20, 20, 0, 0, 0}};
  const TomographyGeometry half = parallel(turn(60, pi / 2), 100);
  const Array<double> x =
      filtered_backprojection(half, ellipse_sinogram<double>(disc, half), Shape{1, 64, 64});
  CHECK(x[32 * 64 + 32] == doctest::Approx(0.5).epsilon(0.05));
  const TomographyGeometry one = parallel({0.2}, 100);
  CHECK(all_finite(
      filtered_backprojection(one, ellipse_sinogram<double>(disc, one), Shape{1, 64, 64})));
}

TEST_CASE("tomography: bad geometries are refused in one line") {
  const auto make = [](const TomographyGeometry& g) {
    return Tomography<float>(g, Shape{1, 8, 8});
  };
  const auto check = [&](const TomographyGeometry& g, const char* message) {
    CHECK_THROWS_WITH_AS(make(g), message, ArgumentError);
  };
  check(parallel({}, 3), "TomographyGeometry: got no angle, expected at least one (angles_rad)");
  check(parallel({0, std::nan("")}, 3),
        "TomographyGeometry: got the angle nan, expected a finite one in radians");
  check(parallel({0}, 0), "TomographyGeometry: got 0 detectors, expected at least one");
  TomographyGeometry g = parallel({0}, 3);
  g.pitch = -1;
  check(g, "TomographyGeometry: got pitch = -1, expected a positive length");
  g.pitch = 1;
  g.pixel_size = 0;
  check(g, "TomographyGeometry: got pixel_size = 0, expected a positive length");
  g.pixel_size = 1;
  g.centre = std::numeric_limits<double>::infinity();
  check(g, "TomographyGeometry: got a centre that is not finite");
  check(fan({0}, 3, 5, 1),
        "TomographyGeometry: got a source at 5 from the axis, inside the image's circle; expected "
        "more than 6.36396");
  check(fan({0}, 3, 50, -1), "TomographyGeometry: got detector_distance = -1, expected 0 or more");
  CHECK_THROWS_WITH_AS(Tomography<float>(parallel({0}, 3), Shape{8, 8}),
                       "Tomography: got an image (8,8), expected (C,H,W) with at least one pixel",
                       ShapeError);
  CHECK_THROWS_WITH_AS(
      filtered_backprojection(parallel({0}, 3), Array<float>(Shape{1, 2, 3}), Shape{1, 8, 8}),
      "filtered_backprojection, sinogram: got (1,2,3), expected (1,1,3)", ShapeError);
}
