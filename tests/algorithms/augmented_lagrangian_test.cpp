// The inexact augmented Lagrangian method: closed forms against brute force, descent, KKT points.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include <fejer/algorithms/inexact_augmented_lagrangian.hpp>
#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

#include "../data.hpp"
#include "lifted_blocks.hpp"
#include "secular_equation.hpp"

using namespace fejer;
using namespace fejer_test;
using detail::PairProblem;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

Array<double> normal(const Shape& shape, const std::string& name, double scale = 1) {
  Array<double> x(shape);
  fill_normal<double>(x, Rng(11).stream(name));
  for (double& v : x) v *= scale;
  return x;
}

/// y = two units of two of the inputs, and noise.
SparseFit small_fit(SparseFitOptions options, Index samples = 150, Index inputs = 6) {
  Array<double> x = normal({inputs, samples}, "x"), y = normal({1, samples}, "noise", 0.05);
  for (Index n = 0; n < samples; ++n) {
    const double a = x[n] - x[samples + n], b = x[samples + n] + 0.3;
    y[n] += std::max(a, 0.01 * a) - 0.8 * std::max(b, 0.01 * b);
  }
  return SparseFit(std::move(x), std::move(y), std::move(options));
}

SparseFitOptions hidden(std::vector<Index> units) {
  SparseFitOptions o;
  o.hidden = std::move(units);
  return o;
}

bool same_bits(const Array<double>& a, const Array<double>& b) {
  return a.shape() == b.shape() &&
         std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(double)) == 0;
}

/// F's first two and last terms as the definition says, one sample after the other.
double plain_value(const SparseFit& fit, const Array<double>& p) {
  const SparseFitOptions& o = fit.options();
  const double count = static_cast<double>(fit.samples());
  double sum = 0;
  for (Index n = 0; n < fit.samples(); ++n) {
    std::vector<double> v;
    for (Index i = 0; i < fit.width(0); ++i) v.push_back(fit.x()[i * fit.samples() + n]);
    for (Index l = 1; l <= fit.layers(); ++l) {
      const auto w = fit.weights(ConstView<double>(p), l);
      const auto b = fit.bias(ConstView<double>(p), l);
      std::vector<double> next;
      for (Index i = 0; i < fit.width(l); ++i) {
        double u = b[i];
        for (Index j = 0; j < fit.width(l - 1); ++j)
          u += w[i * fit.width(l - 1) + j] * v[static_cast<std::size_t>(j)];
        const bool active = l < fit.layers() || o.activated_output;
        next.push_back(active ? std::max(u, o.slope * u) : u);
        if (l < fit.layers()) sum += o.lambda_v * next.back() * next.back() / count;
      }
      v = next;
    }
    for (Index i = 0; i < fit.width(fit.layers()); ++i)
      sum += std::pow(v[static_cast<std::size_t>(i)] - fit.y()[i * fit.samples() + n], 2) / count;
  }
  for (Index l = 1; l <= fit.layers(); ++l) {
    const auto w = fit.weights(ConstView<double>(p), l);
    const bool rows = o.groups == WeightGroups::rows;
    const Index in = fit.width(l - 1), out = fit.width(l);
    const Index together =
        o.group_columns.empty() ? 1 : o.group_columns[static_cast<std::size_t>(l - 1)];
    std::vector<double> squares(static_cast<std::size_t>(rows ? out : in / together));
    for (Index i = 0; i < out; ++i)
      for (Index j = 0; j < in; ++j)
        squares[static_cast<std::size_t>(rows ? i : j / together)] += std::pow(w[i * in + j], 2);
    for (const double square : squares) sum += o.lambda_w * std::sqrt(square);
    for (const double b : fit.bias(ConstView<double>(p), l)) sum += o.lambda_b * b * b;
  }
  return sum;
}

