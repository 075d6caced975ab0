#include <fejer/operators/compose.hpp>

#include <cmath>
#include <limits>

#include <doctest/doctest.h>
#include <fejer/operators/finite_difference.hpp>
#include <fejer/operators/identity.hpp>
#include <fejer/operators/mask.hpp>

#include "operators/dense.hpp"

using namespace fejer;

namespace {

/// The operator of a dense matrix on vectors.
struct Matrix {
  using Domain = double;
  using Range = double;
  Eigen::MatrixXd matrix;
  Shape domain() const { return {matrix.cols()}; }
  Shape range() const { return {matrix.rows()}; }
  void apply(ConstView<double> x, View<double> y) const { product(matrix, x, y); }
  void apply_adjoint(ConstView<double> y, View<double> x) const {
    product(matrix.transpose(), y, x);
  }
  static void product(const Eigen::MatrixXd& m, ConstView<double> x, View<double> y) {
    Eigen::Map<Eigen::VectorXd>(y.data(), y.size()) =
        m * Eigen::Map<const Eigen::VectorXd>(x.data(), x.size());
  }
};

Matrix matrix(Index rows, Index columns, std::initializer_list<double> values) {
  Eigen::MatrixXd m(rows, columns);
  Index i = 0;
  for (const double v : values) {
    m(i / columns, i % columns) = v;
    ++i;
  }
  return {m};
}

Array<double> vector(std::initializer_list<double> values) {
  Array<double> x(Shape{static_cast<Index>(values.size())});
  Index i = 0;
  for (const double v : values) x[i++] = v;
  return x;
}

const Matrix A = matrix(2, 3, {1, 2, 3, 4, 5, 6});
const Matrix B = matrix(3, 2, {1, 0, 0, 1, 1, -1});

}  // namespace

TEST_CASE("compose: hand-computed products, sums, multiples, adjoints and stacks") {
  CHECK(fejer_test::dense(A * B) == A.matrix * B.matrix);
  CHECK(fejer_test::dense(A + A) == 2 * A.matrix);
  CHECK(fejer_test::dense(-0.5 * A) == -0.5 * A.matrix);
  CHECK(fejer_test::dense(scaled(3, A)) == 3 * A.matrix);
  CHECK(fejer_test::dense(adjoint(A)) == A.matrix.transpose());
  CHECK(fejer_test::dense(adjoint(A * B)) == (A.matrix * B.matrix).transpose());
  const auto y = (A * B).apply(vector({1, 2}));
  CHECK(y[0] == 2);  // B (1,2) = (1,2,-1); A of it = (2, 8)
  CHECK(y[1] == 8);
}

TEST_CASE("compose: a stack of equal ranges gains an axis, others become one vector") {
  const LinearOperator<double> equal = stack(A, 2.0 * A, A);
  CHECK(equal.range() == Shape{3, 2});
  const Array<double> y = equal.apply(vector({1, 0, 0}));
  CHECK(y[1] == 4);
  CHECK(y[2] == 2);
  CHECK(y[5] == 4);
  const LinearOperator<double> mixed = stack<double, double>({A, Identity<double>(Shape{3})});
  CHECK(mixed.range() == Shape{5});
  const Array<double> z = mixed.apply(vector({1, 2, 3}));
  CHECK(z[0] == 14);
  CHECK(z[1] == 32);
  CHECK(z[4] == 3);
  const Array<double> back = mixed.apply_adjoint(vector({1, 0, 0, 10, 0}));
  CHECK(back[0] == 1);
  CHECK(back[1] == 12);
  CHECK(back[2] == 3);
}

TEST_CASE("compose: norms are derived from those of the operands") {
  Array<double> weights(Shape{2, 2}, 0.5);
  weights[3] = -3;
  const Mask<double> M(weights);
  const FiniteDifference<double> D(Shape{2, 2});
  const double d = 2;  // squared: 4 cos^2(pi/4) + 4 cos^2(pi/4) = 4
  CHECK((D * M).norm_interval().upper == doctest::Approx(3 * d));
  CHECK((M + M).norm_interval().upper == doctest::Approx(6));
  CHECK((-2.0 * M).norm_interval().upper == doctest::Approx(6));
  CHECK((-2.0 * M).norm_interval().lower == doctest::Approx(6));
  CHECK(stack(M, 2.0 * M).norm_interval().upper == doctest::Approx(std::sqrt(9.0 + 36.0)));
  CHECK(adjoint(D).norm_interval().upper == doctest::Approx(d));
  CHECK(adjoint(D).norm_interval().how == D.norm_interval().how);
  // Operators that state no bound leave an infinite one, unless they are multiplied by zero.
  CHECK(std::isinf((A * B).norm_interval().upper));
  CHECK((0.0 * (A * B)).norm_interval().upper == 0);
}

TEST_CASE("compose: handles and concrete types mix, and operands may go away") {
  LinearOperator<double> chain = Identity<double>(Shape{3});
  {
    const LinearOperator<double> local = Matrix(A);
    chain = adjoint(local) * local;
  }
  CHECK(fejer_test::dense(chain) == A.matrix.transpose() * A.matrix);
}

TEST_CASE("compose: what does not fit is refused in one line") {
  CHECK_THROWS_WITH_AS(A * A, "A * B: got A with domain (3), expected the range of B, (2)",
                       ShapeError);
  CHECK_THROWS_WITH_AS(A + B, "A + B, domain of B: got (2), expected (3)", ShapeError);
  CHECK_THROWS_WITH_AS(stack(A, B), "stack, domain: got (2), expected (3)", ShapeError);
  CHECK_THROWS_WITH_AS((Stack<double, double>({})), "stack: got no operator, expected at least one",
                       ArgumentError);
  CHECK_THROWS_WITH_AS(scaled(std::numeric_limits<double>::infinity(), A),
                       "scaled: got factor inf, expected a finite number", ArgumentError);
}
