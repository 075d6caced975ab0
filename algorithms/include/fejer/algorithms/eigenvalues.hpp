#pragma once
/// Symmetric and Hermitian eigenvalue problems, small and dense, by Eigen's solver. It takes ten
/// times as long to compile as other sources: it is instantiated here only.
#include <Eigen/Core>

namespace fejer {

/// The eigenvalues of a real symmetric or complex Hermitian matrix (n, n), ascending. Its lower
/// triangle is read. Cost O(n^3). Throws `ArgumentError` if the matrix is empty or not square.
Eigen::VectorXd eigenvalues(const Eigen::MatrixXd& symmetric);
Eigen::VectorXd eigenvalues(const Eigen::MatrixXcd& hermitian);

/// M = vectors diag(values) vectors^H.
template <class Matrix>
struct EigenDecomposition {
  Eigen::VectorXd values;  ///< ascending
  Matrix vectors;          ///< unitary; column k belongs to values[k]
};
/// As `eigenvalues`, with the vectors.
EigenDecomposition<Eigen::MatrixXd> eigen_decomposition(const Eigen::MatrixXd& symmetric);
EigenDecomposition<Eigen::MatrixXcd> eigen_decomposition(const Eigen::MatrixXcd& hermitian);

/// Of the symmetric tridiagonal matrix with this diagonal (n) and the n - 1 elements beside it.
EigenDecomposition<Eigen::MatrixXd> eigen_decomposition_tridiagonal(const Eigen::VectorXd& diagonal,
                                                                    const Eigen::VectorXd& beside);

/// The largest singular value of M (any shape, not empty): the root of the largest eigenvalue of
/// the smaller of M M^T and M^T M.
double spectral_norm(const Eigen::MatrixXd& matrix);

}  // namespace fejer
