#include <fejer/algorithms/inexact_augmented_lagrangian.hpp>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include <fejer/algorithms/eigenvalues.hpp>

#include "lifted_blocks.hpp"
#include "secular_equation.hpp"

namespace fejer {

using detail::for_column_blocks;
using detail::PairProblem;
using detail::RowMatrix;
using detail::sum_column_blocks;

namespace {

void require(bool fits, const char* name, double got, const char* expected) {
  if (!fits)
    throw ArgumentError(std::string("InexactAugmentedLagrangian: got ") + name + " = " +
                        std::to_string(got) + ", expected " + expected);
}

/// Samples whose residuals of a layer stay in the cache while its units are gone through.
constexpr Index chunk = 128;
constexpr double change_decay = 0.8;
/// L may exceed the start's objective by rounding.
constexpr double reset_room = 1e-9;

double quotient(double a, double b) { return b > 0 ? a / b : a; }

}  // namespace

InexactAugmentedLagrangian::InexactAugmentedLagrangian(SparseFit fit,
                                                       AugmentedLagrangianOptions options)
    : fit_(std::move(fit)), options_(options) {
  const AugmentedLagrangianOptions& o = options_;
  require(o.rho > 0 && std::isfinite(o.rho), "rho", o.rho, "a positive number");
  require(o.rho_max >= o.rho, "rho_max", o.rho_max, "rho or more");
  require(o.growth >= 1 && std::isfinite(o.growth), "growth", o.growth, "1 or more");
  require(o.contraction > 0 && o.contraction < 1, "contraction", o.contraction, "(0, 1)");
  require(o.beta > 0, "beta", o.beta, "a positive number or infinity");
  require(o.multiplier_max > 0, "multiplier_max", o.multiplier_max, "a positive number");
  require(o.sweeps >= 1, "sweeps", static_cast<double>(o.sweeps), "1 or more");
  require(o.column_passes >= 1, "column_passes", static_cast<double>(o.column_passes), "1 or more");
  require(o.level_room >= 0 && std::isfinite(o.level_room), "level_room", o.level_room,
          "a number of at least 0");
  require(o.check_every >= 1, "check_every", static_cast<double>(o.check_every), "1 or more");
  require(o.change >= 0 && o.change_min >= 0, "change", o.change, "0 or more");
  const SparseFitOptions& f = fit_.options();
  require(f.lambda_w > 0, "lambda_w", f.lambda_w, "a positive number: without it no minimiser");
  require(f.lambda_b > 0, "lambda_b", f.lambda_b, "a positive number: without it no minimiser");
  const auto x = as_matrix(ConstView<double>(fit_.x()));
  input_gram_ = Array<double>(Shape{x.rows(), x.rows()});
  input_sum_ = Array<double>(Shape{x.rows()});
  as_matrix(View<double>(input_gram_)) =
      sum_column_blocks(fit_.samples(), [&](Index begin, Index end) {
        const auto z = x.middleCols(begin, end - begin);
        return product_transposed<double>(z, z);
      });
  flat(View<double>(input_sum_)).matrix() =
      sum_column_blocks(fit_.samples(), [&](Index begin, Index end) {
        return Eigen::VectorXd(x.middleCols(begin, end - begin).rowwise().sum());
      });
}

void InexactAugmentedLagrangian::restart_at(State& s, const Array<double>& p) const {
  s.p = p;
  fit_.forward(s.p, s.u, s.v);
  s.product = s.u;
}

InexactAugmentedLagrangian::State InexactAugmentedLagrangian::init(Array<double> p0) const {
  require_shape("InexactAugmentedLagrangian parameters", p0.shape(), Shape{fit_.parameters()});
  State s;
  const Shape shape{fit_.units(), fit_.samples()};
  for (Array<double>* a : {&s.u, &s.v, &s.xi}) *a = Array<double>(shape);
  restart_at(s, p0);
  if (options_.dual_start) {
    fit_.backward(s.p, s.u, s.v, s.xi);
    scale<double>(s.xi, -1);
  }
  s.rho = options_.rho;
  s.change = options_.change;
  s.infeasibility = std::numeric_limits<double>::infinity();
  s.start_objective = s.best_objective = fit_.value(s.p);
  s.best = std::move(p0);
  return s;
}

double InexactAugmentedLagrangian::augmented_lagrangian(const State& s) const {
  const double rho = per_sample(s.rho);
  const double terms_of_h = sum_column_blocks(fit_.samples(), [&](Index begin, Index end) {
    const auto columns = [&](const Array<double>& stacked) {
      return as_matrix(ConstView<double>(stacked)).middleCols(begin, end - begin).array();
    };
    const auto h = columns(s.u) - columns(s.product);
    return (columns(s.xi) * h).sum() + rho / 2 * h.square().sum();
  });
  return terms_of_h + lifted_objective(s);
}

double InexactAugmentedLagrangian::lifted_objective(const State& s) const {
  const SparseFitOptions& o = fit_.options();
  const double beta = per_sample(options_.beta);
  const bool soft = std::isfinite(options_.beta);
  const auto part = [&](Index begin, Index end) {
    double sum = 0;
    const auto columns = [&](const Array<double>& stacked, Index l) {
      return as_matrix(fit_.layer(ConstView<double>(stacked), l))
          .middleCols(begin, end - begin)
          .array();
    };
    for (Index l = 1; l <= fit_.layers(); ++l) {
      const auto u = columns(s.u, l), v = columns(s.v, l);
      const bool last = l == fit_.layers();
      if (last)
        sum += per_sample(
            (v - as_matrix(ConstView<double>(fit_.y())).middleCols(begin, end - begin).array())
                .square()
                .sum());
      else if (o.lambda_v > 0)
        sum += per_sample(o.lambda_v * v.square().sum());
      if (soft && (!last || o.activated_output)) sum += beta * (v - u.max(o.slope * u)).sum();
    }
    return sum;
  };
  return sum_column_blocks(fit_.samples(), part) + fit_.regulariser(s.p);
}

namespace {

using Columns = Eigen::Ref<RowMatrix, 0, Eigen::OuterStride<>>;

/// The pairs (u_i, v_i) of one hidden layer on some samples: c = W v + b - xi/rho of this layer,
/// `residual` = h + xi/rho of the next, whose weights are w.
struct HiddenPairs {
  DenseMatrixRef<double> w;
  const RowMatrix& c;
  double rho, weight_v;  ///< 2 lambda_v / N
  double beta, slope;