/// All that the method is tested with: two and three layers, hard, activated output, lambda_v, rows
/// and groups of columns.
struct Variant {
  SparseFit fit;
  AugmentedLagrangianOptions options;
};
std::vector<Variant> variants() {
  std::vector<Variant> list;
  list.push_back({small_fit(hidden({7})), {}});
  list.push_back({small_fit(hidden({7})), {.beta = infinity, .sweeps = 2}});
  list.push_back({small_fit(hidden({7})), {.beta = 0.3}});
  SparseFitOptions o = hidden({6, 5});
  o.lambda_v = 1e-3;
  list.push_back({small_fit(o), {.rho = 0.5, .column_passes = 2, .dual_start = false}});
  o = hidden({6});
  o.activated_output = true;
  o.slope = 0.3;
  list.push_back({small_fit(o), {}});
  o.slope = 0;
  list.push_back({small_fit(o), {.rho = 4}});
  list.push_back({small_fit(hidden({})), {}});
  o = hidden({7});
  o.lambda_w = 1e-2;
  o.groups = WeightGroups::rows;
  list.push_back({small_fit(o), {.column_passes = 2}});
  o = hidden({6, 4});
  o.lambda_w = 1e-2;
  o.group_columns = {3, 2, 1};
  list.push_back({small_fit(o), {}});
  list.push_back({small_fit(hidden({7})), {.prox_linear = true}});
  o.lambda_v = 1e-3;
  list.push_back({small_fit(o), {.beta = 0.3, .prox_linear = true, .dual_start = false}});
  return list;
}

}  // namespace

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

TEST_CASE("the objective is its definition, its gradient that of central differences") {
  for (const Variant& variant : variants()) {
    const SparseFit& fit = variant.fit;
    Array<double> p = normal({fit.parameters()}, "p", 0.5), gradient(p.shape());
    const double value = fit.value_and_gradient(p, gradient);
    CHECK(value == doctest::Approx(plain_value(fit, p)).epsilon(1e-12));
    CHECK(fit.value(p) == value);
    for (Index i = 0; i < p.size(); i += 3) {
      const double h = 1e-6, at = p[i];
      p[i] = at + h;
      const double above = fit.value(p);
      p[i] = at - h;
      const double below = fit.value(p);
      p[i] = at;
      CHECK(gradient[i] == doctest::Approx((above - below) / (2 * h)).epsilon(1e-5));
    }
  }
}

TEST_CASE("dual start: the augmented Lagrangian has F's value and its gradient in (W, b)") {
  for (Variant& variant : variants()) {
    const SparseFit& fit = variant.fit;
    variant.options.dual_start = true;
    const InexactAugmentedLagrangian ialm(fit, variant.options);
    auto s = ialm.init(normal({fit.parameters()}, "p", 0.5));
    CHECK(ialm.augmented_lagrangian(s) == doctest::Approx(fit.value(s.p)).epsilon(1e-12));
    Array<double> gradient(s.p.shape());
    fit.value_and_gradient(s.p, gradient);
    const double scale = norm(gradient);
    const auto moved = [&](Index l, Index i, Index j, double h) {
      auto m = s;  // W_l(i, j), or b_l(i) where j = -1, by h; u and v stay
      const Index width = fit.width(l - 1), n = fit.samples();
      double* at = j < 0 ? fit.bias(View<double>(m.p), l).data() + i
                         : fit.weights(View<double>(m.p), l).data() + i * width + j;
      *at += h;
      const View<double> product = fit.layer(View<double>(m.product), l);
      const ConstView<double> before =
          l == 1 ? ConstView<double>(fit.x()) : fit.layer(ConstView<double>(s.v), l - 1);
      for (Index k = 0; k < n; ++k) product[i * n + k] += h * (j < 0 ? 1 : before[j * n + k]);
      return ialm.augmented_lagrangian(m);
    };
    const double h = 1e-5;
    for (Index l = 1; l <= fit.layers(); ++l)
      for (Index j = -1; j < fit.width(l - 1); ++j) {
        const Index i = (j + 1) % fit.width(l);
        const double slope = (moved(l, i, j, h) - moved(l, i, j, -h)) / (2 * h);
        const double expected =
            j < 0 ? fit.bias(ConstView<double>(gradient), l)[i]
                  : fit.weights(ConstView<double>(gradient), l)[i * fit.width(l - 1) + j];
        CHECK(std::abs(slope - expected) < 1e-6 * scale);
      }
  }
}

