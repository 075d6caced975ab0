#include <fejer/models/training/pnp_learner.hpp>

#include <cmath>
#include <utility>

#include <doctest/doctest.h>
#include <fejer/error.hpp>
#include <fejer/models/drunet_forward_backward.hpp>
#include <fejer/operators/blur.hpp>
#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

#include "../small_drunet.hpp"
#include "differences.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

/// Smooth, and of so small an output that forward-backward contracts.
Drunet<double> flat_drunet() {
  const DrunetOptions options = small_drunet_options(DrunetActivation::softplus);
  std::vector<Array<double>> weights = random_drunet_weights(options);
  for (double& w : weights.back()) w *= 0.06;
  return Drunet<double>(options, weights);
}

template <class T>
MeasuredProblem<T> blurred(Index rows, Index columns) {
  const LinearOperator<T> A =
      Blur<T>(gaussian_kernel<T>(0.8), Shape{1, rows, columns}, Boundary::reflect);
  return {
      A, [](const Array<T>& y) { return y; },
      [](View<T> y, double sigma, const RandomStream& noise) { add_normal<T>(y, sigma, noise); }};
}

PnpOptions all_learned(GradientStrategy strategy) {
  PnpOptions o;
  o.learn_weights = true;
  o.step = 1.2;
  o.sigma = 0.3;
  o.equilibrium.strategy = strategy;
  o.equilibrium.tolerance = 1e-13;
  o.equilibrium.adjoint_tolerance = 1e-12;
  return o;
}

struct Problem {
  Learner<double> learner;
  Array<double> target, input;
  Shard<double> shard;

  explicit Problem(const PnpOptions& options)
      : learner(PnpLearner<double>(options, flat_drunet(), blurred<double>(9, 8))),
        target(random_array({1, 9, 8}, "target", 0.5)),
        input(learner.measure(target, 0.1, Rng(1).stream("noise"))),
        shard{{input, target, 0.1, 0}} {}

  /// Half the squared error of what the strategy's passes end in, and its gradient.
  std::pair<double, Parameters> evaluate(const Parameters& at) const {
    const auto prepared = learner.prepare(at);
    Parameters effective = learner.effective_zeros(prepared);
    Figures figures;
    const double value = learner.shard_gradient(prepared, shard, half_square, effective, figures);
    return {value, learner.pull_back(at, prepared, effective)};
  }
  double worst_difference(const Parameters& p, double h) const {
    const Parameters gradient = evaluate(p).second;
    gradient.require_like("gradient", p);
    double worst = 0;
    for (const auto& entry : p.entries()) {
      const auto value = [&](const Array<double>& v) {
        Parameters moved = p;
        moved[entry.name] = v;
        return evaluate(moved).first;
      };
      const Index stride = std::max<Index>(1, entry.value.size() / 3);
      worst = std::max(worst, gradient_error(value, entry.value, gradient[entry.name], h, stride));
    }
    return worst;
  }
};

}  // namespace

TEST_CASE("forward-backward with a DRUNet: vjp against differences, for x and the step") {
  const ScopedThreads one(1);
  const Index n = 72;
  const Array<double> y = random_array({1, 9, 8}, "y"), x = random_array({1, 9, 8}, "x"),
                      u = random_array({1, 9, 8}, "u");
  const auto value = [&](const Array<double>& at, double gamma, double sigma) {
    const DrunetForwardBackward<double> layer(flat_drunet(), blurred<double>(9, 8).A, y, gamma,
                                              sigma);
    Array<double> out(x.shape());
    layer.forward(at, out, nullptr);
    double sum = 0;
    for (Index i = 0; i < n; ++i) sum += u[i] * out[i];
    return sum;
  };
  const DrunetForwardBackward<double> layer(flat_drunet(), blurred<double>(9, 8).A, y, 0.9, 0.2);
  DrunetForwardBackward<double>::Saved saved;
  DrunetForwardBackward<double>::Gradient gradient;
  Array<double> out(x.shape()), plain(x.shape()), gx(x.shape());
  layer.forward(x, out, &saved);
  layer.forward(x, plain, nullptr);
  CHECK(largest_difference(out, plain) == 0);
  layer.vjp(saved, u, gx, &gradient);
  CHECK(gradient_error([&](const Array<double>& at) { return value(at, 0.9, 0.2); }, x, gx) < 1e-6);
  const double h = 1e-5;
  CHECK(gradient.step ==
        doctest::Approx((value(x, 0.9 + h, 0.2) - value(x, 0.9 - h, 0.2)) / (2 * h)).epsilon(1e-6));
  CHECK(gradient.network.sigma ==
        doctest::Approx((value(x, 0.9, 0.2 + h) - value(x, 0.9, 0.2 - h)) / (2 * h)).epsilon(1e-6));
  // In single precision: the same products.
  const Drunet<double> network = flat_drunet();
  const Array<float> yf = converted<float>(y), xf = converted<float>(x), uf = converted<float>(u);
  const DrunetForwardBackward<float> single(Drunet<float>(network.options(), network.weights()),
                                            blurred<float>(9, 8).A, yf, 0.9, 0.2);
  DrunetForwardBackward<float>::Saved saved_single;
  DrunetForwardBackward<float>::Gradient gradient_single;
  Array<float> out_single(x.shape()), gx_single(x.shape());
  single.forward(xf, out_single, &saved_single);
  single.vjp(saved_single, uf, gx_single, &gradient_single);
  const auto close = [](const Array<float>& a, const Array<double>& b) {
    return distance(converted<double>(a), b) < 1e-3 * norm(b);
  };
  CHECK(close(gx_single, gx));
  CHECK(gradient_single.step == doctest::Approx(gradient.step).epsilon(1e-3));
  CHECK(gradient_single.network.sigma == doctest::Approx(gradient.network.sigma).epsilon(1e-3));
  for (std::size_t k = 0; k < gradient.network.weights.size(); ++k)
    CHECK(close(gradient_single.network.weights[k], gradient.network.weights[k]));
  CHECK_THROWS_AS(DrunetForwardBackward<double>(flat_drunet(), blurred<double>(9, 8).A, y, -1, 0.2),
                  ArgumentError);
}

