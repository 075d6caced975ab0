#include "lifted_blocks.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "secular_equation.hpp"

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

namespace {

/// w times columns [begin, end) of the Gram matrix: a sum over the columns of w that are not 0.
Eigen::MatrixXd product_with_columns(const Eigen::MatrixXd& w, const Eigen::MatrixXd& gram,
                                     Index begin, Index end) {
  std::vector<Index> active;
  for (Index j = 0; j < w.cols(); ++j)
    if (!(w.col(j).array() == 0).all()) active.push_back(j);
  const Eigen::MatrixXd some = w(Eigen::all, active);
  const Eigen::MatrixXd rows = gram(active, Eigen::seq(begin, end - 1));
  return some * rows;
}

/// Every column once, exactly.
void descend_columns(const LayerSums& sums, double rho, double lambda_w, const Eigen::VectorXd& b,
                     Eigen::MatrixXd& w) {
  constexpr Index block = 32;
  Eigen::VectorXd q(w.rows()), step(w.rows());
  for (Index begin = 0; begin < w.cols(); begin += block) {
    const Index end = std::min(begin + block, w.cols());
    Eigen::MatrixXd product = product_with_columns(w, sums.gram, begin, end);
    for (Index j = begin; j < end; ++j) {
      const double curvature = sums.gram(j, j);
      const Eigen::VectorXd old = w.col(j);
      w.col(j).setZero();
      if (curvature > 0) {
        q = rho * (sums.cross.col(j) - product.col(j - begin) + curvature * old - sums.z[j] * b);
        const double norm = q.norm();
        if (norm > lambda_w) w.col(j) = ((1 - lambda_w / norm) / (rho * curvature)) * q;
      }
      step = w.col(j) - old;
      const Index left = end - j - 1;
      if (left > 0 && !(step.array() == 0).all())
        product.rightCols(left).noalias() +=
            step * sums.gram.col(j).segment(j + 1, left).transpose();
    }
  }
}

/// The same for groups of columns.
void descend_column_groups(const LayerSums& sums, double rho, double lambda_w,
                           const std::vector<SecularGroup>& groups, const Eigen::VectorXd& b,
                           Eigen::MatrixXd& w) {
  const Index n = w.cols() / static_cast<Index>(groups.size());
  for (Index begin = 0; begin < w.cols(); begin += n) {
    w.middleCols(begin, n).setZero();
    const Eigen::MatrixXd q =
        rho * (sums.cross.middleCols(begin, n) - b * sums.z.segment(begin, n).transpose() -
               product_with_columns(w, sums.gram, begin, begin + n));
    w.middleCols(begin, n) =
        groups[static_cast<std::size_t>(begin / n)].minimiser(q, rho, lambda_w);
  }
}

}  // namespace

void descend(const LayerSums& sums, double rho, double lambda_w, double lambda_b, Index passes,
             Eigen::MatrixXd& w, Eigen::VectorXd& b, WeightGroups groups, Index columns) {
  std::vector<SecularGroup> spectra;
  if (groups == WeightGroups::rows)
    spectra.emplace_back(sums.gram);
  else if (columns > 1)
    for (Index j = 0; j < w.cols(); j += columns)
      spectra.emplace_back(sums.gram.block(j, j, columns, columns));
  const auto fit_bias = [&] {
    b = rho / (rho * sums.count + 2 * lambda_b) * (sums.t - w * sums.z);
  };
  for (Index pass = 0; pass < passes; ++pass) {
    fit_bias();
    if (groups == WeightGroups::rows)
      for (Index i = 0; i < w.rows(); ++i)
        w.row(i) = spectra[0].minimiser(rho * (sums.cross.row(i) - b[i] * sums.z.transpose()), rho,
                                        lambda_w);
    else if (columns > 1)
      descend_column_groups(sums, rho, lambda_w, spectra, b, w);
    else
      descend_columns(sums, rho, lambda_w, b, w);
  }
  fit_bias();
}

}  // namespace fejer::detail
