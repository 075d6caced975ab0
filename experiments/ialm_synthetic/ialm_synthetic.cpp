// Sparse networks by the inexact augmented Lagrangian method, after Liu, Liu and Chen, beside Adam.
#include "ialm_synthetic.hpp"

#include <cstdio>
#include <filesystem>
#include <sstream>

#include <fejer/files.hpp>
#include <fejer/parallel.hpp>

#include "../sparse_training/trainers.hpp"
#include "console.hpp"
#include "problem.hpp"
#include "record.hpp"
#include "text.hpp"

namespace fejer::ialm_synthetic {
namespace {

using Json = nlohmann::ordered_json;
using sparse_training::Baseline;
using sparse_training::baselines;
using sparse_training::by_batches;
using sparse_training::by_ialm;
using sparse_training::by_proximal_gradient;
using sparse_training::cell;
using sparse_training::number;
using sparse_training::Problem;
using sparse_training::prune_and_save;
using sparse_training::shares;
using sparse_training::Trained;
using sparse_training::tuned_rate;

struct Settings {
  Index sweeps = 12000, finishing_sweeps = 1000, adam_steps = 150000, gradients = 20000;
  /// First rho of runs from scratch, and whether multipliers start at minus the gradient; learning
  /// rates of Adam. The best is shown, all are recorded.
  std::vector<std::pair<double, bool>> schedules = {
      {0.5, true}, {1, true}, {0.5, false}, {1, false}};
  std::vector<double> rates = {1e-3, 3e-3, 1e-2, 3e-2};
};

struct Case {
  std::string name;
  std::vector<Index> hidden;
  std::uint64_t seed;
  double lambda_w;
  bool patches = false;  ///< D4000: eight times as many samples, an eighth of the sweeps and steps

