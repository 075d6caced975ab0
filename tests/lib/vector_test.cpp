#include <fejer/vector.hpp>

#include <cmath>
#include <limits>

#include <doctest/doctest.h>
#include <fejer/parallel.hpp>
#include <fejer/rng.hpp>

using namespace fejer;
using Cf = std::complex<float>;
using Cd = std::complex<double>;

namespace {

template <class X>
Array<X> random_array(const Shape& shape, const char* name) {
  Array<X> x(shape);
  fill_normal<X>(x, Rng(3).stream(name));
  return x;
}

}  // namespace

TEST_CASE("by hand: real") {
  Array<double> x(Shape{3}), y(Shape{3}), z(Shape{3});
  x[0] = 1, x[1] = -2, x[2] = 3;
  y[0] = 4, y[1] = 5, y[2] = 6;
  CHECK(dot(x, y) == 12);
  CHECK(norm(x) == doctest::Approx(std::sqrt(14.0)).epsilon(1e-15));
  CHECK(distance(x, y) == doctest::Approx(std::sqrt(67.0)).epsilon(1e-15));
  CHECK(max_abs<double>(x) == 3);
  axpy<double>(2, x, y);
  CHECK(y[0] == 6);
  CHECK(y[1] == 1);
  combine<double>(3, x, -1, y, z);
  CHECK(z[2] == 3 * 3 - 12);
  combine<double>(1, x, 1, x, x);
  CHECK(x[1] == -4);
  scale<double>(x, 0.5);
  CHECK(x[1] == -2);
  fill<double>(x, 9);
  CHECK(x[2] == 9);
  copy<double>(z, x);
  CHECK(x[2] == z[2]);
}

TEST_CASE("by hand: the inner product of complex vectors is real") {
  Array<Cd> x(Shape{2}), y(Shape{2});
  x[0] = {1, 2}, x[1] = {0, 1};
  y[0] = {3, -1}, y[1] = {5, 4};
  CHECK(dot(x, y) == 1 * 3 - 2 * 1 + 4);  // Re x conj(y)
  CHECK(norm(x) == doctest::Approx(std::sqrt(6.0)).epsilon(1e-15));
  x[1] = {3, 4};
  CHECK(max_abs<Cd>(x) == 5);
  CHECK(real_part<double>(x)[1] == 3);
  CHECK(imaginary_part<double>(x)[1] == 4);
  CHECK(modulus<double>(x)[1] == 5);
  const Array<double> re = real_part<double>(x), im = imaginary_part<double>(x);
  const Array<Cd> back = to_complex<double>(re, im);
  CHECK(distance(back, x) == 0);
}

TEST_CASE_TEMPLATE("against plain loops, lengths around the block sizes", X, float, double, Cf,
                   Cd) {
  for (const Index n : {0, 1, 7, 8, 9, 4095, 4096, 4097, 100003}) {
    const auto x = random_array<X>(Shape{n}, "x"), y = random_array<X>(Shape{n}, "y");
    double inner = 0, apart = 0, largest = 0;
    for (Index i = 0; i < n; ++i) {
      const Cd a(x[i]), b(y[i]);
      inner += std::real(a * std::conj(b));
      apart += std::norm(a - b);
      largest = std::max(largest, static_cast<double>(std::abs(x[i])));
    }
    // Sums in double: n eps relative to the sum of the moduli, about n.
    const double tolerance =
        1e-15 * static_cast<double>(n) * std::sqrt(static_cast<double>(n)) + 1e-30;
    CHECK(std::abs(dot(x, y) - inner) <= tolerance);
    CHECK(std::abs(distance(x, y) - std::sqrt(apart)) <= tolerance);
    CHECK(max_abs<X>(x) == largest);
  }
}

TEST_CASE_TEMPLATE("the same bits for 1, 2 and 4 threads", X, float, double, Cf, Cd) {
  const auto x = random_array<X>(Shape{3, 250, 333}, "x");
  const auto y = random_array<X>(Shape{3, 250, 333}, "y");
  double inner = 0, apart = 0;
  Array<X> z(x.shape());
  for (const int threads : {1, 2, 4}) {
    const ScopedThreads scope(threads);
    Array<X> w(x.shape());
    combine<X>(Real<X>(0.3), x, Real<X>(0.7), y, w);
    axpy<X>(Real<X>(0.1), x, w);
    if (threads == 1) {
      inner = dot(x, y);
      apart = distance(x, y);
      z = w;
    }
    CHECK(dot(x, y) == inner);
    CHECK(distance(x, y) == apart);
    CHECK(distance(w, z) == 0);
  }
}

TEST_CASE_TEMPLATE("not-a-number and infinities are found wherever they are", X, float, double, Cf,
                   Cd) {
  using T = Real<X>;
  for (const T bad : {std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::infinity(),
                      -std::numeric_limits<T>::infinity()}) {
    for (const Index at : {0, 5, 8, 70000, 70001}) {
      auto x = random_array<X>(Shape{70002}, "x");
      CHECK(all_finite(x));
      if constexpr (is_complex<X>) {
        x[at] = {T(0), bad};
      } else {
        x[at] = bad;
      }
      CHECK(!all_finite(x));
      if (std::isnan(bad)) {
        CHECK(std::isnan(max_abs<X>(x)));
      } else {
        CHECK(max_abs<X>(x) == std::numeric_limits<double>::infinity());
      }
    }
  }
  Array<X> largest(Shape{3}, X(std::numeric_limits<T>::max()));
  CHECK(all_finite(largest));
}

TEST_CASE("float sums are accumulated in double") {
  Array<float> x(Shape{20000000}, 1.0F);
  CHECK(dot(x, x) == 2e7);  // a float sum would stop at 2^24
}

TEST_CASE("shapes must agree") {
  Array<float> x(Shape{2, 3}), y(Shape{3, 2});
  CHECK_THROWS_WITH_AS(dot(x, y), "dot: got (3,2), expected (2,3)", ShapeError);
  CHECK_THROWS_AS(distance(x, y), ShapeError);
  CHECK_THROWS_AS((copy<float>(x, y)), ShapeError);
  CHECK_THROWS_AS((axpy<float>(1, x, y)), ShapeError);
  CHECK_THROWS_AS((combine<float>(1, x, 1, x, y)), ShapeError);
  CHECK_THROWS_AS((combine<float>(1, x, 1, y, x)), ShapeError);
  CHECK_THROWS_AS((to_complex<float>(x, y)), ShapeError);
}
