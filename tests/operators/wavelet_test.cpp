#include <fejer/operators/wavelet.hpp>

#include <cmath>

#include <doctest/doctest.h>
#include <fejer/parallel.hpp>
#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

#include "operators/dense.hpp"

using namespace fejer;

TEST_CASE("wavelets: Haar by hand on 2x3") {
  const Wavelet<double> W(1, 1, Shape{2, 3});
  Array<double> x(Shape{2, 3}), y(Shape{2, 3}), back(Shape{2, 3});
  const double pixels[] = {1, 4, 9, 2, 2, -3};
  for (Index i = 0; i < 6; ++i) x[i] = pixels[i];
  W.apply(x, y);
  // Rows: (1+4, 9 alone, 1-4), (2+2, -3 alone, 2-2), the pairs over sqrt 2; then down the rows.
  const double r = std::sqrt(0.5);
  const double expected[] = {4.5, 6 * r, -1.5, 0.5, 12 * r, -1.5};
  for (Index i = 0; i < 6; ++i) CHECK(y[i] == doctest::Approx(expected[i]).epsilon(1e-15));
  W.apply_adjoint(y, back);
  CHECK(distance(x, back) < 1e-14);
}

TEST_CASE("wavelets: filters are orthonormal, of lowest phase, with vanishing moments") {
  for (Index moments = 1; moments <= 10; ++moments) {
    CAPTURE(moments);
    const std::vector<double> h = daubechies_filter(moments);
    const auto L = static_cast<std::size_t>(2 * moments);
    REQUIRE(h.size() == L);
    for (std::size_t shift = 0; shift < L; shift += 2) {
      double product = 0;
      for (std::size_t j = 0; j + shift < L; ++j) product += h[j] * h[j + shift];
      CHECK(std::abs(product - (shift == 0 ? 1 : 0)) < 1e-15 * static_cast<double>(L));
    }
    for (Index power = 0; power < moments; ++power) {
      double moment = 0, size = 0;
      for (std::size_t j = 0; j < L; ++j) {
        const double term = std::pow(static_cast<double>(j), static_cast<double>(power)) * h[j];
        moment += (j % 2 == 0 ? 1 : -1) * term;
        size += std::abs(term);
      }
      CHECK(std::abs(moment) < 1e-13 * size);
    }
  }
  // Two moments in closed form, (1 +- sqrt 3) / (4 sqrt 2), (3 +- sqrt 3) / (4 sqrt 2).
  const std::vector<double> two = daubechies_filter(2);
  const double root = std::sqrt(3.0), part = 4 * std::sqrt(2.0);
  const double closed[] = {(1 - root) / part, (3 - root) / part, (3 + root) / part,
                           (1 + root) / part};
  for (std::size_t j = 0; j < 4; ++j) CHECK(two[j] == doctest::Approx(closed[j]).epsilon(1e-15));
}

TEST_CASE("wavelets: orthonormal at every size, shorter than the filters included") {
  const Shape shapes[] = {{1, 1}, {1, 2}, {2, 1}, {3, 3}, {5, 8}, {7, 6}, {2, 4, 5}, {12, 1}};
  for (const Shape& shape : shapes)
    for (const Index moments : {1, 2, 4, 8})
      for (const Index levels : {1, 3}) {
        CAPTURE(to_string(shape));
        CAPTURE(moments);
        CAPTURE(levels);
        const LinearOperator<double> W = Wavelet<double>(moments, levels, shape);
        const auto A = fejer_test::dense(W);
        const auto n = A.rows();
        CHECK((A * A.transpose() - Eigen::MatrixXd::Identity(n, n)).cwiseAbs().maxCoeff() < 1e-14);
      }
}

TEST_CASE("wavelets: smooth images have small details; a constant has none") {
  const Wavelet<double> W(4, 2, Shape{32, 32});
  Array<double> x(W.domain(), 0.7), y(W.range());
  W.apply(x, y);
  const auto& bands = W.bands();
  REQUIRE(bands.size() == 7);
  const auto largest = [&](const WaveletBand& b) {
    double top = 0;
    for (Index r = b.row; r < b.row + b.rows; ++r)
      for (Index c = b.column; c < b.column + b.columns; ++c)
        top = std::max(top, std::abs(y[r * 32 + c]));
    return top;
  };
  CHECK(largest(bands[0]) == doctest::Approx(0.7 * 4));
  for (std::size_t b = 1; b < 7; ++b) CHECK(largest(bands[b]) < 1e-14);
  // An upright edge is in the bands of differences along the columns' index alone.
  for (Index i = 0; i < x.size(); ++i) x[i] = i % 32 < 13 ? 0 : 1;
  W.apply(x, y);
  for (std::size_t b = 1; b < 7; ++b) {
    CAPTURE(b);
    if (bands[b].kind == WaveletBand::Kind::columns)
      CHECK(largest(bands[b]) > 0.1);
    else
      CHECK(largest(bands[b]) < 1e-14);
  }
}

TEST_CASE("wavelets: bands tile the image; spread and gather are adjoint") {
  for (const Shape& shape : {Shape{2, 13, 6}, Shape{1, 3}}) {
    const Wavelet<double> W(2, 3, shape);
    REQUIRE(W.bands().size() == 10);
    Array<double> values(Shape{10}), counted(shape, 1.0);
    for (Index b = 0; b < 10; ++b) values[b] = static_cast<double>(b + 1);
    const Array<double> spread = W.spread(values), counts = W.gather(counted);
    double total = 0;
    for (const double count : counts) total += count;
    CHECK(total == static_cast<double>(shape.size()));
    for (const double value : spread) CHECK(value >= 1);
    Array<double> u(shape);
    fill_normal<double>(u, Rng(1).stream("u"));
    const Array<double> gathered = W.gather(u);
    CHECK(dot(u, spread) == doctest::Approx(dot(values, gathered)).epsilon(1e-13));
  }
}

TEST_CASE("wavelets: same bits for any number of threads") {
  const Wavelet<float> W(4, 4, Shape{3, 201, 150});
  Array<float> x(W.domain()), one(W.range()), four(W.range()), back(W.domain()), again(W.domain());
  fill_normal<float>(x, Rng(1).stream("x"));
  {
    const ScopedThreads scope(1);
    W.apply(x, one);
    W.apply_adjoint(one, back);
  }
  const ScopedThreads scope(4);
  W.apply(x, four);
  W.apply_adjoint(four, again);
  CHECK(distance(one, four) == 0);
  CHECK(distance(back, again) == 0);
  CHECK(distance(x, back) < 1e-5 * norm(x));
}

TEST_CASE("wavelets: misuse is refused") {
  CHECK_THROWS_WITH_AS(Wavelet<double>(11, 1, Shape{4, 4}),
                       "daubechies_filter: got 11 vanishing moments, expected a number from 1 to "
                       "10",
                       ArgumentError);
  CHECK_THROWS_WITH_AS(Wavelet<double>(1, 0, Shape{4, 4}),
                       "Wavelet: got 0 levels, expected at least 1", ArgumentError);
  CHECK_THROWS_AS(Wavelet<double>(1, 1, Shape{4}), ShapeError);
  const Wavelet<double> W(1, 1, Shape{4, 4});
  const Array<double> values(Shape{3});
  CHECK_THROWS_AS(W.spread(values), ShapeError);
}
