#pragma once
/// Parameters of an iteration learned from samples, by any gradient strategy.
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include <fejer/algorithms/equilibrium_gradient.hpp>
#include <fejer/algorithms/warm_states.hpp>
#include <fejer/metrics.hpp>
#include <fejer/models/training/optimiser.hpp>
#include <fejer/vector.hpp>

#include "../equilibrium_closed_form/problems.hpp"
#include "metered_layer.hpp"

namespace fejer::equilibrium_learning {

/// Samples that share the parameters theta; the loss is the mean of 1/2 ||x - truth||^2.
template <class S>
struct Problem {
  std::string name;
  std::function<S(std::size_t sample, const Array<double>& theta)> layer;
  std::vector<Array<double>> start, truth;
  std::vector<std::uint64_t> key;  ///< names the sample and its noise draw
  Array<double> theta;             ///< where learning starts
  double low = -12, high = 4;      ///< where theta is clipped
  std::size_t samples() const { return start.size(); }
};

/// From the start value, from what the last step left, or from the equilibrium.
enum class StartFrom { cold, warm, equilibrium };

struct Method {
  std::string name;
  EquilibriumOptions options;
  StartFrom from = StartFrom::cold;
};

struct Evaluation {
  double loss = 0;
  Array<double> gradient;
  std::vector<Array<double>> x;
  double contraction = 0, adjoint_residual = 0;  ///< the largest
  double passes = 0;                             ///< without a tape, mean over the samples
  Index tape = 0;                                ///< values that were kept at once, largest
};

/// The implicit gradient at the equilibrium, as exactly as doubles can.
Method exact_method();
/// JFB(K, infinity): at the equilibrium.
Method settled_method(Index K);
/// unrolled(K), unrolled(K T), DEQ, JFB with K T passes, JFB(K, T - 1) cold, JFB(K, 0) warm.
std::vector<Method> contenders(Index K, Index T);

template <class S>
Array<double> start_of(const Problem<S>& p, std::size_t i, const S& layer, StartFrom from,
                       const WarmStates<double>& states) {
  if (from == StartFrom::cold) return p.start[i];
  Array<double> x = states.start(p.key[i], p.start[i]);
  if (from == StartFrom::warm) return x;
  if constexpr (requires { layer.equilibrium(); }) {
    return layer.equilibrium();
  } else {
    solve_equilibrium(layer, equilibrium_closed_form::exact_options(), View<double>(x));
    return x;
  }
}

/// Mean loss and gradient: each sample by itself, added in their order.
template <class S>
Evaluation evaluate(const Problem<S>& p, const Array<double>& theta, const Method& method,
                    WarmStates<double>& states) {
  struct One {
    Array<double> x, gradient;
    EquilibriumReport report;
    Index tape = 0;
  };
  std::vector<One> each(p.samples());
  parallel_for(static_cast<Index>(p.samples()), 1, [&](Index begin, Index end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      const MeteredLayer<S> layer{p.layer(i, theta)};
      One& one = each[i];
      one.x = start_of(p, i, layer.layer, method.from, states);
      one.gradient = Array<double>(theta.shape());
      const auto loss = [&](ConstView<double> x, View<double> g) {
        combine<double>(1, x, -1, p.truth[i], g);
        return dot<double>(g, g) / 2;
      };
      TapeMeter::begin();
      one.report =
          equilibrium_gradient(layer, method.options, loss, View<double>(one.x), one.gradient);
      one.tape = TapeMeter::peak();
    }
  });
  Evaluation sum;
  sum.gradient = Array<double>(theta.shape());
  const double share = 1 / static_cast<double>(p.samples());
  for (std::size_t i = 0; i < p.samples(); ++i) {
    One& one = each[i];
    sum.loss += share * one.report.loss;
    axpy<double>(share, one.gradient, sum.gradient);
    sum.contraction = std::max(sum.contraction, one.report.contraction);
    sum.adjoint_residual = std::max(sum.adjoint_residual, one.report.adjoint_residual);
    sum.passes += share * static_cast<double>(one.report.passes);
    sum.tape = std::max(sum.tape, one.tape);
    if (method.from != StartFrom::cold) states.keep(p.key[i], one.x);
    sum.x.push_back(std::move(one.x));
  }
  return sum;
}

