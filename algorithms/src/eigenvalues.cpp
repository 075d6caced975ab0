#include <fejer/algorithms/eigenvalues.hpp>

#include <algorithm>
#include <cmath>
#include <string>

#include <Eigen/Eigenvalues>
#include <fejer/error.hpp>

namespace fejer {
namespace {

template <class Matrix>
Eigen::SelfAdjointEigenSolver<Matrix> solved(const Matrix& m, int what) {
  if (m.rows() != m.cols() || m.rows() == 0)
    throw ArgumentError("eigenvalues: got a matrix of " + std::to_string(m.rows()) + " x " +
                        std::to_string(m.cols()) + ", expected a square one");
  return Eigen::SelfAdjointEigenSolver<Matrix>(m, what);
}

template <class Matrix>
EigenDecomposition<Matrix> decomposed(const Eigen::SelfAdjointEigenSolver<Matrix>& solver) {
  return {solver.eigenvalues(), solver.eigenvectors()};
}

}  // namespace

Eigen::VectorXd eigenvalues(const Eigen::MatrixXd& symmetric) {
  return solved(symmetric, Eigen::EigenvaluesOnly).eigenvalues();
}
Eigen::VectorXd eigenvalues(const Eigen::MatrixXcd& hermitian) {
  return solved(hermitian, Eigen::EigenvaluesOnly).eigenvalues();
}
EigenDecomposition<Eigen::MatrixXd> eigen_decomposition(const Eigen::MatrixXd& symmetric) {
  return decomposed(solved(symmetric, Eigen::ComputeEigenvectors));
}
EigenDecomposition<Eigen::MatrixXcd> eigen_decomposition(const Eigen::MatrixXcd& hermitian) {
  return decomposed(solved(hermitian, Eigen::ComputeEigenvectors));
}

EigenDecomposition<Eigen::MatrixXd> eigen_decomposition_tridiagonal(const Eigen::VectorXd& diagonal,
                                                                    const Eigen::VectorXd& beside) {
  if (diagonal.size() == 0 || beside.size() != diagonal.size() - 1)
    throw ArgumentError("eigen_decomposition_tridiagonal: got " + std::to_string(diagonal.size()) +
                        " and " + std::to_string(beside.size()) +
                        " elements, expected n > 0 and n - 1");
  Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver;
  solver.computeFromTridiagonal(diagonal, beside);
  return decomposed(solver);
}

double spectral_norm(const Eigen::MatrixXd& m) {
  const Eigen::MatrixXd gram = m.rows() <= m.cols() ? Eigen::MatrixXd(m * m.transpose())
                                                    : Eigen::MatrixXd(m.transpose() * m);
  return std::sqrt(std::max(0.0, eigenvalues(gram).maxCoeff()));
}

}  // namespace fejer
