// Closed forms inside the inexact augmented Lagrangian method against brute force.
#include <doctest/doctest.h>

#include <array>
#include <cmath>

#include "lifted_blocks.hpp"
#include "secular_equation.hpp"
#include "sparse_fits.hpp"

using namespace fejer;
using namespace fejer_test;
using detail::PairProblem;

TEST_CASE("pairs: never above a grid's least value, feasible, and slack opens") {
  const RandomStream random = Rng(3).stream("pairs");
  const auto uniform = [&](int i, int k, double low, double high) {
    return low + (high - low) * random.uniform(static_cast<std::uint64_t>(8 * i + k));
  };
  int open = 0, kinks = 0;
  for (int i = 0; i < 2000; ++i) {
    const double slope = i % 7 == 0 ? 0 : uniform(i, 0, 0.01, 0.9);
    const double rho = std::pow(10, uniform(i, 1, -2, 2)), eta = std::pow(10, uniform(i, 2, -2, 2));
    const bool hard = i % 5 == 0;
    const double beta = hard ? infinity : std::pow(10, uniform(i, 3, -2, 1));
    const double c = uniform(i, 4, -2, 2), d = uniform(i, 5, -2, 2);
    const PairProblem problem(rho, eta, beta, slope);
    const detail::Pair best = problem.minimiser(c, d);
    const double sigma = std::max(best.u, slope * best.u);
    REQUIRE(best.v - sigma >= (hard ? 0 : -1e-12));
    if (hard) REQUIRE(best.v == sigma);
    open += best.v > sigma;
    kinks += best.u == 0;
    double least = infinity;
    for (int a = -120; a <= 120; ++a) {
      const double u = 4.0 * a / 120, s = std::max(u, slope * u);
      for (int b = 0; b <= (hard ? 0 : 60); ++b)
        least = std::min(least, problem.value({u, s + 6.0 * b / 60}, c, d));
    }
    REQUIRE(problem.value(best, c, d) <= least + 1e-12);
  }
  CHECK(open > 200);
  CHECK(kinks > 50);
  const detail::Pair free = PairProblem(2, 0, 5, 0.1).minimiser(-3, 100);
  CHECK(free.u == -3);
  CHECK(free.v == doctest::Approx(-0.3));
}

TEST_CASE(
    "columns: no perturbation lowers the block's objective, zero exactly when |q| <= lambda") {
  const Index n = 40, in = 4, out = 3;
  const Array<double> inputs = normal({in, n}, "z"), targets = normal({out, n}, "t");
  const auto z = as_matrix(ConstView<double>(inputs)), t = as_matrix(ConstView<double>(targets));
  const double rho = 0.3, lambda_b = 0.02;
  const detail::LayerSums sums{z * z.transpose(), t * z.transpose(), z.rowwise().sum(),
                               t.rowwise().sum(), static_cast<double>(n)};
  const auto value = [&](const Eigen::MatrixXd& w, const Eigen::VectorXd& b, double lambda) {
    const Eigen::MatrixXd r = (t - w * z).colwise() - b;
    return lambda * w.colwise().norm().sum() + lambda_b * b.squaredNorm() +
           rho / 2 * r.squaredNorm();
  };
  for (const double lambda : {0.1, 1.5, 2.5}) {
    Eigen::MatrixXd w = Eigen::MatrixXd::Zero(out, in);
    Eigen::VectorXd b = Eigen::VectorXd::Zero(out);
    detail::descend(sums, rho, lambda, lambda_b, 300, w, b);
    const double least = value(w, b, lambda);
    for (int i = 0; i < 200; ++i) {
      const Array<double> dw = normal({out, in}, "dw" + std::to_string(i), 1e-3);
      const Array<double> db = normal({out}, "db" + std::to_string(i), 1e-3);
      CHECK(value(w + as_matrix(ConstView<double>(dw)), b, lambda) >= least * (1 - 1e-10));
      CHECK(value(w, b + flat(ConstView<double>(db)).matrix(), lambda) >= least * (1 - 1e-10));
    }
    for (Index j = 0; j < in; ++j) {
      const Eigen::VectorXd q = rho * (sums.cross.col(j) - b * sums.z[j] - w * sums.gram.col(j) +
                                       w.col(j) * sums.gram(j, j));
      CHECK((q.norm() <= lambda) == (w.col(j).array() == 0).all());
    }
  }
  // An input that is always 0.
  detail::LayerSums dead = sums;
  dead.gram.row(1).setZero();
  dead.gram.col(1).setZero();
  dead.cross.col(1).setZero();
  dead.z[1] = 0;
  Eigen::MatrixXd w = Eigen::MatrixXd::Ones(out, in);
  Eigen::VectorXd b = Eigen::VectorXd::Zero(out);
  detail::descend(dead, rho, 0.1, lambda_b, 2, w, b);
  CHECK((w.col(1).array() == 0).all());
  CHECK(w.allFinite());
}