TEST_CASE("PnP learner: implicit gradients are those of the re-solved problem") {
  const ScopedThreads one(1);
  const Problem problem(all_learned(GradientStrategy::implicit));
  CHECK(problem.worst_difference(problem.learner.initial(Rng(1)), 1e-5) < 1e-8);
}

TEST_CASE("PnP learner: unrolled gradients are those of its passes") {
  const ScopedThreads one(1);
  PnpOptions o = all_learned(GradientStrategy::unrolled);
  o.equilibrium.depth = 3;
  const Problem problem(o);
  CHECK(problem.worst_difference(problem.learner.initial(Rng(1)), 1e-5) < 1e-6);
}

TEST_CASE("PnP learner: restarted gradients approach the implicit one as passes grow") {
  const ScopedThreads one(1);
  const Problem exact(all_learned(GradientStrategy::implicit));
  const Parameters p = exact.learner.initial(Rng(1));
  const Parameters reference = exact.evaluate(p).second;
  double last = 1e300;
  for (const Index depth : {1, 3, 9}) {
    PnpOptions o = all_learned(GradientStrategy::restarted);
    o.equilibrium.depth = depth;
    o.equilibrium.until_tolerance = true;
    Parameters difference = Problem(o).evaluate(p).second;
    axpy(-1.0, reference, difference);
    const double error = std::sqrt(dot(difference, difference) / dot(reference, reference));
    CHECK(error < last / 2);
    CHECK(error > 0);
    last = error;
  }
  CHECK(last < 1e-2);
}

TEST_CASE(
    "PnP learner: steps stay below 2 / ||A||^2, levels at 1, and gradients lead back inside") {
  const ScopedThreads one(1);
  PnpOptions o = all_learned(GradientStrategy::one_step);
  o.learn_weights = false;
  const PnpLearner<double> author(o, flat_drunet(), blurred<double>(9, 8));
  Parameters p = author.initial(Rng(1));
  CHECK(p.size() == 2);
  p["log_step"][0] = 3;
  CHECK(author.relative_step(p) == 1.99);
  CHECK(author.sigma(p) == doctest::Approx(0.3));
  Parameters effective = p.zeros();
  effective["log_step"][0] = -1;
  CHECK(author.pull_back(p, author.prepare(p), effective)["log_step"][0] == 0);
  effective["log_step"][0] = 1;
  CHECK(author.pull_back(p, author.prepare(p), effective)["log_step"][0] > 0);
  p["log_sigma"][0] = 0.5;
  CHECK(author.sigma(p) == 1);
  effective["log_sigma"][0] = -1;
  CHECK(author.pull_back(p, author.prepare(p), effective)["log_sigma"][0] == 0);

  const auto refused = [&](PnpOptions bad) {
    CHECK_THROWS_AS(PnpLearner<double>(bad, flat_drunet(), blurred<double>(9, 8)), ArgumentError);
  };
  PnpOptions bad = o;
  bad.step = 2;
  refused(bad);
  for (const double sigma : {0.0, 25.0}) {
    bad = o, bad.sigma = sigma;
    refused(bad);
  }
  bad = o, bad.learn_step = bad.learn_sigma = false;
  refused(bad);
}
