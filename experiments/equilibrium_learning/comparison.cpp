#include "checks.hpp"

namespace fejer::equilibrium_learning {
namespace {

Json numbers(const Array<double>& x) {
  Json list = Json::array();
  for (const double value : x) list.push_back(value);
  return list;
}

template <class S>
Json contender(Checks& checks, const Problem<S>& p, const Learning& learning, const Method& method,
               Index T, double best, double best_psnr) {
  WarmStates<double> states;
  const Learned learned = learn(p, learning, method, states, true);
  const EquilibriumOptions& o = method.options;
  const bool implicit = o.strategy == GradientStrategy::implicit;
  const Index K = implicit || o.strategy == GradientStrategy::one_step ? 1 : o.depth;
  const double loss = evaluate(p, learned.theta, exact_method()).loss;
  Json record = {{"method", method.name}, {"theta", numbers(learned.theta)}};
  record["loss"] = evaluate(p, learned.theta, method, states).loss;
  record["loss_at_equilibrium"] = loss;
  record["gap"] = loss / best - 1;
  for (const char* what : {"cosine", "relative_error", "contraction"}) {
    Json values = Json::array();
    for (const Agreement& a : learned.agreement)
      values.push_back(what[0] == 'r'   ? a.relative_error
                       : what[2] == 's' ? a.cosine
                                        : a.contraction);
    record[what] = values;
  }
  record["largest_contraction"] = learned.contraction;
  if (implicit) record["adjoint_residual"] = learned.adjoint_residual;
  record["cpu_microseconds_per_step"] = 1e6 * learned.seconds_per_step;
  record["passes_per_sample"] = learned.passes_per_step + static_cast<double>(K);
  record["numbers_on_tape"] = learned.tape;
  // What the trained depth gives from the start value; methods that settle have no depth of theirs.
  const Index depth = o.strategy == GradientStrategy::unrolled ? o.depth : 10 * T;
  const double trained = mean_psnr(p, learned.theta, depth),
               settled = mean_psnr(p, learned.theta, std::nullopt);
  record["psnr"] = {{"one_layer", mean_psnr(p, learned.theta, 1)},
                    {"ten_layers", mean_psnr(p, learned.theta, 10)},
                    {"trained_depth", trained},
                    {"equilibrium", settled}};
  if (o.strategy == GradientStrategy::restarted) {
    const std::string id = "C22." + p.name + "." + method.name;
    checks.add(id, settled - trained, 0, 0.05);
    checks.add(id + ".beside_exact", settled - best_psnr, 0, 0.1);
  }
  return record;
}

template <class S>
Json compare(Checks& checks, const Problem<S>& p, const Learning& learning) {
  constexpr Index K = 10, T = 11;
  const ScopedThreads one(1);  // times are compared
  const Learned exact = learn(p, learning, exact_method());
  const double best = evaluate(p, exact.theta, exact_method()).loss,
               best_psnr = mean_psnr(p, exact.theta, std::nullopt);
  Json record = {{"problem", p.name}, {"steps", learning.steps}, {"K", K}, {"T", T}};
  record["start_loss"] = evaluate(p, p.theta, exact_method()).loss;
  record["exact_loss"] = best;
  record["methods"] = Json::array();
  for (const Method& method : contenders(K, T))
    record["methods"].push_back(contender(checks, p, learning, method, T, best, best_psnr));
  return record;
}

}  // namespace

Json compare_smoothness(Checks& c) {
  return compare(c, smoothness_problem(), smoothness_learning());
}
Json compare_bands(Checks& c, Index steps) {
  return compare(c, bands_problem(), bands_learning(steps));
}
Json compare_lasso(Checks& c, Index steps) {
  return compare(c, lasso_problem(), lasso_learning(steps));
}

}  // namespace fejer::equilibrium_learning