TEST_CASE("sweeps never raise the augmented Lagrangian; the best objective is a true one") {
  for (const Variant& variant : variants()) {
    const InexactAugmentedLagrangian ialm(variant.fit, variant.options);
    auto s = ialm.init(variant.fit.initial(Rng(5)));
    double worst = 0;
    for (int k = 0; k < 60; ++k) {
      ialm.step(s);
      ++s.iteration;
      double last = ialm.augmented_lagrangian(s);
      auto t = s;
      for (int i = 0; i < 4; ++i) {
        ialm.sweep(t);
        const double now = ialm.augmented_lagrangian(t);
        worst = std::max(worst, (now - last) / std::max(1.0, std::abs(last)));
        last = now;
      }
    }
    CHECK(worst <= 1e-10);
    CHECK(s.best_objective < s.start_objective);
    CHECK(variant.fit.value(ialm.solution(s)) == s.best_objective);
    for (Index i = 0; i < s.u.size(); ++i)
      if (!(s.v[i] >= std::max(s.u[i], variant.fit.options().slope * s.u[i])) &&
          (variant.fit.layers() > 1 && i < s.u.size() - variant.fit.samples()))
        FAIL("v < s(u) at " << i);
  }
}

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
  }
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

TEST_CASE("a state that left its level set goes back to the best parameters") {
  const SparseFit fit = small_fit(hidden({8}));
  const InexactAugmentedLagrangian ialm(fit);
  auto s = ialm.init(fit.initial(Rng(5)));
  for (; s.iteration < 100; ++s.iteration) ialm.step(s);
  const Index before = s.resets;
  for (double& v : s.p) v += 3;
  for (double& v : s.product) v += 30;
  ialm.step(s);
  CHECK(s.resets == before + 1);
  CHECK(ialm.augmented_lagrangian(s) <= 2 * s.start_objective);
}

TEST_CASE("the same bits for any number of threads, and after a resumed run") {
  const SparseFit fit = small_fit(hidden({5, 4}), 2500);
  const InexactAugmentedLagrangian ialm(fit, {.check_every = 4});
  const Array<double> start = fit.initial(Rng(5));
  const RunOptions whole{.max_iterations = 40, .tolerance = 0, .objective_every = 7};
  Array<double> expected;
  for (const int threads : {1, 2, 3}) {
    const ScopedThreads limit(threads);
    const auto result = run(ialm, start, whole);
    if (threads == 1) expected = result.x;
    CHECK(same_bits(result.x, expected));
  }
  const ScratchFolder folder;
  RunOptions part = whole;
  part.max_iterations = 17;
  part.state_file = folder / "state.h5";
  run(ialm, start, part);
  part.max_iterations = 40;
  part.resume = true;
  CHECK(same_bits(run(ialm, Array<double>(start.shape()), part).x, expected));
}

TEST_CASE("problems and options that make no sense are refused") {
  const auto fit_with = [](double lambda_w, double lambda_b) {
    SparseFitOptions o = hidden({3});
    o.lambda_w = lambda_w;
    o.lambda_b = lambda_b;
    return InexactAugmentedLagrangian(small_fit(o));
  };
  CHECK_THROWS_WITH_AS(fit_with(0, 1), doctest::Contains("lambda_w"), ArgumentError);
  CHECK_THROWS_WITH_AS(fit_with(1, 0), doctest::Contains("lambda_b"), ArgumentError);
  const SparseFit fit = small_fit(hidden({3}));
  CHECK_THROWS_WITH_AS(InexactAugmentedLagrangian(fit, {.rho = 60}), doctest::Contains("rho_max"),
                       ArgumentError);
  CHECK_THROWS_AS(InexactAugmentedLagrangian(fit, {.beta = 0}), ArgumentError);
  CHECK_THROWS_AS(InexactAugmentedLagrangian(fit).init(Array<double>(Shape{3})), ShapeError);
  CHECK_THROWS_WITH_AS(small_fit(hidden({0})), doctest::Contains("hidden layer of 0"),
                       ArgumentError);
  CHECK_THROWS_AS(SparseFit(normal({2, 5}, "x"), normal({1, 4}, "y"), {}), ShapeError);
  SparseFitOptions groups = hidden({4});
  groups.group_columns = {2};
  CHECK_THROWS_WITH_AS(small_fit(groups), doctest::Contains("one for each of 2 layers"),
                       ArgumentError);
  groups.group_columns = {2, 3};
  CHECK_THROWS_WITH_AS(small_fit(groups), doctest::Contains("a divisor of 4"), ArgumentError);
  groups.group_columns = {2, 1};
  groups.groups = WeightGroups::rows;
  CHECK_THROWS_WITH_AS(small_fit(groups), doctest::Contains("rows are the groups"), ArgumentError);
  Array<double> bad = normal({1, 5}, "y");
  bad[2] = std::nan("");
  CHECK_THROWS_WITH_AS(SparseFit(normal({2, 5}, "x"), bad, {}), doctest::Contains("not finite"),
                       ArgumentError);
}
