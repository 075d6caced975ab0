#include <fejer/linear_operator.hpp>

#include <cmath>

#include <doctest/doctest.h>
#include <fejer/vector.hpp>

using namespace fejer;

namespace {

/// y_i = d_i x_i.
template <class X>
struct Diagonal {
  Array<X> d;
  Shape domain() const { return d.shape(); }
  Shape range() const { return d.shape(); }
  void apply(ConstView<X> x, View<X> y) const {
    for (Index i = 0; i < x.size(); ++i) y[i] = d[i] * x[i];
  }
  void apply_adjoint(ConstView<X> y, View<X> x) const {
    for (Index i = 0; i < y.size(); ++i) {
      if constexpr (is_complex<X>) {
        x[i] = std::conj(d[i]) * y[i];
      } else {
        x[i] = d[i] * y[i];
      }
    }
  }
};

/// Real to complex: y = (1 + 2i) x.
template <class T>
struct Turn {
  Shape domain() const { return {4}; }
  Shape range() const { return {4}; }
  void apply(ConstView<T> x, View<std::complex<T>> y) const {
    for (Index i = 0; i < 4; ++i) y[i] = {x[i], 2 * x[i]};
  }
  void apply_adjoint(ConstView<std::complex<T>> y, View<T> x) const {
    for (Index i = 0; i < 4; ++i) x[i] = y[i].real() + 2 * y[i].imag();
  }
  NormInterval norm_interval() const { return {0, std::sqrt(5.0), "closed form"}; }
};

template <class X>
LinearOperator<X> diagonal(std::initializer_list<X> values) {
  Diagonal<X> d{Array<X>(Shape{static_cast<Index>(values.size())})};
  std::copy(values.begin(), values.end(), d.d.begin());
  return d;
}

}  // namespace

TEST_CASE_TEMPLATE("the power method finds the norm from below", X, float, double,
                   std::complex<float>, std::complex<double>) {
  const auto A = diagonal<X>({X(1), X(-3), X(2), X(0)});
  CHECK(power_method_norm(A, 60) == doctest::Approx(3).epsilon(1e-6));
  for (const int iterations : {1, 2, 5, 30})
    for (std::uint64_t seed = 1; seed < 4; ++seed) {
      const double found = power_method_norm(A, iterations, seed);
      CHECK(found <= 3 * (1 + 1e-6));  // rounding in float
      CHECK(found > 0.1);
    }
  CHECK(power_method_norm(A, 5, 1) == power_method_norm(A, 5, 1));
  CHECK(power_method_norm(A, 60) >= power_method_norm(A, 3));
}

TEST_CASE("the zero operator and the empty one have norm zero") {
  CHECK(power_method_norm(diagonal<double>({0.0, 0.0})) == 0);
  CHECK(power_method_norm(LinearOperator<double>(Diagonal<double>{Array<double>(Shape{0})})) == 0);
}

TEST_CASE("an operator that returns not-a-number is reported") {
  const auto A = diagonal<double>({1.0, std::nan("")});
  CHECK_THROWS_WITH_AS(power_method_norm(A),
                       "power_method_norm: the operator of domain (2) returned a value that is not "
                       "finite; check its data",
                       ArgumentError);
}

TEST_CASE("the handle fills in the lower end, and keeps the stated upper end") {
  const LinearOperator<double, std::complex<double>> A = Turn<double>{};
  const NormInterval interval = A.norm_interval();
  CHECK(interval.upper == std::sqrt(5.0));
  CHECK(interval.lower <= interval.upper);
  CHECK(interval.lower == doctest::Approx(std::sqrt(5.0)).epsilon(1e-14));
  CHECK(interval.how == "closed form");
  CHECK(diagonal<double>({1.0}).norm_interval().upper == std::numeric_limits<double>::infinity());
}

TEST_CASE("normal falls back on apply and apply_adjoint") {
  const LinearOperator<double, std::complex<double>> A = Turn<double>{};
  const Array<double> x(Shape{4}, 2.0);
  Array<double> out(Shape{4});
  A.normal(x, out);
  CHECK(out[3] == 10);
}

TEST_CASE("wrong shapes are refused by the handle") {
  const auto A = diagonal<double>({1.0, 2.0});
  Array<double> x(Shape{3}), y(Shape{2});
  CHECK_THROWS_WITH_AS(A.apply(ConstView<double>(x), View<double>(y)),
                       "LinearOperator::apply input: got (3), expected (2)", ShapeError);
  CHECK_THROWS_AS(A.apply_adjoint(ConstView<double>(y), View<double>(x)), ShapeError);
  CHECK_THROWS_AS(A.normal(ConstView<double>(y), View<double>(x)), ShapeError);
}
