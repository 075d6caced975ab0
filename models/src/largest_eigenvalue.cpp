#include "largest_eigenvalue.hpp"

#include <Eigen/Eigenvalues>

namespace fejer::detail {
namespace {

template <class Matrix>
double value(const Matrix& m) {
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(m, Eigen::EigenvaluesOnly);
  return solver.eigenvalues()[m.rows() - 1];
}

template <class Vector, class Matrix>
Eigenpair<Vector> pair(const Matrix& m) {
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(m);
  return {solver.eigenvalues()[m.rows() - 1], solver.eigenvectors().col(m.rows() - 1)};
}

}  // namespace

double largest_eigenvalue(const Eigen::MatrixXd& symmetric) { return value(symmetric); }
double largest_eigenvalue(const Eigen::MatrixXcd& hermitian) { return value(hermitian); }
Eigenpair<Eigen::VectorXd> largest_eigenpair(const Eigen::MatrixXd& symmetric) {
  return pair<Eigen::VectorXd>(symmetric);
}
Eigenpair<Eigen::VectorXcd> largest_eigenpair(const Eigen::MatrixXcd& hermitian) {
  return pair<Eigen::VectorXcd>(hermitian);
}

}  // namespace fejer::detail
