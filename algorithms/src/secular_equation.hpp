#pragma once
/// One group of weights, minimised exactly.
#include "column_blocks.hpp"

namespace fejer::detail {

/// argmin over X (rows, n) of lambda ||X||_F + rho/2 tr(X G X^T) - <Q, X>, G (n, n) symmetric and
/// positive semidefinite, Q in the range of G: 0 iff ||Q||_F <= lambda, otherwise
///   X = Q (rho G + lambda/t I)^-1, t > 0 with sum_k ||Q e_k||^2 / (rho g_k t + lambda)^2 = 1
/// over the eigenpairs (g_k, e_k) of G; t = ||X||_F, by Newton's method on the root of the sum's
/// inverse, inside a bracket. What Q has outside the range of G, by rounding, is dropped.
class SecularGroup {
 public:
  /// Cost O(n^3); a minimiser then O(rows n^2).
  explicit SecularGroup(const Eigen::MatrixXd& gram);
  Eigen::MatrixXd minimiser(const Eigen::MatrixXd& q, double rho, double lambda) const;

 private:
  Eigen::VectorXd values_;  ///< 0 where they are 0 to rounding
  Eigen::MatrixXd vectors_;
};

}  // namespace fejer::detail
