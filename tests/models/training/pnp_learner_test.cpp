#include <fejer/models/training/pnp_learner.hpp>

#include <cmath>
#include <utility>

#include <doctest/doctest.h>
#include <fejer/error.hpp>
#include <fejer/models/pnp_layer.hpp>
#include <fejer/operators/blur.hpp>
#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

#include "../small_drunet.hpp"
#include "../small_models.hpp"
#include "differences.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

template <class T>
using DrunetLayer = PnpLayer<DrunetAtLevel<T>>;

/// Smooth, and of so small an output that forward-backward contracts.
Drunet<double> flat_drunet(double gain = 0.06) {
  const DrunetOptions options = small_drunet_options(DrunetActivation::softplus);
  std::vector<Array<double>> weights = random_drunet_weights(options);
  for (double& w : weights.back()) w *= gain;
  return Drunet<double>(options, weights);
}

template <class T>
MeasuredProblem<T> blurred(Index rows, Index columns, const Array<T>& kernel) {
  const LinearOperator<T> A = Blur<T>(kernel, Shape{1, rows, columns}, Boundary::reflect);
  return {
      A, [](const Array<T>& y) { return y; },
      [](View<T> y, double sigma, const RandomStream& noise) { add_normal<T>(y, sigma, noise); }};
}

template <class T>
MeasuredProblem<T> blurred(Index rows, Index columns) {
  return blurred<T>(rows, columns, gaussian_kernel<T>(0.8));
}
/// With no frequency that it loses, so that a data step contracts.
MeasuredProblem<double> hardly_blurred() {
  Array<double> kernel(Shape{3, 1}, 0.15);
  kernel[1] = 0.7;
  return blurred<double>(9, 8, kernel);
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
      : Problem(options, flat_drunet(), blurred<double>(9, 8)) {}
  Problem(const PnpOptions& options, const PnpModel<double>& model,
          const MeasuredProblem<double>& measured)
      : learner(PnpLearner<double>(options, model, measured)),
        target(random_array({1, 9, 8}, "target", 0.5)),
        input(learner.measure(target, 0.1, Rng(1).stream("noise"))),
        shard{{input, target, 0.1, 0}} {}

  /// Half the squared error of what the strategy's passes end in, and its gradient.
  std::pair<double, Parameters> evaluate(const Parameters& at) const {
    Figures figures;
    return evaluate(at, figures);
  }
  std::pair<double, Parameters> evaluate(const Parameters& at, Figures& figures) const {
    const auto prepared = learner.prepare(at);
    Parameters effective = learner.effective_zeros(prepared);
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
    const DrunetLayer<double> layer({flat_drunet(), sigma}, blurred<double>(9, 8).A, y, gamma);
    Array<double> out(x.shape());
    layer.forward(at, out, nullptr);
    double sum = 0;
    for (Index i = 0; i < n; ++i) sum += u[i] * out[i];
    return sum;
  };
  const DrunetLayer<double> layer({flat_drunet(), 0.2}, blurred<double>(9, 8).A, y, 0.9);
  DrunetLayer<double>::Saved saved;
  DrunetLayer<double>::Gradient gradient;
  Array<double> out(x.shape()), plain(x.shape()), gx(x.shape());
  layer.forward(x, out, &saved);
  layer.forward(x, plain, nullptr);
  CHECK(largest_difference(out, plain) == 0);
  layer.vjp(saved, u, gx, &gradient);
  CHECK(gradient_error([&](const Array<double>& at) { return value(at, 0.9, 0.2); }, x, gx) < 1e-6);
  const double h = 1e-5;
  CHECK(gradient.step ==
        doctest::Approx((value(x, 0.9 + h, 0.2) - value(x, 0.9 - h, 0.2)) / (2 * h)).epsilon(1e-6));
  CHECK(gradient.sigma[0] ==
        doctest::Approx((value(x, 0.9, 0.2 + h) - value(x, 0.9, 0.2 - h)) / (2 * h)).epsilon(1e-6));
  // In single precision: the same products.
  const Drunet<double> network = flat_drunet();
  const Array<float> yf = converted<float>(y), xf = converted<float>(x), uf = converted<float>(u);
  const DrunetLayer<float> single({Drunet<float>(network.options(), network.weights()), 0.2},
                                  blurred<float>(9, 8).A, yf, 0.9);
  DrunetLayer<float>::Saved saved_single;
  DrunetLayer<float>::Gradient gradient_single;
  Array<float> out_single(x.shape()), gx_single(x.shape());
  single.forward(xf, out_single, &saved_single);
  single.vjp(saved_single, uf, gx_single, &gradient_single);
  const auto close = [](const Array<float>& a, const Array<double>& b) {
    return distance(converted<double>(a), b) < 1e-3 * norm(b);
  };
  CHECK(close(gx_single, gx));
  CHECK(gradient_single.step == doctest::Approx(gradient.step).epsilon(1e-3));
  CHECK(gradient_single.sigma[0] == doctest::Approx(gradient.sigma[0]).epsilon(1e-3));
  for (std::size_t k = 0; k < gradient.denoiser.weights.size(); ++k)
    CHECK(close(gradient_single.denoiser.weights[k], gradient.denoiser.weights[k]));
  CHECK_THROWS_AS(DrunetLayer<double>({flat_drunet(), 0.2}, blurred<double>(9, 8).A, y, -1),
                  ArgumentError);
}

