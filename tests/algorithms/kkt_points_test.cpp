// Where the inexact augmented Lagrangian method ends: at KKT points of the lifted problem.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include <fejer/eigen.hpp>
#include <fejer/vector.hpp>

#include "sparse_fits.hpp"

using namespace fejer;
using namespace fejer_test;

TEST_CASE(
    "a run ends at a KKT point, with exact zeros, and that point is kept after a warm start") {
  SparseFitOptions o = hidden({8});
  o.lambda_w = 1e-2;
  const SparseFit fit = small_fit(o);
  const InexactAugmentedLagrangian ialm(fit, {.growth = 1.001});
  const auto result = run(ialm, fit.initial(Rng(5)), {.max_iterations = 8000, .tolerance = 1e-8});
  auto s = ialm.init(fit.initial(Rng(5)));
  while (s.iteration < result.iterations) {
    ialm.step(s);
    ++s.iteration;
    // While h is not 0 the lifted objective is not F.
    if (s.iteration == 10)
      CHECK(std::abs(ialm.lifted_objective(s) - fit.value(s.p)) > 1e-3 * fit.value(s.p));
  }
  CHECK(ialm.lifted_objective(s) == doctest::Approx(fit.value(s.p)).epsilon(1e-7));
  CHECK(same_bits(result.x, ialm.solution(s)));
  CHECK(result.objective == fit.value(result.x));
  const KktReport report = ialm.kkt(s);
  CHECK(report.feasibility <= 1e-6);
  CHECK(report.weights <= 1e-2 * fit.options().lambda_w);
  CHECK(report.bias <= 1e-10);
  CHECK(report.pairs <= 2e-3);
  CHECK(report.pairs_outside == 0);
  CHECK(report.mean_slack == 0);
  CHECK(report.certificate < 50);
  CHECK(report.kinks_outside == 0);
  Index zeros = 0;
  const auto w = fit.weights(ConstView<double>(result.x), 2);
  for (const double v : w) zeros += v == 0;
  CHECK(zeros >= 4);
  CHECK(zeros < 8);

  const InexactAugmentedLagrangian finish(fit, {.rho = 8});
  const auto again = run(finish, result.x, {.max_iterations = 200, .tolerance = 0});
  CHECK(again.objective <= result.objective);
  CHECK(again.objective >= result.objective * (1 - 1e-4));
  CHECK(distance(again.x, result.x) <= 1e-3 * norm(result.x));
}

TEST_CASE("pairs by the majorant end where the exact ones do: at a KKT point") {
  SparseFitOptions o = hidden({8});
  o.lambda_w = 1e-2;
  const SparseFit fit = small_fit(o);
  const InexactAugmentedLagrangian ialm(fit, {.growth = 1.001, .prox_linear = true});
  auto s = ialm.init(fit.initial(Rng(5)));
  for (; s.iteration < 12000; ++s.iteration) ialm.step(s);
  const KktReport report = ialm.kkt(s);
  CHECK(report.feasibility <= 1e-5);
  CHECK(report.weights <= 1e-2 * o.lambda_w);
  CHECK(report.pairs <= 5e-3);
  CHECK(report.mean_slack == 0);
}

TEST_CASE("from every feasible point a direction keeps h = 0 and opens all inequalities (MFCQ)") {
  // dW = db = 0; layer by layer du = W dv of the layer before, dv = |du| + 1.
  SparseFitOptions o = hidden({8, 6});
  o.activated_output = true;  // an inequality in the last layer, too
  const SparseFit fit = small_fit(o);
  const double t = 0.7;
  for (const std::uint64_t seed : {5u, 6u}) {
    const Array<double> p = fit.initial(Rng(seed));
    Array<double> u(Shape{fit.units(), fit.samples()}), v(u.shape());
    fit.forward(p, u, v);
    Eigen::MatrixXd dv = Eigen::MatrixXd::Zero(fit.x().shape()[0], fit.samples());
    Eigen::MatrixXd moved_before = as_matrix(ConstView<double>(fit.x()));
    for (Index l = 1; l <= fit.layers(); ++l) {
      const auto w = as_matrix(fit.weights(ConstView<double>(p), l));
      const auto b = flat(fit.bias(ConstView<double>(p), l)).matrix();
      const Eigen::MatrixXd du = w * dv;
      dv = du.array().abs() + 1;
      const Eigen::MatrixXd moved_u = as_matrix(fit.layer(ConstView<double>(u), l)) + t * du;
      const Eigen::MatrixXd moved_v = as_matrix(fit.layer(ConstView<double>(v), l)) + t * dv;
      const Eigen::MatrixXd h = (moved_u - w * moved_before).colwise() - b;
      CHECK(h.cwiseAbs().maxCoeff() < 1e-12);
      CHECK((moved_v - moved_u).minCoeff() >= t * (1 - 1e-12));
      CHECK((moved_v - o.slope * moved_u).minCoeff() >= t * (1 - 1e-12));
      moved_before = moved_v;
    }
  }
}

