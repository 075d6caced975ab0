#include "lifted_blocks.hpp"

#include <algorithm>
#include <cmath>

namespace fejer::detail {

PairProblem::PairProblem(double rho, double eta, double beta, double slope)
    : rho_(rho),
      eta_(eta),
      beta_(beta),
      slope_(slope),
      lift_(beta / rho),
      drop_(eta > 0 ? beta / eta : 0),
      soft_(std::isfinite(beta)) {}

double PairProblem::value(const Pair& p, double c, double d) const {
  const double slack = p.v - std::max(p.u, slope_ * p.u);
  const double fit = rho_ / 2 * (p.u - c) * (p.u - c) + eta_ / 2 * (p.v - d) * (p.v - d);
  return soft_ ? fit + beta_ * slack : fit;
}

Pair PairProblem::minimiser(double c, double d) const {
  if (!(eta_ > 0)) return {c, std::max(c, slope_ * c)};
  const double right = std::max(0.0, (rho_ * c + eta_ * d) / (rho_ + eta_));
  const double left =
      std::min(0.0, (rho_ * c + eta_ * slope_ * d) / (rho_ + slope_ * slope_ * eta_));
  Pair best;
  double least = 0;
  bool found = false;
  const auto consider = [&](const Pair& p) {
    const double f = value(p, c, d);
    if (found && !(f < least)) return;
    best = p;
    least = f;
    found = true;
  };
  const double v = d - drop_;  // where the slack is open
  if (soft_) {
    const double above = c + lift_, below = c + slope_ * lift_;
    if (above >= 0 && v >= above) consider({above, v});
    if (below <= 0 && v >= slope_ * below) consider({below, v});
  }
  consider({right, right});
  consider({left, slope_ * left});
  if (soft_) consider({0, std::max(0.0, v)});
  return best;
}

void descend(const LayerSums& sums, double rho, double lambda_w, double lambda_b, Index passes,
             Eigen::MatrixXd& w, Eigen::VectorXd& b) {
  const auto fit_bias = [&] {
    b = rho / (rho * sums.count + 2 * lambda_b) * (sums.t - w * sums.z);
  };
  Eigen::VectorXd q(w.rows());
  for (Index pass = 0; pass < passes; ++pass) {
    fit_bias();
    for (Index j = 0; j < w.cols(); ++j) {
      const double curvature = sums.gram(j, j);
      if (!(curvature > 0)) {
        w.col(j).setZero();
        continue;
      }
      q.noalias() = sums.cross.col(j) - w * sums.gram.col(j);
      q += curvature * w.col(j) - sums.z[j] * b;
      q *= rho;
      const double norm = q.norm();
      if (norm > lambda_w)
        w.col(j) = ((1 - lambda_w / norm) / (rho * curvature)) * q;
      else
        w.col(j).setZero();
    }
  }
  fit_bias();
}

}  // namespace fejer::detail