template <class S>
Evaluation evaluate(const Problem<S>& p, const Array<double>& theta, const Method& method) {
  WarmStates<double> none;
  return evaluate(p, theta, method, none);
}

struct Learning {
  OptimiserOptions optimiser;
  Index steps = 0;
  std::function<double(Index step)> factor = [](Index) { return 1.0; };
};

/// The gradient of a step beside the implicit one at the same theta.
struct Agreement {
  double cosine = 0, relative_error = 0, contraction = 0;
};

struct Learned {
  Array<double> theta;
  std::vector<Agreement>
      agreement;  ///< first, eleventh, middle and last step; empty unless asked for
  double seconds_per_step = 0, passes_per_step = 0;
  double contraction = 0, adjoint_residual = 0;  ///< the largest of all steps
  Index tape = 0;
};

void clip(Array<double>& theta, double low, double high);
/// Of this process.
double cpu_seconds();

template <class S>
Agreement agreement(const Problem<S>& p, const Array<double>& theta, const Evaluation& now) {
  const Evaluation exact = evaluate(p, theta, exact_method());
  return {equilibrium_closed_form::cosine(now.gradient, exact.gradient),
          equilibrium_closed_form::relative(now.gradient, exact.gradient), now.contraction};
}

/// Full-batch steps from p.theta; `states`: what warm starts begin with and leave.
template <class S>
Learned learn(const Problem<S>& p, const Learning& learning, const Method& method,
              WarmStates<double>& states, bool compare = false) {
  Learned out;
  Parameters theta;
  theta.add("theta", "theta", p.theta);
  Parameters gradient = theta.zeros();
  const Optimiser optimiser(learning.optimiser, theta);
  Optimiser::State state = optimiser.initial(theta);
  double used = 0;
  for (Index step = 0; step < learning.steps; ++step) {
    const double begin = cpu_seconds();
    const Evaluation now = evaluate(p, theta["theta"], method, states);
    used += cpu_seconds() - begin;
    if (compare &&
        (step == 0 || step == 10 || step == learning.steps / 2 || step + 1 == learning.steps))
      out.agreement.push_back(agreement(p, theta["theta"], now));
    out.contraction = std::max(out.contraction, now.contraction);
    out.adjoint_residual = std::max(out.adjoint_residual, now.adjoint_residual);
    out.passes_per_step += now.passes / static_cast<double>(learning.steps);
    out.tape = std::max(out.tape, now.tape);
    gradient["theta"] = now.gradient;
    optimiser.step(gradient, learning.factor(step), state, theta);
    clip(theta["theta"], p.low, p.high);
  }
  out.theta = theta["theta"];
  out.seconds_per_step = used / static_cast<double>(learning.steps);
  return out;
}
template <class S>
Learned learn(const Problem<S>& p, const Learning& learning, const Method& method) {
  WarmStates<double> states;
  return learn(p, learning, method, states);
}

/// Mean PSNR (peak 1) after `passes` passes from the start value; without: at the equilibrium, to a
/// residual of 1e-6.
template <class S>
double mean_psnr(const Problem<S>& p, const Array<double>& theta, std::optional<Index> passes) {
  double sum = 0;
  for (std::size_t i = 0; i < p.samples(); ++i) {
    EquilibriumOptions o;
    o.tolerance = passes ? 0 : 1e-6;
    o.max_passes = passes.value_or(1000000);
    Array<double> x = p.start[i];
    solve_equilibrium(p.layer(i, theta), o, View<double>(x));
    sum += psnr(x, p.truth[i], 1);
  }
  return sum / static_cast<double>(p.samples());
}

}  // namespace fejer::equilibrium_learning