TEST_CASE("multipliers of the inequalities: >= 0 for beta above the certificate, not for half") {
  SparseFitOptions o = hidden({8});
  o.lambda_w = 1e-2;
  const SparseFit fit = small_fit(o);
  const InexactAugmentedLagrangian ialm(fit, {.growth = 1.001});
  auto s = ialm.init(fit.initial(Rng(5)));
  for (; s.iteration < 8000; ++s.iteration) ialm.step(s);
  const double certificate = ialm.kkt(s).certificate;
  const Index count = fit.samples();
  const auto w = fit.weights(ConstView<double>(s.p), 2);
  const ConstView<double> u = fit.layer(ConstView<double>(s.u), 1),
                          xi = fit.layer(ConstView<double>(s.xi), 1),
                          next = fit.layer(ConstView<double>(s.xi), 2);
  // Of v >= u where u > 0 and of v >= slope u where u < 0, the other one being 0 there, from the
  // equation for v; put into the equation for u. All times N.
  const auto least = [&](double beta) {
    double smallest = infinity;
    for (Index i = 0; i < fit.width(1); ++i)
      for (Index n = 0; n < count; ++n) {
        const double at = u[i * count + n];
        if (at == 0) continue;
        const double g = static_cast<double>(count) * w[i] * next[n], mu = beta - g;
        const double slope = at > 0 ? 1 : o.slope;
        REQUIRE(std::abs(static_cast<double>(count) * xi[i * count + n] - beta * slope +
                         slope * mu) <= 2e-3);
        smallest = std::min(smallest, mu);
      }
    return smallest;
  };
  CHECK(least(1.001 * certificate) > 0);
  CHECK(least(0.5 * certificate) < -0.1 * certificate);
}

TEST_CASE("rows and groups of columns end at KKT points, whole groups exactly 0") {
  for (const bool rows : {true, false}) {
    SparseFitOptions o = hidden({8});
    o.lambda_w = 2e-2;
    if (rows) o.groups = WeightGroups::rows;
    if (!rows) o.group_columns = {2, 2};
    const SparseFit fit = small_fit(o);
    const InexactAugmentedLagrangian ialm(fit, {.growth = 1.001});
    auto s = ialm.init(fit.initial(Rng(5)));
    for (; s.iteration < 8000; ++s.iteration) ialm.step(s);
    const KktReport report = ialm.kkt(s);
    CHECK(report.feasibility <= 1e-6);
    CHECK(report.weights <= 1e-2 * o.lambda_w);
    CHECK(report.pairs <= 2e-3);
    Index zeros = 0;
    for (Index l = 1; l <= 2; ++l)
      for (Index g = 0; g < fit.group_count(l); ++g) {
        const WeightBlock b = fit.group(l, g);
        const auto group = as_matrix(fit.weights(ConstView<double>(s.p), l))
                               .block(b.row, b.column, b.rows, b.columns);
        const bool all = (group.array() == 0).all();
        zeros += all;
        CHECK((all || (group.array() != 0).all()));
      }
    CHECK(zeros >= 2);
    CHECK(zeros < fit.group_count(1) + fit.group_count(2));
  }
}

TEST_CASE("slack stays open where beta is below the certificate, and is exactly zero above") {
  const SparseFit fit = small_fit(hidden({8}));
  const auto end = [&](double beta) {
    const InexactAugmentedLagrangian ialm(fit, {.growth = 1.002, .beta = beta});
    auto s = ialm.init(fit.initial(Rng(5)));
    for (; s.iteration < 2500; ++s.iteration) ialm.step(s);
    return ialm.kkt(s);
  };
  const KktReport high = end(20);
  CHECK(high.mean_slack == 0);
  CHECK(high.certificate < 20);
  const KktReport low = end(0.25 * high.certificate);
  CHECK(low.mean_slack > 1e-4);
}
