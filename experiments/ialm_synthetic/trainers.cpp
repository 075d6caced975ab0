#include "trainers.hpp"

#include <algorithm>
#include <ctime>
#include <filesystem>

#include <fejer/models/training/optimiser.hpp>

#include "console.hpp"

namespace fejer::ialm_synthetic {
namespace {

using Json = nlohmann::ordered_json;

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
                      {"dual_start", options.dual_start}};
  RunOptions run_options{.max_iterations = sweeps, .tolerance = 1e-10};
  run_options.state_file = state_file;
  run_options.save_every = 5000;
  run_options.resume = resume && std::filesystem::exists(state_file);
  run_options.fingerprint = named.dump() + std::to_string(problem.fit.options().lambda_w);
  const Observer<double> stop = [](const Iteration&, ConstView<double>) {
    return command::interrupted() ? Control::stop : Control::proceed;
  };
  const auto result = fejer::run(ialm, start, run_options, {stop});
  command::stop_if_interrupted();
  // The residuals are those of the state in which the run ended.
  auto state = ialm.init(start);
  double first = 0;
  std::vector<Iteration> history;
  load_state(state_file, ialm.name(), run_options.fingerprint, state, first, history);
  std::filesystem::remove(state_file);
  const double seconds = cpu_seconds() - begin;
  const KktReport kkt = ialm.kkt(state);
  Json record = {{"objective", result.objective},
                 {"last_objective", problem.fit.value(state.p)},
                 {"feasibility", kkt.feasibility},
                 {"kkt_residual", kkt.residual()},
                 {"zero_columns", zero_columns(problem.fit, result.x)},
                 {"test_error", test_error(problem, result.x)},
                 {"options", named},
                 {"status", to_string(result.status)},
                 {"sweeps", state.sweeps},
                 {"cpu_seconds", seconds}};
  record["kkt"] = {{"weights", kkt.weights},       {"bias", kkt.bias},
                   {"pairs", kkt.pairs},           {"pairs_outside", kkt.pairs_outside},
                   {"mean_slack", kkt.mean_slack}, {"certificate", kkt.certificate},
                   {"kinks", kkt.kinks},           {"kinks_outside", kkt.kinks_outside},
                   {"resets", state.resets}};
  return {result.x, std::move(record)};
}

Trained by_adam(const Problem& problem, const Array<double>& start, double rate, Index steps,
                const Rng& rng) {
  constexpr Index batch = 64;
  const SparseFit& fit = problem.fit;
  const double begin = cpu_seconds();
  Parameters p;
  p.add("network", "network", start);
  Parameters gradient = p.zeros();
  const Optimiser optimiser({.rate = rate}, p);
  Optimiser::State state = optimiser.initial(p);
  const Schedule schedule{.kind = Schedule::Kind::cosine, .over = steps};
  const Index per_epoch = fit.samples() / batch;
  std::vector<Index> order;
  for (Index step = 0; step < steps; ++step) {
    if (step % per_epoch == 0) {
      command::stop_if_interrupted();
      order = permutation(fit.samples(), rng.stream("epoch " + std::to_string(step / per_epoch)));
    }
    Array<double> x(Shape{fit.width(0), batch}), y(Shape{fit.width(fit.layers()), batch});
    for (Index j = 0; j < batch; ++j) {
      const Index n = order[static_cast<std::size_t>(step % per_epoch * batch + j)];
      for (Index i = 0; i < x.shape()[0]; ++i) x[i * batch + j] = fit.x()[i * fit.samples() + n];
      for (Index i = 0; i < y.shape()[0]; ++i) y[i * batch + j] = fit.y()[i * fit.samples() + n];
    }
    const SparseFit part(std::move(x), std::move(y), fit.options());
    part.value_and_gradient(p["network"], gradient["network"]);
    optimiser.step(gradient, schedule.factor(step), state, p);
  }
  const Array<double>& end = p["network"];
  Json record = {{"objective", fit.value(end)},
                 {"zero_columns", zero_columns(fit, end)},
                 {"small_columns", small_columns(fit, end)},
                 {"test_error", test_error(problem, end)},
                 {"rate", rate},
                 {"steps", steps},
                 {"gradient_evaluations",
                  static_cast<double>(steps * batch) / static_cast<double>(fit.samples())},
                 {"cpu_seconds", cpu_seconds() - begin}};
  return {end, std::move(record)};
}

}  // namespace fejer::ialm_synthetic
