// Residuals of the Karush-Kuhn-Tucker conditions of the lifted problem, with the multipliers that
// the state holds: L's derivatives for W, b, u and v with h = 0 put in.
#include <algorithm>
#include <cmath>
#include <limits>

#include <fejer/algorithms/inexact_augmented_lagrangian.hpp>
#include <fejer/vector.hpp>

#include "column_blocks.hpp"

namespace fejer {

using detail::RowMatrix;
using detail::sum_column_blocks;

namespace {

/// A residual times N above this is counted.
constexpr double pair_tolerance = 2e-3;

/// Distance of t from the interval between a and b.
double outside(double t, double a, double b) {
  return std::max({0.0, std::min(a, b) - t, t - std::max(a, b)});
}

/// Counts over blocks; sums and maxima do not depend on the order.
struct PairCounts {
  double largest = 0, slack = 0, certificate = -std::numeric_limits<double>::infinity();
  Index pairs = 0, outside = 0, kinks = 0, kinks_outside = 0;
  void add(double residual) {
    ++pairs;
    largest = std::max(largest, residual);
    if (residual > pair_tolerance) ++outside;
  }
  PairCounts& operator+=(const PairCounts& other) {
    largest = std::max(largest, other.largest);
    slack += other.slack;
    certificate = std::max(certificate, other.certificate);
    pairs += other.pairs;
    outside += other.outside;
    kinks += other.kinks;
    kinks_outside += other.kinks_outside;
    return *this;
  }
};

/// One pair: xi and gv (the derivative for v of all but beta's term) times N, beta as given.
void judge(double u, double v, double xi, double gv, double beta, double slope, PairCounts& c) {
  const double slack = v - std::max(u, slope * u);
  c.slack += slack;
  c.certificate = std::max(c.certificate, -gv);
  if (slack > 0) {
    const double low = beta * (u < 0   ? slope
                               : u > 0 ? 1
                                       : slope),
                 high = beta * (u < 0 ? slope : 1);
    return c.add(std::max(outside(xi, low, high), std::abs(gv + beta)));
  }
  const double shortfall = std::isfinite(beta) ? std::max(0.0, -(gv + beta)) : 0;
  if (u != 0) return c.add(std::max(std::abs(xi + (u > 0 ? 1 : slope) * gv), shortfall));
  const double kink = outside(-xi, slope * gv, gv);
  ++c.kinks;
  if (kink > pair_tolerance) ++c.kinks_outside;
  c.add(std::max(kink, shortfall));
}

}  // namespace

double KktReport::residual() const { return std::max({weights, bias, pairs}); }

KktReport InexactAugmentedLagrangian::kkt(const State& s) const {
  const SparseFitOptions& o = fit_.options();
  const Index last = fit_.layers();
  const double count = static_cast<double>(fit_.samples());
  const ConstView<double> p(s.p), us(s.u), vs(s.v), xis(s.xi), products(s.product);
  KktReport r;
  for (Index i = 0; i < s.u.size(); ++i)
    r.feasibility = std::max(r.feasibility, std::abs(s.u[i] - s.product[i]));
  r.relative_feasibility = distance(s.u, s.product) / std::max(norm(s.u), 1e-300);
  const PairCounts pairs = sum_column_blocks(fit_.samples(), [&](Index begin, Index end) {
    PairCounts c;
    const auto columns = [&](ConstView<double> stacked, Index l) {
      return as_matrix(fit_.layer(stacked, l)).middleCols(begin, end - begin);
    };
    const auto y = as_matrix(ConstView<double>(fit_.y())).middleCols(begin, end - begin);
    for (Index l = 1; l <= last; ++l) {
      const auto u = columns(us, l), v = columns(vs, l), xi = columns(xis, l);
      RowMatrix gv;
      if (l == last)
        gv = 2 * (v - y);
      else
        gv = -count * transposed_product<double>(as_matrix(fit_.weights(p, l + 1)),
                                                 columns(xis, l + 1)) +
             2 * o.lambda_v * v;
      for (Index i = 0; i < gv.rows(); ++i)
        for (Index n = 0; n < gv.cols(); ++n)
          if (l == last && !o.activated_output)
            c.add(std::abs(count * xi(i, n) + gv(i, n)));
          else
            judge(u(i, n), v(i, n), count * xi(i, n), gv(i, n), options_.beta, o.slope, c);
    }
    return c;
  });
  r.pairs = pairs.largest;
  r.pairs_outside = static_cast<double>(pairs.outside) / static_cast<double>(pairs.pairs);
  r.mean_slack = pairs.slack / static_cast<double>(pairs.pairs);
  r.certificate = pairs.certificate;
  r.kinks = pairs.kinks;
  r.kinks_outside = pairs.kinks_outside;
  for (Index l = 1; l <= last; ++l) {
    const auto z = as_matrix(l == 1 ? ConstView<double>(fit_.x()) : fit_.layer(vs, l - 1));
    const auto xi = as_matrix(fit_.layer(xis, l));
    const auto w = as_matrix(fit_.weights(p, l));
    const RowMatrix pull = sum_column_blocks(fit_.samples(), [&](Index begin, Index end) {
      return product_transposed<double>(xi.middleCols(begin, end - begin),
                                        z.middleCols(begin, end - begin));
    });
    const Eigen::VectorXd sum = sum_column_blocks(fit_.samples(), [&](Index begin, Index end) {
      return Eigen::VectorXd(xi.middleCols(begin, end - begin).rowwise().sum());
    });
    for (Index g = 0; g < fit_.group_count(l); ++g) {
      const auto weights = detail::part(w, fit_.group(l, g));
      const auto pulled = detail::part(pull, fit_.group(l, g));
      const double size = weights.norm();
      const double residual = size > 0 ? (o.lambda_w / size * weights - pulled).norm()
                                       : std::max(0.0, pulled.norm() - o.lambda_w);
      r.weights = std::max(r.weights, residual);
    }
    r.bias = std::max(
        r.bias, (2 * o.lambda_b * flat(fit_.bias(p, l)).matrix() - sum).lpNorm<Eigen::Infinity>());
  }
  return r;
}

}  // namespace fejer
