#include "trainers.hpp"

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <limits>
#include <utility>

#include <fejer/eigen.hpp>
#include <fejer/files.hpp>
#include <fejer/vector.hpp>

#include "console.hpp"

namespace fejer::sparse_training {
namespace {

using Json = nlohmann::ordered_json;
using RowMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

Json zero_columns(const SparseFit& fit, const Array<double>& p) {
  Json shares = Json::array();
  for (Index l = 1; l <= fit.layers(); ++l)
    shares.push_back(zero_groups(fit.weights(ConstView<double>(p), l), WeightGroups::columns));
  return shares;
}

/// What optimisers without exact zeros leave: columns below 1e-3 of the layer's largest.
Json small_columns(const SparseFit& fit, const Array<double>& p) {
  Json shares = Json::array();
  for (Index l = 1; l <= fit.layers(); ++l) {
    const Array<double> norms =
        group_norms(fit.weights(ConstView<double>(p), l), WeightGroups::columns);
    const double limit = 1e-3 * *std::max_element(norms.begin(), norms.end());
    const auto small =
        std::count_if(norms.begin(), norms.end(), [&](double norm) { return norm <= limit; });
    shares.push_back(static_cast<double>(small) / static_cast<double>(norms.size()));
  }
  return shares;
}

std::string hash_of(const Array<double>& values) {
  return sha256(values.data(), static_cast<std::size_t>(values.size()) * sizeof(double));
}

}  // namespace

Trained by_ialm(const Problem& problem, const Array<double>& start,
                const AugmentedLagrangianOptions& options, Index sweeps,
                const std::string& state_file, bool resume) {
  const double begin = cpu_seconds();
  const InexactAugmentedLagrangian ialm(problem.fit, options);
  const Json named = {{"rho", options.rho},
                      {"rho_max", options.rho_max},
                      {"growth", options.growth},
                      {"beta", options.beta},
                      {"contraction", options.contraction},
                      {"column_passes", options.column_passes},
                      {"dual_start", options.dual_start},
                      {"level_room", options.level_room},
                      {"check_every", options.check_every}};
  RunOptions run_options{.max_iterations = sweeps, .tolerance = 1e-10};
  run_options.save_every = 5000;
  const SparseFitOptions& f = problem.fit.options();
  run_options.fingerprint = named.dump() + Json{f.lambda_w, f.lambda_b, f.lambda_v}.dump() +
                            hash_of(problem.fit.x()) + hash_of(problem.fit.y()) + hash_of(start);
  // Several runs of one experiment share the name: each goes on from its own state.
  const std::string whose = sha256(run_options.fingerprint.data(), run_options.fingerprint.size());
  const std::string own_file = state_file + "." + whose.substr(0, 16);
  run_options.state_file = own_file;
  run_options.resume = resume && std::filesystem::exists(own_file);
  const Observer<double> stop = [](const Iteration&, ConstView<double>) {
    return command::interrupted() ? Control::stop : Control::proceed;
  };
  const auto result = fejer::run(ialm, start, run_options, {stop});
  command::stop_if_interrupted();
  // The residuals are those of the state in which the run ended.
  auto state = ialm.init(start);
  double first = 0;
  std::vector<Iteration> history;
  load_state(own_file, ialm.name(), run_options.fingerprint, state, first, history);
  std::filesystem::remove(own_file);
  const double seconds = cpu_seconds() - begin;
  const KktReport kkt = ialm.kkt(state);
  Json record = {{"objective", result.objective},
                 {"last_objective", problem.fit.value(state.p)},
                 {"last_lifted_objective", ialm.lifted_objective(state)},
                 {"feasibility", kkt.feasibility},
                 {"kkt_residual", kkt.residual()},
                 {"zero_columns", zero_columns(problem.fit, result.x)},
                 {"test_error", test_error(problem, result.x)},
                 {"options", named},
                 {"status", to_string(result.status)},
                 {"sweeps", state.sweeps},
                 {"gradient_evaluations", options.dual_start ? 1 : 0},
                 {"cpu_seconds", seconds}};
  record["kkt"] = {{"weights", kkt.weights},       {"bias", kkt.bias},
                   {"pairs", kkt.pairs},           {"pairs_outside", kkt.pairs_outside},
                   {"mean_slack", kkt.mean_slack}, {"certificate", kkt.certificate},
                   {"kinks", kkt.kinks},           {"kinks_outside", kkt.kinks_outside},
                   {"resets", state.resets}};
  return {result.x, std::move(record)};
}

namespace {

constexpr Index batch = 64;

/// The samples as rows, so that those of a batch are read in one go each.
RowMatrix rows(const Array<double>& x) { return as_matrix(ConstView<double>(x)).transpose(); }

Array<double> columns(const RowMatrix& samples, const Index* which) {
  Array<double> x(Shape{samples.cols(), batch});
  auto matrix = as_matrix(View<double>(x));
  for (Index j = 0; j < batch; ++j) matrix.col(j) = samples.row(which[j]);
  return x;
}

/// prox of `threshold` times the sum of the groups' norms.
void shrink_groups(const SparseFit& fit, double threshold, View<double> p) {
  for (Index l = 1; l <= fit.layers(); ++l) {
    auto w = as_matrix(fit.weights(p, l));
    for (Index g = 0; g < fit.group_count(l); ++g) {
      const WeightBlock b = fit.group(l, g);
      auto group = w.block(b.row, b.column, b.rows, b.columns);
      const double norm = group.norm();
      if (norm > threshold)
        group *= 1 - threshold / norm;
      else
        group.setZero();
    }
  }
}

SparseFitOptions without_groups(SparseFitOptions options) {
  options.lambda_w = 0;
  return options;
}

Json figures(const Problem& problem, const Array<double>& p) {
  if (!all_finite(p)) return {{"objective", std::numeric_limits<double>::infinity()}};
  return {{"objective", problem.fit.value(p)},
          {"zero_columns", zero_columns(problem.fit, p)},
          {"small_columns", small_columns(problem.fit, p)},
          {"test_error", test_error(problem, p)}};
}

}  // namespace

Trained by_batches(const Problem& problem, const Array<double>& start, const Stochastic& how,
                   Index steps, const Rng& rng) {
  const SparseFit& fit = problem.fit;
  if (how.proximal && (how.optimiser.kind != OptimiserKind::sgd || how.optimiser.momentum > 0))
    throw ArgumentError("by_batches: proximal steps are those of sgd without momentum");
  if (fit.samples() < batch)
    throw ArgumentError("by_batches: got " + std::to_string(fit.samples()) +
                        " samples, expected a batch of " + std::to_string(batch) + " or more");
  const double begin = cpu_seconds();
  const SparseFitOptions options = how.proximal ? without_groups(fit.options()) : fit.options();
  const RowMatrix x = rows(fit.x()), y = rows(fit.y());
  Parameters p;
  p.add("network", "network", start);
  Parameters gradient = p.zeros();
  const Optimiser optimiser(how.optimiser, p);
  Optimiser::State state = optimiser.initial(p);
  const Schedule schedule{.kind = Schedule::Kind::cosine, .over = steps};
  const Index per_epoch = fit.samples() / batch;
  std::vector<Index> order;
  for (Index step = 0; step < steps; ++step) {
    if (step % per_epoch == 0) {
      command::stop_if_interrupted();
      order = permutation(fit.samples(), rng.stream("epoch " + std::to_string(step / per_epoch)));
    }
    const Index* which = order.data() + step % per_epoch * batch;
    const SparseFit part(columns(x, which), columns(y, which), options);
    part.value_and_gradient(p["network"], gradient["network"]);
    const double factor = schedule.factor(step);
    optimiser.step(gradient, factor, state, p);
    if (how.proximal)
      shrink_groups(fit, factor * how.optimiser.rate * fit.options().lambda_w, p["network"]);
  }
  const double seconds = cpu_seconds() - begin;
  const Array<double>& end = p["network"];
  Json record = figures(problem, end);
  record["rate"] = how.optimiser.rate;
  record["steps"] = steps;
  record["gradient_evaluations"] =
      static_cast<double>(steps * batch) / static_cast<double>(fit.samples());
  record["cpu_seconds"] = seconds;
  return {end, std::move(record)};
}

const std::vector<Baseline>& baselines() {
  static const std::vector<Baseline> all = {{"adam", OptimiserKind::adam, false, 0, 3e-3},
                                            {"adamax", OptimiserKind::adamax, false, 0, 1e-2},
                                            {"adagrad", OptimiserKind::adagrad, false, 0, 3e-2},
                                            {"sgd", OptimiserKind::sgd, false, 0.9, 1e-2},
                                            {"proximal_sgd", OptimiserKind::sgd, true, 0, 1e-1}};
  return all;
}

double tuned_rate(const Baseline& baseline, const std::function<double(double rate)>& objective,
                  bool few, Json& tried) {
  constexpr int most = 7;
  constexpr double factor = 3;
  const auto value = [&](double rate) {
    const double f = objective(rate);
    tried.push_back({{"rate", rate}, {"objective", f}});
    return std::isfinite(f) ? f : std::numeric_limits<double>::infinity();
  };
  std::vector<double> rates = {baseline.rate / factor, baseline.rate, baseline.rate * factor};
  std::vector<double> values;
  for (const double rate : rates) values.push_back(value(rate));
  for (int count = 3;; ++count) {
    const auto best = std::min_element(values.begin(), values.end()) - values.begin();
    const bool low = best == 0, high = best + 1 == static_cast<std::ptrdiff_t>(rates.size());
    if (count == most || (!low && !high) || few) return rates[static_cast<std::size_t>(best)];
    const double rate = low ? rates.front() / factor : rates.back() * factor;
    const double now = value(rate);
    rates.insert(low ? rates.begin() : rates.end(), rate);
    values.insert(low ? values.begin() : values.end(), now);
  }
}

Trained by_proximal_gradient(const Problem& problem, const Array<double>& start, Index gradients) {
  constexpr double growth = 1.05, smallest = 1e-12;
  const SparseFit& fit = problem.fit;
  const double begin = cpu_seconds(), lambda = fit.options().lambda_w;
  const SparseFit smooth(fit.x(), fit.y(), without_groups(fit.options()));
  Array<double> p = start, trial = start, gradient(p.shape()), trial_gradient(p.shape());
  double step = 1, value = smooth.value_and_gradient(p, gradient);
  Index used = 1, refused = 0;
  for (; used < gradients && step > smallest; ++used) {
    command::stop_if_interrupted();
    combine<double>(1, p, -step, gradient, trial);
    shrink_groups(fit, step * lambda, trial);
    const double now = smooth.value_and_gradient(trial, trial_gradient);
    const double moved = distance(trial, p);
    const double model = value + dot(gradient, trial) - dot(gradient, p);
    if (!(now <= model + moved * moved / (2 * step))) {
      step /= 2;
      ++refused;
      continue;
    }
    std::swap(p, trial);
    std::swap(gradient, trial_gradient);
    value = now;
    step *= growth;
  }
  const double seconds = cpu_seconds() - begin;
  Json record = figures(problem, p);
  record["gradient_evaluations"] = used;
  record["refused"] = refused;
  record["last_step"] = step;
  record["cpu_seconds"] = seconds;
  return {p, std::move(record)};
}

}  // namespace fejer::sparse_training
