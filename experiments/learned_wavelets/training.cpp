#include "training.hpp"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <numeric>

#include <fejer/metrics.hpp>
#include <fejer/models/training/optimiser.hpp>
#include <fejer/parallel.hpp>
#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

#include "console.hpp"

namespace fejer::learned_wavelets {
namespace {

double used_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

/// Mean squared error of the image, and its gradient in the coefficients.
double squared_error(const Problem& p, const Sample& sample, ConstView<float> u, View<float> g) {
  Array<float> x(sample.truth.shape());
  p.synthesis.apply(u, x);
  axpy<float>(-1, sample.truth, x);
  const auto pixels = static_cast<double>(x.size());
  const double error = dot(x, x) / pixels;
  scale<float>(x, static_cast<float>(2 / pixels));
  p.synthesis.apply_adjoint(ConstView<float>(x), g);
  return error;
}

std::vector<std::size_t> first_samples(const Problem& p, std::size_t count) {
  std::vector<std::size_t> list(std::min(count, p.samples.size()));
  std::iota(list.begin(), list.end(), std::size_t{0});
  return list;
}

Agreement agree(const Problem& p, const Array<double>& theta, const Method& method,
                const WarmStates<float>& now) {
  const std::vector<std::size_t> few = first_samples(p, 2);
  WarmStates<float> cold, states;
  for (const auto& [key, state] : now.states()) states.keep(key, state);
  const Array<double> a = gradient(p, few, theta, method, states).value,
                      b = gradient(p, few, theta, reference_method(), cold).value;
  const double lengths = norm(a) * norm(b);
  return {lengths > 0 ? dot(a, b) / lengths : 0, norm(b) > 0 ? distance(a, b) / norm(b) : 0};
}

EquilibriumOptions with(GradientStrategy strategy, Index depth, Index restarts) {
  EquilibriumOptions o = settle_options();
  o.strategy = strategy;
  o.depth = depth, o.restarts = restarts;
  return o;
}

std::string restarted_name(Index K, Index R) {
  return "RJFB(" + std::to_string(K) + ", " + std::to_string(R) + ")";
}

/// Batch k, going through all samples in a new order each time.
std::vector<std::size_t> batch_of(Index k, Index size, Index samples) {
  std::vector<std::size_t> batch;
  for (Index i = k * size; i < (k + 1) * size; ++i) {
    const auto order = permutation(samples, Rng(5).stream("epoch/" + std::to_string(i / samples)));
    batch.push_back(static_cast<std::size_t>(order[static_cast<std::size_t>(i % samples)]));
  }
  return batch;
}

}  // namespace

EquilibriumOptions settle_options() {
  EquilibriumOptions o;
  o.strategy = GradientStrategy::implicit;
  o.tolerance = 3e-4;
  o.max_passes = 1500;
  o.adjoint_tolerance = 1e-2;
  o.adjoint_max_products = 300;
  o.power_iterations = 0;  // the ridge makes every layer a contraction
  return o;
}

Method reference_method() {
  EquilibriumOptions o = settle_options();
  o.tolerance = 3e-5;
  o.max_passes = 4000;
  o.adjoint_tolerance = 1e-3;
  return {"reference", o};
}

Method restarted_warm(Index K) {
  return {restarted_name(K, 0) + " warm", with(GradientStrategy::restarted, K, 0), true};
}

std::vector<Method> methods(Index K, Index T) {
  const auto name = [](const char* what, Index a) {
    return std::string(what) + "(" + std::to_string(a) + ")";
  };
  using enum GradientStrategy;
  return {{name("unrolled", K), with(unrolled, K, 0)},
          {name("unrolled", K * T), with(unrolled, K * T, 0)},
          {"DEQ cold", with(implicit, 1, 0)},
          {"DEQ warm", with(implicit, 1, 0), true},
          {"JFB", with(one_step, 1, K * T - 1)},
          {restarted_name(K, T - 1) + " cold", with(restarted, K, T - 1)},
          restarted_warm(K),
          {"DEQ warm, 3 x the passes", with(implicit, 1, 0), true, 3}};
}

Gradient gradient(const Problem& p, const std::vector<std::size_t>& samples,
                  const Array<double>& theta, const Method& method, WarmStates<float>& states) {
  std::vector<Gradient> each(samples.size());
  std::vector<Array<float>> ends(samples.size());
  const bool implicit = method.options.strategy == GradientStrategy::implicit;
  const Index depth =
      implicit || method.options.strategy == GradientStrategy::one_step ? 1 : method.options.depth;
  parallel_for(static_cast<Index>(samples.size()), 1, [&](Index begin, Index end) {
    for (auto k = static_cast<std::size_t>(begin); k < static_cast<std::size_t>(end); ++k) {
      const Sample& sample = p.samples[samples[k]];
      const Array<float> cold = p.start(samples[k]);
      Array<float> u = method.warm ? states.start(sample.key, cold) : cold;
      // A first visit settles: the first K passes may be far from the fixed point.
      EquilibriumOptions o = method.options;
      o.until_tolerance |= method.warm && !states.holds(sample.key);
      Gradient& one = each[k];
      one.value = Array<double>(theta.shape());
      const EquilibriumReport report = p.with_layer(samples[k], theta, [&](const auto& layer) {
        return equilibrium_gradient(
            layer, o,
            [&](ConstView<float> x, View<float> g) { return squared_error(p, sample, x, g); },
            View<float>(u), one.value);
      });
      one.loss = report.loss;
      one.passes = static_cast<double>(report.passes + 2 * depth + report.adjoint_products);
      one.unsettled = implicit && !(report.converged && report.adjoint_converged) ? 1 : 0;
      ends[k] = std::move(u);
    }
  });
  Gradient sum;
  sum.value = Array<double>(theta.shape());
  const double share = 1 / static_cast<double>(samples.size());
  for (std::size_t k = 0; k < samples.size(); ++k) {
    sum.loss += share * each[k].loss;
    axpy<double>(share, each[k].value, sum.value);
    sum.passes += each[k].passes;
    sum.unsettled += each[k].unsettled;
    if (method.warm) states.keep(p.samples[samples[k]].key, std::move(ends[k]));
  }
  return sum;
}

Learned learn(const Problem& p, const Method& method, const Learning& learning) {
  Parameters theta;
  theta.add("theta", "theta", p.uniform(learning.start));
  Parameters slope = theta.zeros();
  const Optimiser adam({.kind = OptimiserKind::adam, .rate = learning.rate}, theta);
  Optimiser::State state = adam.initial(theta);
  WarmStates<float> states;
  Learned out;
  const auto compare = [&] {
    if (learning.compare) out.agreement.push_back(agree(p, theta["theta"], method, states));
  };
  compare();
  while (out.passes < learning.passes) {
    command::stop_if_interrupted();
    if (out.agreement.size() == 1 && out.passes > learning.passes / 2) compare();
    const double begin = used_seconds();
    const Gradient now =
        gradient(p,
                 batch_of(out.steps, std::min<Index>(learning.batch, std::ssize(p.samples)),
                          std::ssize(p.samples)),
                 theta["theta"], method, states);
    out.cpu_seconds += used_seconds() - begin;
    slope["theta"] = now.value;
    adam.step(slope, 1 - out.passes / learning.passes, state, theta);
    for (double& t : theta["theta"]) t = std::clamp(t, -12.0, 4.0);
    out.passes += now.passes;
    out.unsettled += now.unsettled;
    ++out.steps;
  }
  compare();
  out.theta = theta["theta"];
  return out;
}

Learned tune(const Problem& p) {
  Learned out;
  WarmStates<float> states;
  const double begin = used_seconds(), golden = (std::sqrt(5.0) - 1) / 2;
  const auto loss = [&](double logarithm) {
    ++out.steps;
    const Path path = follow(p, p.uniform(std::exp(logarithm)), {}, &states);
    out.passes += path.passes * static_cast<double>(p.samples.size());
    return path.loss;
  };
  double low = std::log(1e-3), high = 0, a = high - golden * (high - low),
         b = low + golden * (high - low), at_a = loss(a), at_b = loss(b);
  while (high - low > 0.1) {
    if (at_a < at_b) {
      high = b, b = a, at_b = at_a;
      at_a = loss(a = high - golden * (high - low));
    } else {
      low = a, a = b, at_a = at_b;
      at_b = loss(b = low + golden * (high - low));
    }
  }
  out.theta = p.uniform(std::exp(at_a < at_b ? a : b));
  out.cpu_seconds = used_seconds() - begin;
  return out;
}

Path follow(const Problem& p, const Array<double>& theta, const std::vector<Index>& depths,
            WarmStates<float>* states) {
  struct One {
    std::vector<double> psnr;
    double start = 0, settled = 0, loss = 0, passes = 0;
    Array<float> image;
  };
  std::vector<One> each(p.samples.size());
  parallel_for(static_cast<Index>(each.size()), 1, [&](Index begin, Index end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      const Sample& sample = p.samples[i];
      One& one = each[i];
      Array<float> u = p.start(i);
      const auto solve = [&](const EquilibriumOptions& o) {
        return p.with_layer(i, theta, [&](const auto& layer) {
          return solve_equilibrium(layer, o, View<float>(u));
        });
      };
      if (states != nullptr) u = states->start(sample.key, u);
      const auto quality = [&] { return psnr(p.synthesis.apply(u), sample.truth, 1.0); };
      one.start = quality();
      Index done = 0;
      for (const Index depth : depths) {
        EquilibriumOptions o = settle_options();
        o.tolerance = 0, o.max_passes = depth - done;
        solve(o);
        one.psnr.push_back(quality());
        done = depth;
      }
      EquilibriumOptions o = settle_options();
      o.tolerance = 1e-3;
      const EquilibriumReport report = solve(o);
      if (states != nullptr) states->keep(sample.key, u);
      one.settled = quality();
      one.passes = static_cast<double>(done + report.passes);
      one.image = p.synthesis.apply(u);
      const double d = distance(one.image, sample.truth);
      one.loss = d * d / static_cast<double>(one.image.size());
    }
  });
  Path mean;
  mean.psnr.resize(depths.size());
  const double share = 1 / static_cast<double>(each.size());
  for (One& one : each) {
    for (std::size_t d = 0; d < depths.size(); ++d) mean.psnr[d] += share * one.psnr[d];
    mean.start += share * one.start, mean.settled += share * one.settled;
    mean.loss += share * one.loss, mean.passes += share * one.passes;
    mean.images.push_back(std::move(one.image));
  }
  return mean;
}

}  // namespace fejer::learned_wavelets