  /// All that concerns v is eta/2 (v - d)^2 for one unit, or is at most that, up to a constant:
  /// pull = (w^T residual) of this unit.
  template <class Pull, class U, class V>
  void minimise(double eta, Index i, const Pull& pull, U& u, V& v, Eigen::RowVectorXd& step) const {
    const PairProblem problem(rho, eta, beta, slope);
    for (Index k = 0; k < u.cols(); ++k) {
      const double old = v(i, k);
      const double d = eta > 0 ? old + (rho * pull[k] - weight_v * old) / eta : 0;
      const detail::Pair best = problem.minimiser(c(i, k), d);
      u(i, k) = best.u;
      v(i, k) = best.v;
      step[k] = best.v - old;
    }
  }
  /// Unit by unit, each exactly.
  void in_turn(RowMatrix& residual, Columns u, Columns v) const {
    Eigen::RowVectorXd pull(u.cols()), step(u.cols());
    for (Index i = 0; i < u.rows(); ++i) {
      const double eta = rho * w.col(i).squaredNorm() + weight_v;
      pull.noalias() = w.col(i).transpose() * residual;
      minimise(eta, i, pull, u, v, step);
      if (eta > 0) residual.noalias() -= w.col(i) * step;
    }
  }
  /// All units at once, by the majorant with the largest eigenvalue of W^T W.
  void at_once(double largest, const RowMatrix& residual, Columns u, Columns v) const {
    const RowMatrix pull = transposed_product<double>(w, residual);
    Eigen::RowVectorXd step(u.cols());
    for (Index i = 0; i < u.rows(); ++i)
      minimise(rho * largest + weight_v, i, pull.row(i), u, v, step);
  }
};

}  // namespace

double InexactAugmentedLagrangian::sweep_pairs(State& s) const {
  const SparseFitOptions& o = fit_.options();
  const double rho = per_sample(s.rho), beta = per_sample(options_.beta);
  const Index last = fit_.layers();
  std::vector<double> largest(static_cast<std::size_t>(last), 0.0);  // of W^T W of the next layer
  for (Index l = 1; options_.prox_linear && l < last; ++l) {
    const double norm = spectral_norm(as_matrix(fit_.weights(ConstView<double>(s.p), l + 1)));
    largest[static_cast<std::size_t>(l)] = norm * norm * (1 + 1e-12);  // a few roundings upwards
  }
  const auto part = [&](Index first, Index end_of_block) {
    Eigen::Array2d sums = Eigen::Array2d::Zero();  // ||du||^2, ||u||^2
    for (Index begin = first; begin < end_of_block; begin += chunk) {
      const Index n = std::min(chunk, end_of_block - begin);
      const auto columns = [&](Array<double>& stacked, Index l) {
        return as_matrix(fit_.layer(View<double>(stacked), l)).middleCols(begin, n);
      };
      const auto target = as_matrix(ConstView<double>(fit_.y())).middleCols(begin, n);
      RowMatrix c, residual;
      for (Index l = last; l >= 1; --l) {
        auto u = columns(s.u, l), v = columns(s.v, l);
        c = columns(s.product, l) - columns(s.xi, l) / rho;
        const RowMatrix before = u;
        if (l == last && !o.activated_output) {
          u = (per_sample(2) * target + rho * c) / (per_sample(2) + rho);
          v = u;
        } else if (l == last) {
          const PairProblem problem(rho, per_sample(2), beta, o.slope);
          for (Index i = 0; i < u.rows(); ++i)
            for (Index k = 0; k < n; ++k) {
              const detail::Pair best = problem.minimiser(c(i, k), target(i, k));
              u(i, k) = best.u;
              v(i, k) = best.v;
            }
        } else {
          const HiddenPairs pairs{as_matrix(fit_.weights(ConstView<double>(s.p), l + 1)),
                                  c,
                                  rho,
                                  per_sample(2 * o.lambda_v),
                                  beta,
                                  o.slope};
          if (options_.prox_linear)
            pairs.at_once(largest[static_cast<std::size_t>(l)], residual, u, v);
          else
            pairs.in_turn(residual, u, v);
        }
        residual = u - c;
        sums[0] += (u - before).squaredNorm();
        sums[1] += u.squaredNorm();
      }
    }
    return sums;
  };
  const Eigen::Array2d sums = sum_column_blocks(fit_.samples(), part);
  return quotient(std::sqrt(sums[0]), std::sqrt(sums[1]));
}

double InexactAugmentedLagrangian::sweep_weights(State& s) const {
  const SparseFitOptions& o = fit_.options();
  const double rho = per_sample(s.rho);
  double moved = 0, size = 0;
  for (Index l = 1; l <= fit_.layers(); ++l) {
    const auto z =
        as_matrix(l == 1 ? ConstView<double>(fit_.x()) : fit_.layer(ConstView<double>(s.v), l - 1));
    const auto u = as_matrix(fit_.layer(ConstView<double>(s.u), l));
    const auto xi = as_matrix(fit_.layer(ConstView<double>(s.xi), l));
    // [cross | t] and [gram | z] of a block, in one matrix: a row of ones below z.
    const Index inputs = z.rows(), outputs = u.rows();
    const bool first = l == 1;
    const Eigen::MatrixXd sums = sum_column_blocks(fit_.samples(), [&](Index begin, Index end) {
      const Index n = end - begin;
      Eigen::MatrixXd part(outputs + (first ? 0 : inputs), inputs + 1);
      const auto zn = z.middleCols(begin, n);
      const RowMatrix t = u.middleCols(begin, n) + xi.middleCols(begin, n) / rho;
      part.topLeftCorner(outputs, inputs) = product_transposed<double>(t, zn);
      part.col(inputs).head(outputs) = t.rowwise().sum();
      if (first) return part;
      part.bottomLeftCorner(inputs, inputs) = product_transposed<double>(zn, zn);
      part.col(inputs).tail(inputs) = zn.rowwise().sum();
      return part;
    });
    detail::LayerSums layer;
    layer.count = static_cast<double>(fit_.samples());
    layer.cross = sums.topLeftCorner(outputs, inputs);
    layer.t = sums.col(inputs).head(outputs);
    if (first) {
      layer.gram = as_matrix(ConstView<double>(input_gram_));
      layer.z = flat(ConstView<double>(input_sum_)).matrix();
    } else {
      layer.gram = sums.bottomLeftCorner(inputs, inputs);
      layer.z = sums.col(inputs).tail(inputs);
    }
    auto w = as_matrix(fit_.weights(View<double>(s.p), l));
    auto b = flat(fit_.bias(View<double>(s.p), l)).matrix();
    Eigen::MatrixXd new_w = w;
    Eigen::VectorXd new_b = b;
    detail::descend(layer, rho, o.lambda_w, o.lambda_b, options_.column_passes, new_w, new_b,
                    o.groups, fit_.group(l, 0).columns);
    moved += (new_w - w).squaredNorm();
    size += new_w.squaredNorm();
    w = new_w;
    b = new_b;
  }
  return quotient(std::sqrt(moved), std::sqrt(size));
}

void InexactAugmentedLagrangian::multiply(State& s) const {
  for_column_blocks(fit_.samples(), [&](Index begin, Index end) {
    const Index n = end - begin;
    for (Index l = 1; l <= fit_.layers(); ++l) {
      const ConstView<double> z =
          l == 1 ? ConstView<double>(fit_.x()) : fit_.layer(ConstView<double>(s.v), l - 1);
      auto out = as_matrix(fit_.layer(View<double>(s.product), l)).middleCols(begin, n);
      out = product<double>(as_matrix(fit_.weights(ConstView<double>(s.p), l)),
                            as_matrix(z).middleCols(begin, n));
      out.colwise() += flat(fit_.bias(ConstView<double>(s.p), l)).matrix();
    }
  });
}

double InexactAugmentedLagrangian::sweep(State& s) const {
  const double pairs = sweep_pairs(s), weights = sweep_weights(s);
  multiply(s);
  ++s.sweeps;
  return pairs + weights;
}

void InexactAugmentedLagrangian::step(State& s) const {
  if (!(augmented_lagrangian(s) <= s.start_objective * (1 + options_.level_room + reset_room))) {
    restart_at(s, s.best);
    ++s.resets;
  }
  double change = 0;
  for (Index t = 0; t < options_.sweeps; ++t) {
#ifndef NDEBUG
    const double before = augmented_lagrangian(s);
#endif
    change = sweep(s);
    assert(augmented_lagrangian(s) <= before + 1e-10 * std::max(1.0, std::abs(before)));
    if (change <= s.change) break;
  }
  const double rho = per_sample(s.rho), largest = per_sample(options_.multiplier_max);
  const double misfit = quotient(distance(s.u, s.product), norm(s.u));
  parallel_for(s.xi.size(), 1 << 16, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i)
      s.xi[i] = std::clamp(s.xi[i] + rho * (s.u[i] - s.product[i]), -largest, largest);
  });
  if (misfit > options_.contraction * s.infeasibility)
    s.rho = std::min(options_.growth * s.rho, options_.rho_max);
  s.infeasibility = misfit;
  s.change = std::max(change_decay * s.change, options_.change_min);
  s.residual = std::max(change, misfit);
  if ((s.iteration + 1) % options_.check_every != 0) return;
  const double objective = fit_.value(s.p);
  if (objective < s.best_objective) {
    s.best_objective = objective;
    s.best = s.p;
  }
}

}  // namespace fejer
