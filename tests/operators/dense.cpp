#include "operators/dense.hpp"

#include <Eigen/SVD>

namespace fejer_test {

double spectral_norm(const Eigen::MatrixXd& matrix) {
  return Eigen::JacobiSVD<Eigen::MatrixXd>(matrix).singularValues()[0];
}

}  // namespace fejer_test
