#include <fejer/check.hpp>

#include <cmath>

#include <doctest/doctest.h>
#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

using namespace fejer;

namespace {

/// y = M x; the adjoint's elements are multiplied by `wrong`.
template <class X>
struct Dense {
  Index rows, columns;
  Array<X> m;
  Real<X> wrong = 1;
  bool conjugate = true;
  double stated = std::numeric_limits<double>::infinity();
  Dense(Index r, Index c) : rows(r), columns(c), m(Shape{r, c}) {
    fill_normal<X>(m, Rng(8).stream("matrix"));
  }
  Shape domain() const { return {columns}; }
  Shape range() const { return {rows}; }
  void apply(ConstView<X> x, View<X> y) const {
    for (Index i = 0; i < rows; ++i) {
      y[i] = 0;
      for (Index j = 0; j < columns; ++j) y[i] += m[i * columns + j] * x[j];
    }
  }
  void apply_adjoint(ConstView<X> y, View<X> x) const {
    for (Index j = 0; j < columns; ++j) {
      x[j] = 0;
      for (Index i = 0; i < rows; ++i) {
        if constexpr (is_complex<X>) {
          x[j] += (conjugate ? std::conj(m[i * columns + j]) : m[i * columns + j]) * y[i] * wrong;
        } else {
          x[j] += m[i * columns + j] * y[i] * wrong;
        }
      }
    }
  }
  NormInterval norm_interval() const { return {0, stated, "test"}; }
};

/// |x|_1 with a prox whose threshold is wrong by a factor.
struct L1 {
  double factor = 1;
  void prox(ConstView<double> v, double gamma, View<double> out) const {
    for (Index i = 0; i < v.size(); ++i)
      out[i] = std::copysign(std::max(std::abs(v[i]) - factor * gamma, 0.0), v[i]);
  }
  double value(ConstView<double> x) const {
    double sum = 0;
    for (const double v : x) sum += std::abs(v);
    return sum;
  }
};

struct Positive {
  double shift = 0;
  void prox(ConstView<double> v, double, View<double> out) const {
    for (Index i = 0; i < v.size(); ++i) out[i] = std::max(v[i], 0.0) + shift;
  }
  double value(ConstView<double> x) const {
    for (const double v : x)
      if (v < 0) return std::numeric_limits<double>::infinity();
    return 0;
  }
};

}  // namespace

TEST_CASE_TEMPLATE("adjoint_error: rounding for a right adjoint, found for wrong ones", X, double,
                   std::complex<double>, float, std::complex<float>) {
  Dense<X> A(7, 4);
  const double eps = static_cast<double>(std::numeric_limits<Real<X>>::epsilon());
  CHECK(adjoint_error(LinearOperator<X>(A)) < 10 * eps);
  A.wrong = Real<X>(1.001);
  CHECK(adjoint_error(LinearOperator<X>(A), 5) > 1e-5);
  A.wrong = 1;
  if constexpr (is_complex<X>) {
    A.conjugate = false;
    CHECK(adjoint_error(LinearOperator<X>(A), 5) > 0.05);
  }
  A.m[0] = std::numeric_limits<Real<X>>::quiet_NaN();
  CHECK(std::isinf(adjoint_error(LinearOperator<X>(A))));
}

TEST_CASE("prox_violation: none for a true prox, found for wrong ones") {
  Array<double> v(Shape{20});
  fill_normal<double>(v, Rng(3).stream("v"));
  scale<double>(v, 10);  // beyond the largest threshold
  for (const double gamma : {0.1, 1.0, 5.0}) {
    CHECK(prox_violation<double>(L1{}, v, gamma) < 1e-14);
    CHECK(prox_violation<double>(Positive{}, v, gamma) < 1e-14);
    CHECK(prox_violation<double>(L1{0.9}, v, gamma) > 1e-6);
    CHECK(prox_violation<double>(L1{1.1}, v, gamma) > 1e-6);
    CHECK(prox_violation<double>(Positive{0.01}, v, gamma) > 1e-7);
    CHECK(std::isinf(prox_violation<double>(Positive{-0.01}, v, gamma)));
  }
  // The other convention, g(x) + gamma ||x - v||^2 / 2, is found.
  struct Reciprocal : L1 {
    void prox(ConstView<double> u, double gamma, View<double> out) const {
      L1::prox(u, 1 / gamma, out);
    }
  };
  CHECK(prox_violation<double>(Reciprocal{}, v, 0.3) > 1e-3);
}

