#include <algorithm>
#include <numeric>

#include "checks.hpp"

namespace fejer::equilibrium_learning {
namespace {

using equilibrium_closed_form::restarted_options;

/// The samples `which`, in this order.
template <class S>
Problem<S> part(const Problem<S>& p, const std::vector<std::size_t>& which) {
  Problem<S> q = p;
  q.start.clear();
  q.truth.clear();
  q.key.clear();
  for (const std::size_t i : which) {
    q.start.push_back(p.start[i]);
    q.truth.push_back(p.truth[i]);
    q.key.push_back(p.key[i]);
  }
  q.layer = [layer = p.layer, which](std::size_t i, const Array<double>& theta) {
    return layer(which[i], theta);
  };
  return q;
}

template <class S>
void batches(Checks& c, const Problem<S>& p) {
  for (const Method& method : contenders(10, 11)) {
    const Evaluation whole = evaluate(p, p.theta, method);
    const std::string id = "C23." + p.name + "." + method.name;
    Array<double> sum(p.theta.shape());
    for (std::size_t i = 0; i < p.samples(); ++i) {
      const Evaluation one = evaluate(part(p, {i}), p.theta, method);
      axpy<double>(1 / static_cast<double>(p.samples()), one.gradient, sum);
    }
    c.add(id + ".one_by_one", distance(sum, whole.gradient), 0, 0);
    for (const int threads : {2, 4}) {
      const ScopedThreads scope(threads);
      const Evaluation again = evaluate(p, p.theta, method);
      c.add(id + ".threads" + std::to_string(threads), distance(again.gradient, whole.gradient), 0,
            0);
    }
  }
}

/// A layer that keeps its bound to itself.
struct Unproven {
  using Scalar = double;
  using Gradient = SpectralLayer::Gradient;
  using Saved = SpectralLayer::Saved;
  SpectralLayer layer;
  void forward(ConstView<double> x, View<double> out, Saved* saved) const {
    layer.forward(x, out, saved);
  }
  void vjp(const Saved& saved, ConstView<double> u, View<double> xbar, Gradient* gradient) const {
    layer.vjp(saved, u, xbar, gradient);
  }
};

double seen_contraction(const SpectralLayer& layer, const Problem<SpectralLayer>& p,
                        const EquilibriumOptions& o) {
  Array<double> x = p.start[0], gradient(p.theta.shape());
  const auto loss = [&](ConstView<double> at, View<double> g) {
    combine<double>(1, at, -1, p.truth[0], g);
    return dot<double>(g, g) / 2;
  };
  return equilibrium_gradient(Unproven{layer}, o, loss, View<double>(x), gradient).contraction;
}

}  // namespace

void check_batches(Checks& c) {
  batches(c, smoothness_problem());
  batches(c, lasso_problem());
}

void check_guard(Checks& c) {
  // At the start the Hessian's largest eigenvalue lies between 1 and 1 + 4 exp(-1).
  const auto refused = [](double tau, double moved = 0) {
    Problem<SpectralLayer> p = smoothness_problem(tau);
    for (double& theta : p.theta) theta += moved;
    int count = 0;
    for (const Method& m : contenders(10, 11)) {
      if (m.options.strategy == GradientStrategy::unrolled) continue;
      try {
        evaluate(p, p.theta, m);
      } catch (const ArgumentError&) {
        ++count;
      }
    }
    return count;
  };
  c.add("C24.refused_too_long", refused(2.01), 4, 0);
  c.add("C24.refused_short", refused(0.8), 0, 0);
  // Learned values are bounded again: with theta one larger the eigenvalue is nearly 5.
  c.add("C24.refused_once_theta_moved", refused(0.8, 1), 4, 0);
  c.add("C24.refused_short_once_theta_moved", refused(0.3, 1), 0, 0);
  // What is logged of layers that prove nothing: by products with J^T, and by the changes alone.
  const Problem<SpectralLayer> p = smoothness_problem();
  const SpectralLayer layer = p.layer(0, p.theta);
  EquilibriumOptions o = restarted_options(10, 10);
  o.power_iterations = 200;
  c.add("C24.contraction_by_power_method", seen_contraction(layer, p, o), layer.lipschitz_bound(),
        0.01);
  o.power_iterations = 0, o.restarts = 2;
  c.add("C24.contraction_by_changes", seen_contraction(layer, p, o), layer.lipschitz_bound(), 0.05);
}

void check_warm_states(Checks& c) {
  const Method warm{"warm", restarted_options(2, 0), StartFrom::warm};
  const Problem<SpectralLayer> p = smoothness_problem(), q = smoothness_problem_with_noise(1);
  std::vector<std::size_t> order(p.samples());
  std::iota(order.rbegin(), order.rend(), std::size_t{0});
  WarmStates<double> states, shuffled;
  const Evaluation cold = evaluate(p, p.theta, warm, states);
  evaluate(part(p, order), p.theta, warm, shuffled);
  const Evaluation second = evaluate(p, p.theta, warm, states),
                   second_shuffled = evaluate(part(p, order), p.theta, warm, shuffled);
  double difference = 0, moved = 0, fresh = 0;
  for (std::size_t i = 0; i < p.samples(); ++i) {
    difference = std::max(difference, distance(second.x[i], second_shuffled.x[order[i]]));
    moved = std::max(moved, distance(second.x[i], cold.x[i]));
  }
  c.add("C25.other_order", difference, 0, 0);
  c.add("C25.warm_is_on", moved > 0, 1, 0);
  const Evaluation other = evaluate(q, q.theta, warm, states),
                   other_cold = evaluate(q, q.theta, warm);
  for (std::size_t i = 0; i < q.samples(); ++i)
    fresh = std::max(fresh, distance(other.x[i], other_cold.x[i]));
  c.add("C25.other_noise_starts_cold", fresh, 0, 0);
}

}  // namespace fejer::equilibrium_learning
