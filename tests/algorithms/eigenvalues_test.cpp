#include <doctest/doctest.h>

#include <cmath>

#include <fejer/algorithms/eigenvalues.hpp>
#include <fejer/error.hpp>
#include <fejer/rng.hpp>

using fejer::ArgumentError;

namespace {

template <class Matrix>
Matrix random_matrix(Eigen::Index rows, Eigen::Index columns) {
  fejer::Array<typename Matrix::Scalar> draws(fejer::Shape{rows * columns});
  fejer::fill_normal<typename Matrix::Scalar>(draws, fejer::Rng(5).stream("matrix"));
  return Eigen::Map<Matrix>(draws.data(), rows, columns);
}

template <class Matrix>
void check_decomposition(const Matrix& m) {
  const auto [values, vectors] = fejer::eigen_decomposition(m);
  const double size = m.norm(), rounding = 1e-13;
  CHECK((m * vectors - vectors * values.asDiagonal()).norm() <= rounding * size);
  CHECK((vectors.adjoint() * vectors - Matrix::Identity(m.rows(), m.rows())).norm() <=
        rounding * 10);
  for (Eigen::Index k = 1; k < values.size(); ++k) CHECK(values[k - 1] <= values[k]);
  CHECK((fejer::eigenvalues(m) - values).norm() <= rounding * size);
}

}  // namespace

TEST_CASE("eigenvalues: pairs of symmetric and Hermitian matrices of every small size") {
  for (const Eigen::Index n : {1, 2, 3, 8, 33}) {
    const auto real = random_matrix<Eigen::MatrixXd>(n, n);
    check_decomposition<Eigen::MatrixXd>(real + real.transpose());
    const auto complex = random_matrix<Eigen::MatrixXcd>(n, n);
    check_decomposition<Eigen::MatrixXcd>(complex + complex.adjoint());
  }
}

TEST_CASE("eigenvalues: a tridiagonal matrix as a full one") {
  const Eigen::Index n = 9;
  const Eigen::VectorXd diagonal = random_matrix<Eigen::MatrixXd>(n, 1);
  const Eigen::VectorXd beside = diagonal.head(n - 1).array() + 0.5;
  Eigen::MatrixXd full = diagonal.asDiagonal();
  full.diagonal(1) = full.diagonal(-1) = beside;
  const auto [values, vectors] = fejer::eigen_decomposition_tridiagonal(diagonal, beside);
  CHECK((full * vectors - vectors * values.asDiagonal()).norm() <= 1e-13 * full.norm());
}

TEST_CASE("eigenvalues: the spectral norm of matrices of rank one, tall and wide") {
  const Eigen::VectorXd u = random_matrix<Eigen::MatrixXd>(7, 1),
                        v = random_matrix<Eigen::MatrixXd>(4, 1);
  const double norm = u.norm() * v.norm();
  CHECK(std::abs(fejer::spectral_norm(u * v.transpose()) - norm) <= 1e-14 * norm);
  CHECK(std::abs(fejer::spectral_norm(v * u.transpose()) - norm) <= 1e-14 * norm);
}

TEST_CASE("eigenvalues: refuse what is not square or empty") {
  CHECK_THROWS_AS(fejer::eigenvalues(Eigen::MatrixXd(2, 3)), ArgumentError);
  CHECK_THROWS_AS(fejer::eigen_decomposition(Eigen::MatrixXcd(0, 0)), ArgumentError);
  CHECK_THROWS_AS(fejer::eigen_decomposition_tridiagonal(Eigen::VectorXd(3), Eigen::VectorXd(3)),
                  ArgumentError);
}
