#pragma once
/// The closed forms of the inexact augmented Lagrangian method.
#include "column_blocks.hpp"

namespace fejer::detail {

struct Pair {
  double u = 0, v = 0;
};

/// argmin beta (v - s(u)) + rho/2 (u - c)^2 + eta/2 (v - d)^2 over v >= s(u) = max(u, slope u),
/// or over v = s(u) where beta is infinite: the least of at most five candidates, the first of
/// equals. eta = 0 (nothing depends on v): u = c, v = s(c).
class PairProblem {
 public:
  PairProblem(double rho, double eta, double beta, double slope);
  Pair minimiser(double c, double d) const;
  double value(const Pair& p, double c, double d) const;

 private:
  double rho_, eta_, beta_, slope_, lift_, drop_;
  bool soft_;
};

/// What (W, b) of a layer are fitted to: sums over N samples z of inputs and t of targets.
struct LayerSums {
  Eigen::MatrixXd gram;   ///< sum z z^T
  Eigen::MatrixXd cross;  ///< sum t z^T
  Eigen::VectorXd z, t;   ///< sums
  double count = 0;
};

/// Descent on lambda_w sum_g ||W_g|| + lambda_b ||b||^2 + rho/2 sum ||t - W z - b||^2: b, then the
/// groups in order, each minimised exactly, `passes` times, then b. Groups are columns, or
/// `columns` of them in a row, or rows.
void descend(const LayerSums& sums, double rho, double lambda_w, double lambda_b, Index passes,
             Eigen::MatrixXd& w, Eigen::VectorXd& b, WeightGroups groups = WeightGroups::columns,
             Index columns = 1);

}  // namespace fejer::detail
