#include <cmath>

#include "checks.hpp"

namespace fejer::equilibrium_learning {
namespace {

using equilibrium_closed_form::cosine;
using equilibrium_closed_form::restarted_options;
using equilibrium_closed_form::unrolled_options;

std::string at(const char* name, Index K) { return name + (".K" + std::to_string(K)); }

Method unrolled(Index K) { return {"unrolled", unrolled_options(K)}; }

/// Warm states follow theta: the distance from the equilibrium of the theta that was used, after
/// five plain steps of size `rate`.
double tracking_error(double rate) {
  const Problem<SpectralLayer> p = smoothness_problem();
  const Method warm{"warm", restarted_options(10, 0), StartFrom::warm};
  WarmStates<double> states;
  Array<double> theta = p.theta, used = theta;
  Evaluation last;
  for (int step = 0; step < 5; ++step) {
    used = theta;
    last = evaluate(p, theta, warm, states);
    axpy<double>(-rate, last.gradient, theta);
  }
  double sum = 0;
  for (std::size_t i = 0; i < p.samples(); ++i)
    sum += std::pow(distance(last.x[i], p.layer(i, used).equilibrium()), 2);
  return std::sqrt(sum / static_cast<double>(p.samples()));
}

void check_tracking(Checks& c) {
  const struct {
    double rate, error, tolerance;
  } table[] = {{2, 5.4e-5, 6e-7},
               {1, 8.7e-6, 6e-8},
               {0.5, 2.0e-6, 6e-8},
               {0.25, 6.2e-7, 6e-9},
               {0.125, 2.4e-7, 6e-9}};
  double before = 0;
  for (const auto& row : table) {
    const double error = tracking_error(row.rate);
    const std::string id = "C18.rate" + nlohmann::json(row.rate).dump();
    c.add(id, error, row.error, row.tolerance);
    // Half the step: at most half the error.
    if (before > 0) c.add(id + ".over_double_rate", error / before, 0, 0.5);
    before = error;
  }
}

}  // namespace

Learning smoothness_learning() { return {{.kind = OptimiserKind::sgd, .rate = 10}, 80}; }

Learning bands_learning(Index steps) {
  const Index n = steps > 0 ? steps : 4000;
  return {{.kind = OptimiserKind::adam, .rate = 0.05}, n, [n](Index step) {
            return 1 - static_cast<double>(step) / static_cast<double>(n);
          }};
}

Learning lasso_learning(Index steps) {
  return {{.kind = OptimiserKind::sgd, .rate = 1}, steps > 0 ? steps : 2000, [](Index step) {
            return 1 / (1 + static_cast<double>(step) / 200);
          }};
}

void check_smoothness(Checks& c) {
  const Problem<SpectralLayer> p = smoothness_problem();
  const Learning learning = smoothness_learning();
  const auto end = [&](const Method& m) { return learn(p, learning, m).theta[0]; };
  const double best = end(exact_method());
  c.add("C15.theta", best, -2.4195542602, 6e-11);
  c.add("C15.loss", evaluate(p, Array<double>(Shape{1}, best), exact_method()).loss, 0.3402115725,
        6e-11);
  c.add(at("C15", 10), end(settled_method(10)) - best, -1.27e-3, 6e-6);
  c.add(at("C15", 40), end(settled_method(40)) - best, -2.4e-6, 6e-8);
  c.add(at("C15", 80), end(settled_method(80)) - best, -1.6e-10, 6e-12);
  c.add("C15.unrolled10", end(unrolled(10)) - best, 1.16e-2, 6e-5);
  c.add("C15.unrolled20", end(unrolled(20)) - best, 4.4e-3, 6e-5);
  const double cold = end({"cold", restarted_options(10, 10)}),
               warm = end({"warm", restarted_options(10, 0), StartFrom::warm});
  c.add("C15.warm", warm - cold, 0, 1e-11);
  check_tracking(c);
}

void check_bands(Checks& c) {
  const Problem<SpectralLayer> p = bands_problem();
  const Learning learning = bands_learning();
  const Evaluation start = evaluate(p, p.theta, exact_method());
  Array<double> formula(p.theta.shape());
  for (std::size_t i = 0; i < p.samples(); ++i) {
    const Array<double> one = p.layer(i, p.theta).exact_gradient(p.truth[i], 4);
    axpy<double>(1 / static_cast<double>(p.samples()), one, formula);
  }
  c.add("C16.gradient", equilibrium_closed_form::relative(start.gradient, formula), 0, 1e-9);
  const auto loss = [&](const Method& m) {
    return evaluate(p, learn(p, learning, m).theta, exact_method()).loss;
  };
  const double best = loss(exact_method());
  c.add("C16.exact", best, 0.493468, 6e-7);
  const struct {
    Index K;
    double gap, tolerance;
  } table[] = {{1, 2.3e-3, 6e-5},  {2, 1.7e-3, 6e-5},  {5, 7.1e-4, 6e-6},
               {10, 1.3e-4, 6e-6}, {20, 1.5e-6, 6e-8}, {50, 0, 1e-6}};
  for (const auto& row : table)
    c.add(at("C16", row.K), loss(settled_method(row.K)) / best - 1, row.gap, row.tolerance);
}

void check_lasso(Checks& c) {
  const Problem<LassoLayer> p = lasso_problem();
  const Evaluation start = evaluate(p, p.theta, exact_method());
  c.add("C17.initial", start.loss, 0.0943729, 6e-8);
  const struct {
    Index K;
    double cosine, tolerance;
  } table[] = {{1, 0.9263, 6e-5},
               {2, 0.9618, 6e-5},
               {5, 0.9889, 6e-5},
               {10, 0.99788, 6e-6},
               {20, 0.999916, 6e-7}};
  for (const auto& row : table)
    c.add(at("C17", row.K) + ".cosine",
          cosine(evaluate(p, p.theta, settled_method(row.K)).gradient, start.gradient), row.cosine,
          row.tolerance);
  const auto loss = [&](const Method& m) {
    return evaluate(p, learn(p, lasso_learning(), m).theta, exact_method()).loss;
  };
  const double best = loss(exact_method());
  c.add("C17.exact", best, 0.0714636, 6e-8);
  for (const auto& [K, tolerance] : {std::pair<Index, double>{10, 1e-3}, {20, 1e-4}, {50, 1e-6}})
    c.add(at("C17", K) + ".gap", loss(settled_method(K)) / best - 1, 0, tolerance);
  c.add("C17.unrolled5", loss(unrolled(5)) / best - 1, 4.5e-2, 6e-4);
}

}  // namespace fejer::equilibrium_learning
