#include <fejer/operators/cartesian_mri.hpp>

#include <cmath>
#include <numbers>

#include <doctest/doctest.h>
#include <fejer/check.hpp>
#include <fejer/operators/mask.hpp>
#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

#include "operators/dense.hpp"

using namespace fejer;
using Cd = std::complex<double>;

namespace {

Array<Cd> random_complex(const Shape& shape, const char* name) {
  Array<Cd> x(shape);
  fill_normal<Cd>(x, Rng(4).stream(name));
  return x;
}

/// mask F (maps x) by the definition: frequency (u - floor(H/2), v - floor(W/2)), position
/// (i - floor(H/2), j - floor(W/2)).
Array<Cd> naive(const Array<double>& mask, const Array<Cd>& maps, const Array<Cd>& x) {
  const Index coils = maps.shape()[0], H = maps.shape()[1], W = maps.shape()[2];
  Array<Cd> y(maps.shape());
  const auto turn = [](Index a, Index b, Index n) {
    return static_cast<double>((a - n / 2) * (b - n / 2)) / static_cast<double>(n);
  };
  for (Index c = 0; c < coils; ++c)
    for (Index u = 0; u < H; ++u)
      for (Index v = 0; v < W; ++v) {
        Cd sum = 0;
        for (Index i = 0; i < H; ++i)
          for (Index j = 0; j < W; ++j)
            sum += maps[(c * H + i) * W + j] * x[i * W + j] *
                   std::polar(1.0, -2 * std::numbers::pi * (turn(u, i, H) + turn(v, j, W)));
        y[(c * H + u) * W + v] = mask[u * W + v] * sum / std::sqrt(static_cast<double>(H * W));
      }
  return y;
}

}  // namespace

TEST_CASE("mri: equals the centred, unitary DFT of the definition") {
  for (const Shape& size : {Shape{1, 1}, Shape{1, 4}, Shape{5, 1}, Shape{4, 6}, Shape{5, 7}}) {
    const Index H = size[0], W = size[1];
    CAPTURE(to_string(size));
    const Array<double> mask = random_mask<double>(size, 0.7, Rng(3).stream("mask"));
    const Array<Cd> maps = random_complex(Shape{3, H, W}, "maps"),
                    x = random_complex(Shape{1, H, W}, "x");
    const LinearOperator<Cd> A = CartesianMri<double>(mask, maps);
    CHECK(distance(A.apply(x), naive(mask, maps, x)) <= 1e-14 * norm(maps) * norm(x));
    const LinearOperator<Cd> one = CartesianMri<double>(mask);
    CHECK(distance(one.apply(x), naive(mask, Array<Cd>(Shape{1, H, W}, Cd(1)), x)) <=
          1e-14 * static_cast<double>(H * W) * norm(x));
  }
}

TEST_CASE("mri: the normal operator equals two steps; lines along either axis, points, all, none") {
  for (const Shape& size : {Shape{1, 1}, Shape{1, 6}, Shape{7, 1}, Shape{9, 13}, Shape{64, 48}}) {
    const Index H = size[0], W = size[1];
    CAPTURE(to_string(size));
    const RandomStream stream = Rng(5).stream("mask");
    const Array<double> masks[] = {random_column_mask<double>(H, W, 2, 0.1, stream, 1),
                                   random_column_mask<double>(H, W, 2, 0.1, stream, 0),
                                   random_mask<double>(size, 0.5, stream), Array<double>(size, 1.0),
                                   Array<double>(size)};
    const Array<Cd> x = random_complex(Shape{1, H, W}, "x"),
                    maps = random_complex(Shape{5, H, W}, "m");
    for (const Array<double>& mask : masks)
      for (const bool with_maps : {false, true}) {
        const LinearOperator<Cd> A =
            with_maps ? CartesianMri<double>(mask, maps) : CartesianMri<double>(mask);
        const Array<Cd> expected = A.apply_adjoint(A.apply(x));
        Array<Cd> out(x.shape()), again(x.shape());
        A.normal(x, out);
        CHECK(distance(out, expected) <=
              1e-14 * norm(x) * (with_maps ? std::pow(max_abs<Cd>(maps), 2) * 5 : 1.0));
        for (const int threads : {1, 3}) {
          const ScopedThreads scope(threads);
          A.normal(x, again);
          CHECK(distance(again, out) == 0);
        }
      }
  }
}

TEST_CASE("mri: a constant image is one coefficient at the centre") {
  const LinearOperator<Cd> A = CartesianMri<double>(Array<double>(Shape{4, 5}, 1.0));
  const Array<Cd> y = A.apply(Array<Cd>(Shape{1, 4, 5}, Cd(1)));
  for (Index i = 0; i < 20; ++i)
    CHECK(std::abs(y[i] - (i == 2 * 5 + 2 ? std::sqrt(20.0) : 0.0)) <= 1e-14);
}

TEST_CASE("mri: the norm is 1 for one coil and for normalised maps") {
  const Index H = 24, W = 20;
  const Array<double> full(Shape{H, W}, 1.0);
  const Array<double> mask = random_column_mask<double>(H, W, 4, 0.1, Rng(1).stream("mask"));
  const LinearOperator<Cd> one = CartesianMri<double>(mask);
  CHECK(one.norm_interval().upper == doctest::Approx(1).epsilon(1e-12));
  CHECK(one.norm_interval().lower == doctest::Approx(1).epsilon(1e-12));
  for (const Index coils : {1, 2, 8}) {
    const Array<Cd> maps = birdcage_maps<double>(coils, H, W);
    const LinearOperator<Cd> A = CartesianMri<double>(full, maps);
    CHECK(std::abs(A.norm_interval().upper - 1) <= 1e-6);
    CHECK(std::abs(power_method_norm(A) - 1) <= 1e-6);
    const LinearOperator<Cd> sampled = CartesianMri<double>(mask, maps);
    CHECK(std::abs(sampled.norm_interval().upper - 1) <= 1e-6);
    CHECK(sampled.norm_interval().lower <= 1 + 1e-12);
    // Float maps are normalised to rounding only.
    const LinearOperator<std::complex<float>> single =
        CartesianMri<float>(Array<float>(Shape{H, W}, 1.0f), birdcage_maps<float>(coils, H, W));
    CHECK(single.norm_interval().upper == doctest::Approx(1).epsilon(2e-6));
    CHECK(single.norm_interval().upper >= 1);
  }
  const LinearOperator<Cd> nothing = CartesianMri<double>(Array<double>(Shape{H, W}));
  CHECK(nothing.norm_interval().upper == 0);
}

