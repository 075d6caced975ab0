#include "dense.hpp"

#include <Eigen/Cholesky>

namespace fejer::equilibrium_closed_form {

Matrix<double> solve(const Matrix<double>& H, const Matrix<double>& B) {
  return Eigen::LLT<Matrix<double>>(H).solve(B);
}

}  // namespace fejer::equilibrium_closed_form
