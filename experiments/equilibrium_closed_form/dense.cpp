#include "dense.hpp"

#include <cmath>

namespace fejer::equilibrium_closed_form {

Vector<double> eigenvalues(const Matrix<double>& symmetric) {
  return Eigen::SelfAdjointEigenSolver<Matrix<double>>(symmetric, Eigen::EigenvaluesOnly)
      .eigenvalues();
}

double spectral_norm(const Matrix<double>& m) {
  return std::sqrt(eigenvalues(m.transpose() * m).maxCoeff());
}

Matrix<double> solve(const Matrix<double>& H, const Matrix<double>& B) {
  return Eigen::LLT<Matrix<double>>(H).solve(B);
}

}  // namespace fejer::equilibrium_closed_form