  Problem problem() const {
    SparseFitOptions o;
    o.hidden = hidden;
    o.lambda_w = lambda_w;
    if (patches) o.lambda_b = 1e-4;
    return patches ? make_patches(seed, o) : make_problem(seed, o);
  }
  Index share(Index count) const { return patches ? (count + 7) / 8 : count; }
};

std::string state_file(const experiments::Context& context, const std::string& name) {
  return context.out + "/cells/" + name + "-state.h5";
}

bool better(const Trained& now, const Trained& best) {
  return best.p.size() == 0 || now.objective() < best.objective();
}

/// Small rho finds good points and may not reach feasibility: the method after itself, from the
/// best parameters with their own multipliers.
Trained finished_from(const experiments::Context& context, const Problem& problem,
                      const Trained& found, const Case& c, const Settings& s) {
  Trained end = by_ialm(problem, found.p, finishing(), c.share(2 * s.finishing_sweeps),
                        state_file(context, c.name), context.resume);
  end.record["found_with"] = found.record["options"];
  for (const char* key : {"sweeps", "gradient_evaluations", "cpu_seconds"})
    end.record[key] = end.record[key].get<double>() + found.record[key].get<double>();
  return end;
}

/// The other baselines, each with Adam's number of steps and the rate that is best with a quarter
/// of them, and full-batch proximal gradient from the same start.
Json others(const experiments::Context& context, const Case& c, const Problem& problem,
            const Array<double>& start, const Settings& s) {
  const Rng rng(c.seed);
  const Index steps = c.share(s.adam_steps);
  Json result = Json::object();
  for (const Baseline& b : baselines()) {
    if (b.kind == OptimiserKind::adam) continue;
    Json tried = Json::array();
    const auto objective = [&](double rate) {
      return by_batches(problem, start, b.with_rate(rate), (steps + 3) / 4, rng).objective();
    };
    const double rate = tuned_rate(b, objective, context.smoke, tried);
    result[b.name] = by_batches(problem, start, b.with_rate(rate), steps, rng).record;
    result[b.name]["tried"] = tried;
  }
  result["proximal_gradient"] = by_proximal_gradient(problem, start, c.share(s.gradients)).record;
  return result;
}

Json train_case(const experiments::Context& context, const Case& c, const Settings& s) {
  const Problem problem = c.problem();
  const Rng rng = Rng(c.seed);
  const Array<double> start = problem.fit.initial(rng);
  Json record = {{"case", c.name}, {"seed", c.seed}, {"lambda_w", c.lambda_w}};
  record["start_objective"] = problem.fit.value(start);
  Json tried_ialm = Json::array(), tried_adam = Json::array();
  Trained ialm, adam;
  for (const auto& [rho, dual_start] : s.schedules) {
    AugmentedLagrangianOptions o;
    o.rho = rho;
    o.growth = 1.001;
    o.dual_start = dual_start;
    if (c.patches) o.column_passes = 8;  // cheap beside 4000 samples
    Trained now =
        by_ialm(problem, start, o, c.share(s.sweeps), state_file(context, c.name), context.resume);
    tried_ialm.push_back(now.record);
    if (better(now, ialm)) ialm = std::move(now);
  }
  ialm = finished_from(context, problem, ialm, c, s);
  for (const double rate : s.rates) {
    Trained now = by_batches(problem, start, {{.rate = rate}}, c.share(s.adam_steps), rng);
    tried_adam.push_back(now.record);
    if (better(now, adam)) adam = std::move(now);
  }
  const Trained finished = by_ialm(problem, adam.p, finishing(), c.share(s.finishing_sweeps),
                                   state_file(context, c.name), context.resume);
  record["ialm"] = ialm.record;
  record["adam"] = adam.record;
  record["adam_then_ialm"] = finished.record;
  record["pruned"] =
      prune_and_save(problem, finished.p, "ialm_synthetic", context.out + "/" + c.name + ".h5");
  record["others"] = others(context, c, problem, start, s);
  record["ialm_tried"] = tried_ialm;
  record["adam_tried"] = tried_adam;
  record["smoke"] = context.smoke;
  return record;
}

/// The dial lambda_w: Adam, then this method.
Json sweep_lambda(const experiments::Context& context, const Settings& s) {
  Json rows = Json::array();
  for (const double lambda : {3e-4, 1e-3, 3e-3, 1e-2, 3e-2}) {
    SparseFitOptions options;
    options.hidden = {20};
    options.lambda_w = lambda;
    const Problem problem = make_problem(1, options);
    const Trained adam = by_batches(problem, problem.fit.initial(Rng(1)), {{.rate = 1e-2}},
                                    s.adam_steps / 2, Rng(1));
    const Trained finished = by_ialm(problem, adam.p, finishing(), 5 * s.finishing_sweeps,
                                     state_file(context, "lambda"), context.resume);
    rows.push_back({{"lambda_w", lambda},
                    {"adam_objective", adam.objective()},
                    {"objective", finished.objective()},
                    {"zero_columns", finished.record["zero_columns"]},
                    {"test_error", finished.record["test_error"]},
                    {"kkt_residual", finished.record["kkt_residual"]}});
  }
  return {{"smoke", context.smoke}, {"rows", rows}};
}

/// The price beta of slack, on both sides of the certificate, from scratch.
Json sweep_beta(const experiments::Context& context, const Settings& s) {
  SparseFitOptions options;
  options.hidden = {20};
  const Problem problem = make_problem(1, options);
  Json rows = Json::array();
  for (const double beta : {0.02, 0.1, 0.3, 1.0, 50.0}) {
    AugmentedLagrangianOptions o;
    o.beta = beta;
    o.rho = 0.5;
    o.growth = 1.001;
    o.dual_start = false;
    const Trained t = by_ialm(problem, problem.fit.initial(Rng(1)), o, s.sweeps,
                              state_file(context, "beta"), context.resume);
    rows.push_back({{"beta", beta},
                    {"certificate", t.record["kkt"]["certificate"]},
                    {"mean_slack", t.record["kkt"]["mean_slack"]},
                    {"objective", t.objective()},
                    {"last_objective", t.record["last_objective"]}});
  }
  return {{"smoke", context.smoke}, {"rows", rows}};
}

/// First penalties with two hidden layers, from scratch without dual start.
Json sweep_rho(const experiments::Context& context, const Settings& s) {
  SparseFitOptions options;
  options.hidden = {16, 12};
  const Problem problem = make_problem(1, options);
  Json rows = Json::array();
  for (const double rho : {0.5, 1.0, 2.0, 4.0}) {
    AugmentedLagrangianOptions o;
    o.rho = rho;
    o.growth = 1.001;
    o.dual_start = false;
    const Trained t = by_ialm(problem, problem.fit.initial(Rng(1)), o, s.sweeps,
                              state_file(context, "rho"), context.resume);
    rows.push_back({{"rho", rho},
                    {"objective", t.objective()},
                    {"feasibility", t.record["feasibility"]},
                    {"zero_columns", t.record["zero_columns"]}});
  }
  return {{"smoke", context.smoke}, {"rows", rows}};
}

/// How far the lifted objective of the last state is from F of its parameters; empty where an
/// older record does not say.
std::string lifted_difference(const Json& r) {
  if (!r.contains("last_lifted_objective")) return "";
  return number(r["last_lifted_objective"].get<double>() - r["last_objective"].get<double>(),
                "%.1e");
}

std::string case_row(const Json& c, const std::string& way, const Json& r) {
  const std::string zeros = r.contains("zero_columns") ? shares(r["zero_columns"]) : "diverged";
  return "| " + c["case"].get<std::string>() + " | " + way + " | " + cell(r, "objective", "%.6f") +
         " | " + zeros + " | " + cell(r, "feasibility") + " | " + cell(r, "kkt_residual") + " | " +
         lifted_difference(r) + " | " + cell(r, "test_error", "%.5f") + " | " +
         cell(r, "sweeps", "%.0f") + " | " + cell(r, "gradient_evaluations", "%.6g") + " | " +
         cell(r, "cpu_seconds", "%.1f") + " |\n";
}

std::string report(const Json& record, const Settings& s) {
  std::ostringstream out;
  out << "# Sparse networks: inexact augmented Lagrangian and Adam\n\nMade by `fejer experiment "
         "run "
         "ialm_synthetic`. The method follows Liu, Liu and Chen, JMLR 24(212), 2023, whose figures "
         "could not be had; none are compared with.\n\nS1: 500 samples, 20 inputs of which the "
         "teacher 5-8-1 sees five, leaky ReLU, noise 0.05; "
         "network 20-20-1, S1-3L 20-16-12-1; lambda_b = 1e-3, lambda_w = 1e-3 unless the name says "
         "otherwise. D4000: the middle of 4000 noisy patches 7x7, network 49-32-1, lambda_b = "
         "1e-4, "
         "lambda_w = 4e-3, an eighth of all sweeps, steps and gradients. `ialm`: "
      << s.sweeps << " sweeps from scratch, the best of " << s.schedules.size() << " starts, then "
      << 2 * s.finishing_sweeps
      << " from there with multipliers and penalty as after Adam; `adam`: " << s.adam_steps
      << " steps of 64 samples with cosine decay, the best of " << s.rates.size()
      << " rates; adamax, adagrad, sgd (momentum 0.9), proximal_sgd: as many steps, the rate that "
         "is "
         "best of three or more with a quarter of them; proximal_gradient: at most "
      << s.gradients
      << " full-batch gradients, with line search; `adam_then_ialm`: " << s.finishing_sweeps
      << " sweeps more after Adam (its seconds are those of the sweeps). Objectives are those of "
         "the original problem, by a forward pass. Zero columns are exact zeros, layer by layer "
         "(inputs first). CPU seconds of one thread, for one run.\n\n| case | trained by | "
         "objective "
         "| zero columns | max abs h | KKT residual | last F_P - last F | test error | sweeps | "
         "gradients | CPU s |\n|---|---|---|---|---|---|---|---|---|---|---|\n";
  for (const Json& c : record["cases"]) {
    for (const char* way : {"ialm", "adam", "adam_then_ialm"}) out << case_row(c, way, c.at(way));
    if (!c.contains("others")) continue;  // an older record
    for (const auto& [way, r] : c["others"].items()) out << case_row(c, way, r);
  }
  out << "\nPruned after `adam_then_ialm`:\n\n| case | widths | largest difference of the values "
         "|\n|---|---|---|\n";
  for (const Json& c : record["cases"])
    out << "| " << c["case"].get<std::string>() << " | " << c["pruned"]["widths"].dump() << " | "
        << number(c["pruned"]["largest_difference"]) << " |\n";
  if (!record.contains("lambda_sweep")) return out.str();
  out << "\n## lambda_w as a dial\n\nS1, seed 1, Adam and then this method.\n\n| lambda_w | "
         "objective after Adam | then | zero columns | KKT residual | test error "
         "|\n|---|---|---|---|---|---|\n";
  for (const Json& r : record["lambda_sweep"]["rows"])
    out << "| " << number(r["lambda_w"]) << " | " << number(r["adam_objective"], "%.6f") << " | "
        << number(r["objective"], "%.6f") << " | " << shares(r["zero_columns"]) << " | "
        << number(r["kkt_residual"]) << " | " << number(r["test_error"], "%.5f") << " |\n";
  out << "\n## beta and the certificate\n\nS1, seed 1, from scratch: slack closes exactly once "
         "beta "
         "exceeds the certificate.\n\n| beta | certificate | mean slack | objective of the last "
         "iterate | best objective |\n|---|---|---|---|---|\n";
  for (const Json& r : record["beta_sweep"]["rows"])
    out << "| " << number(r["beta"]) << " | " << number(r["certificate"]) << " | "
        << number(r["mean_slack"]) << " | " << number(r["last_objective"], "%.6f") << " | "
        << number(r["objective"], "%.6f") << " |\n";
  out << "\n## First penalties with two hidden layers\n\nS1-3L, seed 1, from scratch without dual "
         "start, "
      << s.sweeps << " sweeps; Adam has " << number(record["cases"][1]["adam"]["objective"], "%.6f")
      << ".\n\n| rho | objective | max abs h | zero columns |\n|---|---|---|---|\n";
  for (const Json& r : record["rho_sweep"]["rows"])
    out << "| " << number(r["rho"]) << " | " << number(r["objective"], "%.6f") << " | "
        << number(r["feasibility"]) << " | " << shares(r["zero_columns"]) << " |\n";
  return out.str();
}

}  // namespace

Json run(const experiments::Context& context) {
  Settings s;
  if (context.smoke) {
    s.sweeps = 1000;
    s.adam_steps = 2000;
    s.gradients = 500;
    s.schedules.resize(1);
  }
  if (context.set.count("sweeps") > 0)
    s.sweeps = command::parse_count("--set sweeps", context.set.at("sweeps"), 1);
  if (context.set.count("adam_steps") > 0)
    s.adam_steps = command::parse_count("--set adam_steps", context.set.at("adam_steps"), 1);
  std::vector<Case> cases = {{"S1", {20}, 1, 1e-3}, {"S1-3L", {16, 12}, 1, 1e-3}};
  cases.push_back({"D4000", {32}, 1, 4e-3, true});
  if (!context.smoke) {
    cases.push_back({"S1-seed2", {20}, 2, 1e-3});
    cases.push_back({"S1-seed3", {20}, 3, 1e-3});
    cases.push_back({"S1-weak-1e-4", {20}, 1, 1e-4});
  }
  const ScopedThreads one(1);  // CPU seconds are compared
  std::filesystem::create_directories(context.out + "/cells");
  Json record = command::environment_json();
  record["experiment"] = "ialm_synthetic";
  record["smoke"] = context.smoke;
  record["cases"] = Json::array();
  const auto kept_cell = [&](const std::string& name, const std::function<Json()>& make) {
    command::note("experiment ialm_synthetic: " + name);
    return experiments::kept(context, context.out + "/cells/" + name + ".json", make);
  };
  for (const Case& c : cases)
    record["cases"].push_back(kept_cell(c.name, [&] { return train_case(context, c, s); }));
  record["ialm"] = record["cases"][0]["ialm"];
  record["adam"] = record["cases"][0]["adam"];
  if (!context.smoke) {
    record["lambda_sweep"] = kept_cell("lambda", [&] { return sweep_lambda(context, s); });
    record["beta_sweep"] = kept_cell("beta", [&] { return sweep_beta(context, s); });
    record["rho_sweep"] = kept_cell("rho", [&] { return sweep_rho(context, s); });
  }
  write_text(context.out + "/record.json", record.dump(1) + "\n");
  write_text(context.out + "/report.md", report(record, s));
  return record;
}

}  // namespace fejer::ialm_synthetic