TEST_CASE("a group by the secular equation: the minimiser that proximal gradient finds, slowly") {
  const RandomStream random = Rng(4).stream("secular");
  int zeros = 0, singular = 0;
  for (int i = 0; i < 60; ++i) {
    const std::string name = std::to_string(i);
    const Index n = 1 + i % 5, m = 1 + i % 3, samples = i % 4 == 0 ? std::max<Index>(1, n - 1) : 12;
    const Array<double> inputs = normal({n, samples}, "z" + name),
                        targets = normal({m, samples}, "t" + name);
    const auto z = as_matrix(ConstView<double>(inputs)), t = as_matrix(ConstView<double>(targets));
    const double rho = std::pow(10, 4 * random.uniform(static_cast<std::uint64_t>(i)) - 2);
    const Eigen::MatrixXd gram = z * z.transpose(), q = rho * t * z.transpose();
    const std::array<double, 4> shares = {0.05, 0.6, 1 - 1e-9, 1};
    const double lambda = q.norm() * shares[static_cast<std::size_t>(i / 2 % 4)];
    const auto value = [&](const Eigen::MatrixXd& x) {
      return lambda * x.norm() + rho / 2 * (x * gram).cwiseProduct(x).sum() -
             q.cwiseProduct(x).sum();
    };
    const Eigen::MatrixXd x = detail::SecularGroup(gram).minimiser(q, rho, lambda);
    REQUIRE(x.allFinite());
    REQUIRE((x.array() == 0).all() == (q.norm() <= lambda));
    zeros += (x.array() == 0).all();
    singular += samples < n;
    const double step = 1 / (rho * gram.trace());
    Eigen::MatrixXd slow = Eigen::MatrixXd::Zero(m, n);
    for (int k = 0; k < 20000; ++k) {
      slow -= step * (rho * slow * gram - q);
      const double norm = slow.norm();
      slow *= norm > step * lambda ? 1 - step * lambda / norm : 0;
    }
    CHECK(value(x) <= value(slow) + 1e-12 * (1 + std::abs(value(slow))));
    if (samples >= n) CHECK((x - slow).norm() <= 1e-5 * (1e-3 + slow.norm()));
    if (x.norm() > 0) CHECK((rho * x * gram - q + lambda / x.norm() * x).norm() <= 1e-8 * q.norm());
    if (n > 1) continue;
    const double norm = q.norm();
    const Eigen::MatrixXd column =
        norm > lambda ? Eigen::MatrixXd((1 - lambda / norm) / (rho * gram(0, 0)) * q) : 0 * q;
    CHECK((x - column).norm() <= 1e-12 * (1 + column.norm()));
  }
  CHECK(zeros >= 12);
  CHECK(singular >= 10);
}

TEST_CASE("rows and groups of columns: no perturbation lowers the block's objective") {
  const Index n = 40, in = 6, out = 3;
  const Array<double> inputs = normal({in, n}, "z"), targets = normal({out, n}, "t");
  const auto z = as_matrix(ConstView<double>(inputs)), t = as_matrix(ConstView<double>(targets));
  const double rho = 0.3, lambda_b = 0.02;
  const detail::LayerSums sums{z * z.transpose(), t * z.transpose(), z.rowwise().sum(),
                               t.rowwise().sum(), static_cast<double>(n)};
  for (const Index together : {0, 2, 3}) {  // 0: rows
    const auto norms = [&](const Eigen::MatrixXd& w) {
      double sum = together == 0 ? w.rowwise().norm().sum() : 0;
      for (Index j = 0; together > 0 && j < in; j += together)
        sum += w.middleCols(j, together).norm();
      return sum;
    };
    for (const double lambda : {0.1, 2.0, 4.0}) {
      const auto value = [&](const Eigen::MatrixXd& w, const Eigen::VectorXd& b) {
        const Eigen::MatrixXd r = (t - w * z).colwise() - b;
        return lambda * norms(w) + lambda_b * b.squaredNorm() + rho / 2 * r.squaredNorm();
      };
      Eigen::MatrixXd w = Eigen::MatrixXd::Ones(out, in);
      Eigen::VectorXd b = Eigen::VectorXd::Zero(out);
      detail::descend(sums, rho, lambda, lambda_b, 400, w, b,
                      together == 0 ? WeightGroups::rows : WeightGroups::columns,
                      std::max<Index>(1, together));
      const double least = value(w, b);
      for (int i = 0; i < 200; ++i) {
        const Array<double> dw = normal({out, in}, "dw" + std::to_string(i), 1e-3);
        const Array<double> db = normal({out}, "db" + std::to_string(i), 1e-3);
        CHECK(value(w + as_matrix(ConstView<double>(dw)), b) >= least * (1 - 1e-10));
        CHECK(value(w, b + flat(ConstView<double>(db)).matrix()) >= least * (1 - 1e-10));
      }
    }
  }
}
