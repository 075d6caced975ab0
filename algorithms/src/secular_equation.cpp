#include "secular_equation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <fejer/algorithms/eigenvalues.hpp>

namespace fejer::detail {
namespace {

/// t with sum_k s_k / (a_k t + lambda)^2 = 1, where sum_k s_k > lambda^2; s_k = 0 where a_k = 0.
double root(const Eigen::ArrayXd& s, const Eigen::ArrayXd& a, double lambda) {
  // With norm(t)^2 the sum, 1/norm - 1 is concave and rising: Newton from the left stays left.
  double low = 0, high = std::numeric_limits<double>::infinity(), t = 0;
  constexpr int most = 200;
  for (int i = 0; i < most; ++i) {
    const Eigen::ArrayXd d = a * t + lambda;
    const double sum = (s / d.square()).sum();
    (sum > 1 ? low : high) = t;
    const double slope = (s * a / d.cube()).sum();  // of -sum / 2
    double next = t + sum * (std::sqrt(sum) - 1) / slope;
    if (!(next > low && next < high)) next = std::isfinite(high) ? (low + high) / 2 : 2 * low;
    if (std::abs(next - t) <= 1e-15 * next) return next;
    t = next;
  }
  return t;
}

}  // namespace

SecularGroup::SecularGroup(const Eigen::MatrixXd& gram) {
  auto pairs = eigen_decomposition(gram);
  values_ = std::move(pairs.values);
  vectors_ = std::move(pairs.vectors);
  const double rounding = static_cast<double>(gram.rows()) *
                          std::numeric_limits<double>::epsilon() * values_.cwiseAbs().maxCoeff();
  for (double& g : values_)
    if (!(g > rounding)) g = 0;
}

Eigen::MatrixXd SecularGroup::minimiser(const Eigen::MatrixXd& q, double rho, double lambda) const {
  const Eigen::MatrixXd zero = Eigen::MatrixXd::Zero(q.rows(), q.cols());
  if (!(q.norm() > lambda)) return zero;
  Eigen::MatrixXd x = q * vectors_;
  for (Index k = 0; k < x.cols(); ++k)
    if (values_[k] == 0) x.col(k).setZero();
  const Eigen::ArrayXd s = x.colwise().squaredNorm();
  if (!(s.sum() > lambda * lambda)) return zero;
  const Eigen::ArrayXd a = rho * values_;
  const double t = root(s, a, lambda);
  const Eigen::VectorXd factors = t / (a * t + lambda);
  return x * factors.asDiagonal() * vectors_.transpose();
}

}  // namespace fejer::detail
