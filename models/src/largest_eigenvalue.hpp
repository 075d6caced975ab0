#pragma once
/// The end of a spectrum by Eigen's solver, which takes long to compile and is in one object only.
#include <Eigen/Core>

namespace fejer::detail {

template <class Vector>
struct Eigenpair {
  double value;
  Vector vector;  ///< of norm 1
};

/// Of a symmetric or Hermitian matrix (its lower triangle is read), n > 0. Cost O(n^3).
double largest_eigenvalue(const Eigen::MatrixXd& symmetric);
double largest_eigenvalue(const Eigen::MatrixXcd& hermitian);
Eigenpair<Eigen::VectorXd> largest_eigenpair(const Eigen::MatrixXd& symmetric);
Eigenpair<Eigen::VectorXcd> largest_eigenpair(const Eigen::MatrixXcd& hermitian);

}  // namespace fejer::detail