TEST_CASE("PnP learner: implicit gradients are those of the re-solved problem") {
  const ScopedThreads one(1);
  const Problem problem(all_learned(GradientStrategy::implicit));
  CHECK(problem.worst_difference(problem.learner.initial(Rng(1)), 1e-5) < 1e-8);
}

TEST_CASE("PnP learner, gradient-step denoiser: implicit gradients, weights too, and the model") {
  const ScopedThreads one(1);
  const PnpOptions o = all_learned(GradientStrategy::implicit);
  const GradientStepDrunet<double> step(flat_drunet(0.015));
  const Problem problem(o, step, blurred<double>(9, 8));
  Parameters p = problem.learner.initial(Rng(1));
  CHECK(problem.worst_difference(p, 1e-5) < 1e-7);
  // Not those of the network in its place, whose parameters have the same names.
  const Problem of_network(o, step.network(), blurred<double>(9, 8));
  const double plain = of_network.evaluate(p).second["log_step"][0];
  CHECK(problem.evaluate(p).second["log_step"][0] != doctest::Approx(plain).epsilon(1e-3));
  p["m_head.weight"][0] += 0.25;
  const Model<float> model = PnpLearner<double>(o, step, blurred<double>(9, 8)).to_model(p);
  REQUIRE(model.kind() == "gsdrunet");
  const auto weights = std::get<GradientStepDrunet<float>>(model.value).network().weights();
  CHECK(weights[0][0] == doctest::Approx(p["m_head.weight"][0]).epsilon(1e-6));
}

TEST_CASE("PnP learner: unrolled gradients are those of its passes") {
  const ScopedThreads one(1);
  PnpOptions o = all_learned(GradientStrategy::unrolled);
  o.equilibrium.depth = 3;
  const Problem problem(o);
  CHECK(problem.worst_difference(problem.learner.initial(Rng(1)), 1e-5) < 1e-6);
}