TEST_CASE("birdcage_maps: normalised, smooth, each strongest beside its coil") {
  const Array<Cd> maps = birdcage_maps<double>(4, 33, 33);
  for (Index i = 0; i < 33 * 33; ++i) {
    double sum = 0;
    for (Index c = 0; c < 4; ++c) sum += std::norm(maps[c * 33 * 33 + i]);
    REQUIRE(sum == doctest::Approx(1).epsilon(1e-13));
  }
  // Coil 0 is at the right, coil 1 above.
  CHECK(std::abs(maps[16 * 33 + 32]) > 2 * std::abs(maps[16 * 33]));
  CHECK(std::abs(maps[33 * 33 + 16]) > 2 * std::abs(maps[33 * 33 + 32 * 33 + 16]));
  for (Index c = 0; c < 4; ++c)
    for (Index i = 0; i < 33; ++i)
      for (Index j = 1; j < 33; ++j) {
        const Index at = (c * 33 + i) * 33 + j;
        REQUIRE(std::abs(maps[at] - maps[at - 1]) < 0.15);
      }
  CHECK_THROWS_AS(birdcage_maps<double>(0, 4, 4), ArgumentError);
}

TEST_CASE("random_column_mask: centre, expected number, axis") {
  const Index H = 6, W = 96;
  double total = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const Array<double> mask = random_column_mask<double>(H, W, 4, 0.08, Rng(seed).stream("m"));
    for (Index j = 44; j < 52; ++j) REQUIRE(mask[j] == 1);  // 8 lines around floor(96/2) = 48
    for (Index i = 1; i < H; ++i)
      for (Index j = 0; j < W; ++j) REQUIRE(mask[i * W + j] == mask[j]);
    for (Index j = 0; j < W; ++j) total += mask[j];
  }
  // 24 lines each; a standard deviation of sqrt(88 * 2/11 * 9/11) = 3.6 per mask, 0.26 of the mean.
  CHECK(std::abs(total / 200 - 24) < 4 * 0.26);
  const Array<double> rows = random_column_mask<double>(W, H, 4, 0.08, Rng(7).stream("m"), 0);
  const Array<double> columns = random_column_mask<double>(H, W, 4, 0.08, Rng(7).stream("m"), 1);
  for (Index i = 0; i < W; ++i)
    for (Index j = 0; j < H; ++j) REQUIRE(rows[i * H + j] == columns[j * W + i]);
  for (const double m : random_column_mask<double>(5, 5, 1, 0.2, Rng(7).stream("m"))) CHECK(m == 1);
  CHECK_THROWS_WITH_AS(
      random_column_mask<double>(8, 100, 10, 0.2, Rng(1).stream("m")),
      "random_column_mask: got a centre of 20 lines for an expected total of 10, expected no more; "
      "lower the center fraction or the acceleration",
      ArgumentError);
  CHECK_THROWS_AS(random_column_mask<double>(8, 8, 0.5, 0.2, Rng(1).stream("m")), ArgumentError);
}

TEST_CASE("expand_line_mask: lines along either axis") {
  Array<float> lines(Shape{3});
  lines[1] = 1;
  const Array<float> columns = expand_line_mask(lines, 1, 2, 3);
  const Array<float> rows = expand_line_mask(lines, 0, 3, 2);
  const float expected_columns[] = {0, 1, 0, 0, 1, 0}, expected_rows[] = {0, 0, 1, 1, 0, 0};
  for (Index i = 0; i < 6; ++i) {
    CHECK(columns[i] == expected_columns[i]);
    CHECK(rows[i] == expected_rows[i]);
  }
  CHECK_THROWS_WITH_AS(expand_line_mask(lines, 1, 3, 2),
                       "expand_line_mask, lines: got (3), expected (2)", ShapeError);
  CHECK_THROWS_AS(expand_line_mask(lines, 2, 3, 3), ArgumentError);
}

TEST_CASE("mri: bad masks and maps are refused in one line") {
  CHECK_THROWS_WITH_AS(CartesianMri<double>(Array<double>(Shape{2, 2}, 0.5)),
                       "CartesianMri: got 0.5 in the mask, expected 0 or 1", ArgumentError);
  CHECK_THROWS_AS(CartesianMri<double>(Array<double>(Shape{2})), ShapeError);
  CHECK_THROWS_WITH_AS(
      CartesianMri<double>(Array<double>(Shape{2, 2}, 1.0), Array<Cd>(Shape{2, 2, 3})),
      "CartesianMri: got maps (2,2,3) with a mask (2,2), expected (coils,H,W) of the mask's (H,W)",
      ShapeError);
  Array<Cd> maps(Shape{1, 2, 2}, Cd(1));
  maps[3] = Cd(0, std::nan(""));
  CHECK_THROWS_AS(CartesianMri<double>(Array<double>(Shape{2, 2}, 1.0), maps), ArgumentError);
}
