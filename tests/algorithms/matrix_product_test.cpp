#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <type_traits>

#include <fejer/algorithms/matrix_product.hpp>
#include <fejer/error.hpp>
#include <fejer/rng.hpp>

using namespace fejer;

namespace {

template <class T>
DenseMatrix<T> random_matrix(Eigen::Index rows, Eigen::Index columns, std::uint64_t seed) {
  const RandomStream random = Rng(seed).stream("matrix");
  DenseMatrix<T> m(rows, columns);
  for (Eigen::Index i = 0; i < m.size(); ++i)
    m.data()[i] = static_cast<T>(random.uniform(static_cast<std::uint64_t>(i)) - 0.5);
  return m;
}

/// The largest difference to sum_k a(i, k) b(k, j).
template <class T, class A, class B>
double error(const DenseMatrix<T>& product, const A& a, const B& b) {
  REQUIRE(product.rows() == a.rows());
  REQUIRE(product.cols() == b.cols());
  double worst = 0;
  for (Eigen::Index i = 0; i < a.rows(); ++i)
    for (Eigen::Index j = 0; j < b.cols(); ++j) {
      double sum = 0;
      for (Eigen::Index k = 0; k < a.cols(); ++k)
        sum += static_cast<double>(a(i, k)) * static_cast<double>(b(k, j));
      worst = std::max(worst, std::abs(sum - static_cast<double>(product(i, j))));
    }
  return worst;
}

template <class T>
void check_products(double tolerance) {
  const Eigen::Index sizes[][3] = {{1, 1, 1}, {3, 5, 2}, {40, 7, 33}, {1, 64, 9}};
  for (const auto& [rows, inner, columns] : sizes) {
    const auto a = random_matrix<T>(rows, inner, 1), b = random_matrix<T>(inner, columns, 2);
    CHECK(error<T>(product<T>(a, b), a, b) < tolerance);
    CHECK(error<T>(transposed_product<T>(a.transpose().eval(), b), a, b) < tolerance);
    CHECK(error<T>(product_transposed<T>(a, b.transpose().eval()), a, b) < tolerance);
  }
  // A block of a matrix, without a copy.
  const auto whole = random_matrix<T>(9, 20, 3), b = random_matrix<T>(6, 4, 4);
  CHECK(error<T>(product<T>(whole.middleCols(5, 6), b), whole.middleCols(5, 6), b) < tolerance);
}

}  // namespace

TEST_CASE_TEMPLATE("products of dense matrices, of their blocks and transposes", T, float, double) {
  check_products<T>(std::is_same_v<T, float> ? 1e-5 : 1e-13);
}

TEST_CASE("products of dense matrices that do not fit are refused") {
  const DenseMatrix<double> a = DenseMatrix<double>::Zero(2, 3);
  CHECK_THROWS_WITH_AS(product<double>(a, a), doctest::Contains("3 terms"), ShapeError);
  CHECK_NOTHROW(transposed_product<double>(a, a));
  CHECK_NOTHROW(product_transposed<double>(a, a));
  const DenseMatrix<double> b = DenseMatrix<double>::Zero(4, 2);
  CHECK_THROWS_AS(transposed_product<double>(a, b), ShapeError);
  CHECK_THROWS_AS(product_transposed<double>(a, b), ShapeError);
}