TEST_CASE("PnP learner: unrolled estimates are those passes, whatever states are kept") {
  const ScopedThreads one(1);
  PnpOptions o = all_learned(GradientStrategy::unrolled);
  o.equilibrium.depth = 5;
  const Problem problem(o);
  const Parameters p = problem.learner.initial(Rng(1));
  const auto prepared = problem.learner.prepare(p);
  Array<double> x(problem.target.shape()), next(x.shape());
  problem.learner.estimate(prepared, problem.shard[0], x);
  const auto measured = blurred<double>(9, 8);
  const double norm = measured.A.norm_interval().upper;
  const DrunetLayer<double> layer({flat_drunet(), 0.3}, measured.A, problem.input,
                                  1.2 / (norm * norm));
  Array<double> passes = measured.start(problem.input);
  for (int k = 0; k < 5; ++k) layer.forward(passes, next, nullptr), std::swap(passes, next);
  CHECK(largest_difference(x, passes) < 1e-14);

  Array<double> state;
  Shard<double> kept = problem.shard;
  kept[0].state = &state;
  Parameters effective = problem.learner.effective_zeros(prepared);
  Figures figures;
  problem.learner.shard_gradient(prepared, kept, half_square, effective, figures);
  CHECK(state.size() == 0);
  CHECK(figures.at("cut") == doctest::Approx(std::pow(figures.at("contraction"), 5)).epsilon(1e-9));
}

