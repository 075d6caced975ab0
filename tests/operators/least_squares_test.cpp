#include <fejer/operators/least_squares.hpp>

#include <cmath>

#include <doctest/doctest.h>
#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

using namespace fejer;

namespace {

/// y = M x by plain loops; X and Y may differ in being complex.
template <class X, class Y>
struct Dense {
  Index rows, columns;
  Array<Y> m;
  double stated;
  Dense(Index r, Index c, double norm) : rows(r), columns(c), m(Shape{r, c}), stated(norm) {
    fill_normal<Y>(m, Rng(3).stream("matrix"));
  }
  Shape domain() const { return {columns}; }
  Shape range() const { return {rows}; }
  void apply(ConstView<X> x, View<Y> y) const {
    for (Index i = 0; i < rows; ++i) {
      y[i] = 0;
      for (Index j = 0; j < columns; ++j) y[i] += m[i * columns + j] * x[j];
    }
  }
  void apply_adjoint(ConstView<Y> y, View<X> x) const {
    for (Index j = 0; j < columns; ++j) {
      std::complex<double> sum = 0;
      for (Index i = 0; i < rows; ++i)
        sum += std::conj(std::complex<double>(m[i * columns + j])) * std::complex<double>(y[i]);
      if constexpr (is_complex<X>) {
        x[j] = X(sum);
      } else {
        x[j] = static_cast<X>(sum.real());
      }
    }
  }
  NormInterval norm_interval() const { return {stated / 2, stated, "test"}; }
};

}  // namespace

TEST_CASE("by hand: A = (1 2; 0 1), y = (1, 0)") {
  Dense<double, double> A(2, 2, 3);
  A.m[0] = 1, A.m[1] = 2, A.m[2] = 0, A.m[3] = 1;
  Array<double> y(Shape{2}), x(Shape{2}), gradient(Shape{2});
  y[0] = 1;
  x[0] = 1, x[1] = 1;
  const LeastSquares<double> f(A, y);
  CHECK(f.value(x) == 2.5);  // residual (2, 1)
  f.gradient(x, gradient);
  CHECK(gradient[0] == 2);
  CHECK(gradient[1] == 5);
  CHECK(f.lipschitz_interval().lower == 2.25);
  CHECK(f.lipschitz_interval().upper == 9);
  CHECK(f.convexity() == 0);
  CHECK(LeastSquares<double>(A, y, 0.1).convexity() == 0.1);
  CHECK(f.data()[0] == 1);
  CHECK(f.forward_operator().range() == Shape{2});
}

TEST_CASE_TEMPLATE("the gradient is that of the value", P, std::pair<double, double>,
                   std::pair<std::complex<double>, std::complex<double>>,
                   std::pair<double, std::complex<double>>) {
  using X = typename P::first_type;
  using Y = typename P::second_type;
  const Dense<X, Y> A(5, 4, 10);
  Array<Y> y(Shape{5});
  Array<X> x(Shape{4}), direction(Shape{4}), ahead(Shape{4}), behind(Shape{4});
  fill_normal<Y>(y, Rng(1).stream("y"));
  fill_normal<X>(x, Rng(1).stream("x"));
  fill_normal<X>(direction, Rng(1).stream("direction"));
  const LeastSquares<X, Y> f(LinearOperator<X, Y>(A), y);
  combine<X>(1, x, 0.5, direction, ahead);
  combine<X>(1, x, -0.5, direction, behind);
  Array<X> gradient(Shape{4}), again(Shape{4});
  f.gradient(x, gradient);
  // Central differences of a quadratic are exact.
  const double slope = f.value(ahead) - f.value(behind);
  CHECK(slope == doctest::Approx(dot(gradient, direction)).epsilon(1e-12));
  CHECK(f.value_and_gradient(x, again) == f.value(x));
  CHECK(distance(gradient, again) <= 1e-13 * norm(gradient));

  const SmoothFunction<X> handle = f;
  Array<X> third(Shape{4});
  handle.gradient(x, third);
  CHECK(distance(third, gradient) == 0);
}

TEST_CASE("an operator without a bound gives an infinite upper end") {
  struct Unbounded {
    Shape domain() const { return {1}; }
    Shape range() const { return {1}; }
    void apply(ConstView<double> x, View<double> y) const { y[0] = 3 * x[0]; }
    void apply_adjoint(ConstView<double> y, View<double> x) const { x[0] = 3 * y[0]; }
  };
  const Array<double> y(Shape{1});
  const Interval interval = LeastSquares<double>(Unbounded{}, y).lipschitz_interval();
  CHECK(std::isinf(interval.upper));
  CHECK(interval.lower == doctest::Approx(9).epsilon(1e-12));
}

TEST_CASE("misuse is refused") {
  const Dense<double, double> A(3, 2, 1);
  const Array<double> wrong(Shape{2}), right(Shape{3});
  CHECK_THROWS_WITH_AS(LeastSquares<double>(A, wrong), "LeastSquares data: got (2), expected (3)",
                       ShapeError);
  CHECK_THROWS_WITH_AS(LeastSquares<double>(A, right, -1),
                       "LeastSquares: got a convexity of -1.000000, expected a finite number >= 0",
                       ArgumentError);
}