TEST_CASE("norm_interval shows a stated bound that is too small") {
  Dense<double> A(5, 5);
  const double truth = norm_interval(LinearOperator<double>(A), 2000).lower;
  A.stated = 1.01 * truth;
  const NormInterval good = norm_interval(LinearOperator<double>(A));
  CHECK(good.lower <= good.upper);
  CHECK(good.lower > 0.9 * truth);
  A.stated = 0.9 * truth;
  const NormInterval bad = norm_interval(LinearOperator<double>(A), 500);
  CHECK(bad.lower > bad.upper);
}

TEST_CASE_TEMPLATE("nonnegative_norm_bound: sharp, from above, refuses negative entries", T, float,
                   double) {
  Dense<T> A(6, 4);
  for (T& value : A.m) value = std::abs(value);
  const LinearOperator<T> handle(A);
  const auto normal = [&](ConstView<T> x, View<T> out) { handle.normal(x, out); };
  const double truth = power_method_norm(handle, 500);
  for (const int products : {1, 3, 12, 40}) {
    const double bound = nonnegative_norm_bound<T>(normal, handle.domain(), products);
    CHECK(bound >= truth * (1 - 1e-12));
    if (products >= 12) CHECK(bound < truth * (1 + 1e-4));
  }
  // Blocks of different norms and columns that nothing reaches.
  const auto blocks = [](ConstView<T> x, View<T> out) {
    out[0] = 4 * x[0];
    out[1] = 9 * x[1];
    out[2] = 0;
  };
  CHECK(nonnegative_norm_bound<T>(blocks, Shape{3}) == doctest::Approx(3).epsilon(1e-5));
  const auto zero = [](ConstView<T>, View<T> out) { fill<T>(out, 0); };
  CHECK(nonnegative_norm_bound<T>(zero, Shape{3}) == 0);
  const auto negative = [](ConstView<T> x, View<T> out) {
    out[0] = x[0] - 2 * x[1];
    out[1] = -2 * x[0] + 5 * x[1];
  };
  CHECK_THROWS_WITH_AS(nonnegative_norm_bound<T>(negative, Shape{2}),
                       "nonnegative_norm_bound: A*A of a positive vector has a negative element; "
                       "the bound needs an operator with non-negative entries",
                       ArgumentError);
}

TEST_CASE("vjp_error: rounding for a right product, found for wrong ones") {
  // f(x) = (x_0 x_1, sin x_2, x_0), xbar = f'(x)^T ybar.
  const Map f = [](ConstView<double> x, View<double> y) {
    y[0] = x[0] * x[1];
    y[1] = std::sin(x[2]);
    y[2] = x[0];
  };
  const auto vjp = [](double factor) {
    return [factor](ConstView<double> x, ConstView<double> ybar, View<double> xbar) {
      xbar[0] = x[1] * ybar[0] + ybar[2];
      xbar[1] = factor * x[0] * ybar[0];
      xbar[2] = std::cos(x[2]) * ybar[1];
    };
  };
  Array<double> x(Shape{3});
  x[0] = 0.7, x[1] = -1.2, x[2] = 0.4;
  CHECK(vjp_error(f, vjp(1), x, Shape{3}) < 1e-9);  // differences: eps/h + h^2
  CHECK(vjp_error(f, vjp(1.01), x, Shape{3}) > 1e-5);
  CHECK(vjp_error(f, vjp(-1), x, Shape{3}) > 1e-2);
  const auto nan = [](ConstView<double>, ConstView<double>, View<double> xbar) {
    fill<double>(xbar, std::nan(""));
  };
  CHECK(std::isinf(vjp_error(f, nan, x, Shape{3})));
}

TEST_CASE_TEMPLATE("lipschitz_lower_bound: near the constant, never above", X, float, double,
                   std::complex<double>) {
  const std::function<void(ConstView<X>, View<X>)> linear = [](ConstView<X> x, View<X> y) {
    for (Index i = 0; i < x.size(); ++i) y[i] = x[i] * static_cast<Real<X>>(i == 5 ? 2.0 : 0.5);
  };
  Array<X> x(Shape{40});
  fill_normal<X>(x, Rng(1).stream("x"));
  const double found = lipschitz_lower_bound<X>(linear, x);
  CHECK(found <= 2 * (1 + 1e-4));  // differences of floats
  CHECK(found > 1.99);
  const std::function<void(ConstView<X>, View<X>)> constant = [](ConstView<X>, View<X> y) {
    fill<X>(y, X(3));
  };
  CHECK(lipschitz_lower_bound<X>(constant, x) == 0);
}