TEST_CASE("PnP learner: a first visit settles, later ones go on; what does not settle is counted") {
  const ScopedThreads one(1);
  PnpOptions o = all_learned(GradientStrategy::restarted);
  o.equilibrium.depth = 2, o.equilibrium.restarts = 0, o.equilibrium.tolerance = 1e-8;
  const auto visit = [](const Problem& problem, Array<double>& state) {
    Shard<double> shard = problem.shard;
    shard[0].state = &state;
    const auto prepared = problem.learner.prepare(problem.learner.initial(Rng(1)));
    Parameters effective = problem.learner.effective_zeros(prepared);
    Figures figures;
    problem.learner.shard_gradient(prepared, shard, half_square, effective, figures);
    return figures;
  };
  Array<double> state;
  const Problem problem(o);
  const Figures first = visit(problem, state);
  CHECK(first.at("passes") > 2);
  CHECK(first.at("residual") < 1e-8);
  CHECK(first.at("unsettled") == 0);
  CHECK(visit(problem, state).at("passes") == 0);
  o.equilibrium.max_passes = 1;
  Array<double> cold;
  CHECK(visit(Problem(o), cold).at("unsettled") == 1);
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
  CHECK(author.sigmas(p)[0] == doctest::Approx(0.3));
  Parameters effective = author.effective_zeros(author.prepare(p));
  effective["step"][0] = -1;
  CHECK(author.pull_back(p, author.prepare(p), effective)["log_step"][0] == 0);
  effective["step"][0] = 1;
  CHECK(author.pull_back(p, author.prepare(p), effective)["log_step"][0] > 0);
  p["log_sigma"][0] = 0.5;
  CHECK(author.sigmas(p)[0] == 1);
  effective["sigma"][0] = -1;
  CHECK(author.pull_back(p, author.prepare(p), effective)["log_sigma"][0] == 0);
  // What momentum has carried out of the ranges comes back to their ends.
  author.project(p);
  CHECK(std::exp(p["log_step"][0]) == doctest::Approx(1.99));
  CHECK(p["log_sigma"][0] == 0);
  p["log_step"][0] = p["log_sigma"][0] = -100;
  author.project(p);
  CHECK(p["log_step"][0] == -12);
  CHECK(author.pull_back(p, author.prepare(p), effective).size() == 2);

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

namespace {

LipschitzCnn<double> spline_network() {
  return LipschitzCnn<double>(small_cnn(Activation::spline));
}
RidgeRegulariser<double> ridge() {
  return RidgeRegulariser<double>(small_ridge(Borders::zero_every_layer, 0.5));
}
/// Of a Lipschitz CNN or a ridge regulariser.
PnpOptions frozen(GradientStrategy strategy) {
  PnpOptions o = all_learned(strategy);
  o.learn_weights = false;
  o.sigma = 0.1;
  o.lambda = 0.2;
  o.prox = {1e-14, 500};
  return o;
}
std::vector<PnpModel<double>> models() { return {spline_network(), ridge()}; }

}  // namespace

TEST_CASE("PnP learner, Lipschitz CNN and ridge: implicit gradients are of the re-solved problem") {
  const ScopedThreads one(1);
  for (const PnpModel<double>& model : models()) {
    CAPTURE(model.index());
    const bool is_ridge = model.index() == 2;
    PnpOptions o = frozen(GradientStrategy::implicit);
    const Problem all(o, model, hardly_blurred());
    const Parameters gradient = all.evaluate(all.learner.initial(Rng(1))).second;
    CHECK(gradient.size() == (is_ridge ? 3 : 2));
    // The ridge's fixed point is a minimiser, whatever the step.
    const double by_step = std::abs(gradient["log_step"][0]);
    const double by_lambda = std::abs(gradient["log_lambda"][0]);
    CHECK((by_step < 1e-9 * by_lambda) == is_ridge);
    o.learn_step = !is_ridge;
    const Problem problem(o, model, hardly_blurred());
    CHECK(problem.worst_difference(problem.learner.initial(Rng(1)), 1e-5) < 1e-8);
  }
}

TEST_CASE("PnP learner, Lipschitz CNN and ridge: unrolled gradients are those of its passes") {
  const ScopedThreads one(1);
  PnpOptions o = frozen(GradientStrategy::unrolled);
  o.equilibrium.depth = 3;
  for (const PnpModel<double>& model : models()) {
    CAPTURE(model.index());
    const Problem problem(o, model, hardly_blurred());
    CHECK(problem.worst_difference(problem.learner.initial(Rng(1)), 1e-5) < 1e-6);
  }
}

TEST_CASE("PnP learner: every strategy gives a gradient of its own, with any number of threads") {
  for (const PnpModel<double>& model : models()) {
    CAPTURE(model.index());
    std::vector<double> norms;
    for (const auto strategy : {GradientStrategy::unrolled, GradientStrategy::implicit,
                                GradientStrategy::one_step, GradientStrategy::restarted}) {
      PnpOptions o = frozen(strategy);
      o.equilibrium.depth = 2, o.equilibrium.restarts = 2;
      const Problem problem(o, model, hardly_blurred());
      const Parameters p = problem.learner.initial(Rng(1));
      const auto gradient_with = [&](int threads) {
        const ScopedThreads scope(threads);
        return problem.evaluate(p).second;
      };
      const Parameters gradient = gradient_with(1);
      for (const int threads : {2, 4}) {
        const Parameters other = gradient_with(threads);
        for (const auto& entry : gradient.entries())
          CHECK(same_bits(entry.value, other[entry.name]));
      }
      norms.push_back(dot(gradient, gradient));
    }
    for (std::size_t i = 0; i < norms.size(); ++i)
      for (std::size_t j = 0; j < i; ++j) CHECK(norms[i] != norms[j]);
  }
}

TEST_CASE(
    "PnP learner, ridge: figures say where a prox or its system did not reach the tolerance") {
  for (const auto strategy : {GradientStrategy::restarted, GradientStrategy::implicit}) {
    PnpOptions o = frozen(strategy);
    o.equilibrium.depth = 3, o.equilibrium.restarts = 2;
    o.equilibrium.max_passes = 5, o.equilibrium.adjoint_max_products = 5;
    const double taped = strategy == GradientStrategy::implicit ? 1 : 3;
    const auto figures_of = [&](RidgeProxOptions prox, int threads) {
      const ScopedThreads scope(threads);
      o.prox = prox;
      Problem problem(o, ridge(), hardly_blurred());
      // Of two samples that are the same, each counts for itself.
      problem.shard.push_back(problem.shard.front());
      Figures figures;
      problem.evaluate(problem.learner.initial(Rng(1)), figures);
      return figures;
    };
    Figures settled = figures_of({1e-12, 500}, 1);
    CHECK(settled["prox not settled"] == 0);
    CHECK(settled["prox residual"] < 2e-12);
    CHECK(settled["prox residual"] > 0);
    CHECK(settled["prox adjoint residual"] <= 2e-12);
    CHECK(settled["prox adjoint residual"] > 0);
    Figures cut = figures_of({1e-12, 1}, 1);
    CHECK(cut["prox not settled"] == 2 * taped * 2);
    CHECK(cut["prox residual"] > 1e-4);
    CHECK(cut["prox adjoint residual"] > 1e-4);
    CHECK(cut["prox adjoint residual"] < 2);
    CHECK(figures_of({1e-12, 1}, 4) == cut);
  }
  PnpOptions o = frozen(GradientStrategy::one_step);
  const Problem other(o, spline_network(), hardly_blurred());
  Figures figures;
  other.evaluate(other.learner.initial(Rng(1)), figures);
  CHECK(figures.count("prox not settled") == 0);
}

TEST_CASE("PnP learner: layers that take turns have noise levels of their own") {
  const ScopedThreads one(1);
  PnpOptions o = frozen(GradientStrategy::implicit);
  o.levels = 2;
  for (const PnpModel<double>& model :
       {PnpModel<double>(flat_drunet()), PnpModel<double>(ridge())}) {
    CAPTURE(model.index());
    const Problem problem(o, model, hardly_blurred());
    Parameters p = problem.learner.initial(Rng(1));
    REQUIRE(p["log_sigma"].size() == 2);
    p["log_sigma"][1] += 0.5;
    CHECK(problem.worst_difference(p, 1e-5) < 1e-7);
    const Parameters gradient = problem.evaluate(p).second;
    CHECK(gradient["log_sigma"][0] != gradient["log_sigma"][1]);
  }
  CHECK(throws_with<ArgumentError>(
      [&] { PnpLearner<double>(o, spline_network(), hardly_blurred()); }, "1 for networks"));
}

TEST_CASE("PnP learner: the step of a weakly convex ridge ends where the prox does") {
  const ScopedThreads one(1);
  PnpOptions o = frozen(GradientStrategy::one_step);
  const PnpLearner<double> author(o, ridge(), hardly_blurred());
  Parameters p = author.initial(Rng(1));
  const double rho = ridge().weak_convexity().value;
  for (const double lambda : {0.2, 1.0, 40.0}) {
    p["log_lambda"][0] = std::log(lambda);
    p["log_step"][0] = 3;
    const double step = author.relative_step(p), w = lambda * rho;  // ||A|| = 1
    CHECK(step * w <= 0.99 * (1 + 1e-9));
    CHECK(step * (1 + w) <= 1.99 * (1 + 1e-9));
    CHECK(std::max(step * w / 0.99, step * (1 + w) / 1.99) == doctest::Approx(1));
    // There lambda moves the step, and the gradient knows.
    Parameters effective = author.effective_zeros(author.prepare(p));
    effective["step"][0] = 1;
    const auto step_at = [&](double move) {
      Parameters moved = p;
      moved["log_lambda"][0] += move;
      return author.prepare(moved).step;
    };
    CHECK(author.pull_back(p, author.prepare(p), effective)["log_lambda"][0] ==
          doctest::Approx((step_at(1e-6) - step_at(-1e-6)) / 2e-6).epsilon(1e-6));
  }
  const auto refused = [&](const PnpOptions& bad, const PnpModel<double>& model, const char* why) {
    CHECK(
        throws_with<ArgumentError>([&] { PnpLearner<double>(bad, model, hardly_blurred()); }, why));
  };
  PnpOptions bad = o;
  bad.lambda = 1.5;
  refused(bad, spline_network(), "relaxation");
  bad.lambda = 0;
  refused(bad, ridge(), "positive");
  bad = o, bad.learn_weights = true;
  refused(bad, ridge(), "only the weights of a DRUNet");
  LipschitzCnnParameters wide = small_cnn(Activation::relu, 1.5);
  refused(o, LipschitzCnn<double>(wide), "certified");
  RidgeParameters one_level = small_ridge(Borders::zero_every_layer, 0.5);
  one_level.scaling.reset();
  refused(o, RidgeRegulariser<double>(one_level), "learn_sigma");
}
