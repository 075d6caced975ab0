#include <fejer/operators/variation_primal_dual.hpp>

#include <cmath>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fejer/algorithms/equilibrium_gradient.hpp>
#include <fejer/operators/blur.hpp>
#include <fejer/operators/identity.hpp>
#include <fejer/operators/mask.hpp>
#include <fejer/operators/total_variation.hpp>
#include <fejer/parallel.hpp>
#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

#include "../layer_products.hpp"

using namespace fejer;

namespace {

struct NamedVariation {
  const char* name;
  VariationGroups groups;
  VariationWeights weights;
  Index parameters;  ///< with 3 channels
};
const std::vector<NamedVariation> variations = {
    {"one weight", {false, false}, VariationWeights::one, 1},
    {"isotropic", {true, false}, VariationWeights::one, 1},
    {"by direction", {false, false}, VariationWeights::directions, 2},
    {"by direction and channel", {false, false}, VariationWeights::directions_of_channels, 6},
    {"isotropic by channel", {true, false}, VariationWeights::channels, 3},
    {"vectorial by direction", {false, true}, VariationWeights::directions, 2},
    {"vectorial with weighted channels", {false, true}, VariationWeights::channels, 3},
    {"isotropic, vectorial, weighted", {true, true}, VariationWeights::directions_of_channels, 6},
};

template <class T>
Array<T> random(const Shape& shape, const std::string& name, double scale = 1) {
  Array<T> x(shape);
  fill_normal<T>(x, Rng(3).stream(name));
  for (T& v : x) v *= static_cast<T>(scale);
  return x;
}

/// 1/2 |x - truth|^2 at the fixed point of a deblurring layer.
template <class T>
struct VariationProblem {
  std::shared_ptr<const LearnedVariation> prior;
  LinearOperator<T> A;
  Array<T> data, truth;
  typename VariationPrimalDual<T>::Options options{1, 0.1};
  Array<double> theta;

  explicit VariationProblem(const NamedVariation& of, double huber = 0.1, Index size = 7)
      : prior(std::make_shared<const LearnedVariation>(Shape{3, size, size + 1}, of.groups,
                                                       of.weights, huber)),
        A(Blur<T>(gaussian_kernel<T>(0.5), Shape{3, size, size + 1}, Boundary::reflect)),
        data(random<T>(A.range(), "data")),
        truth(random<T>(A.domain(), "truth")),
        theta(prior->uniform(0.2)) {
    for (Index i = 0; i < theta.size(); ++i) theta[i] += 0.5 * std::sin(double(i + 1));
  }
  VariationPrimalDual<T> layer(const Array<double>& at) const {
    return {prior, at, A, data, options};
  }
  double loss(ConstView<T> z, View<T> g) const {
    std::fill(g.begin(), g.end(), T(0));
    double sum = 0;
    for (Index i = 0; i < truth.size(); ++i) {
      g[i] = z[i] - truth[i];
      sum += static_cast<double>(g[i]) * static_cast<double>(g[i]) / 2;
    }
    return sum;
  }
  EquilibriumReport gradient(const EquilibriumOptions& o, const Array<double>& at,
                             Array<double>& g) const {
    const auto now = layer(at);
    Array<T> z = now.start(data);
    g = Array<double>(at.shape());
    return equilibrium_gradient(
        now, o, [&](ConstView<T> x, View<T> y) { return loss(x, y); }, View<T>(z), g);
  }
};

EquilibriumOptions exact_options() {
  EquilibriumOptions o;
  o.strategy = GradientStrategy::implicit;
  o.tolerance = 1e-14;
  o.adjoint_tolerance = 1e-12;
  o.max_passes = 20000;
  return o;
}

/// Largest |gradient - central difference| relative to the largest |gradient|.
double difference(const std::function<double(const Array<double>&)>& f, const Array<double>& at,
                  const Array<double>& gradient, double h) {
  double worst = 0, largest = 1e-300;
  for (Index i = 0; i < at.size(); ++i) {
    Array<double> up = at, down = at;
    up[i] += h, down[i] -= h;
    worst = std::max(worst, std::abs(gradient[i] - (f(up) - f(down)) / (2 * h)));
    largest = std::max(largest, std::abs(gradient[i]));
  }
  return worst / largest;
}

/// x of the fixed point, from data with A = I.
Array<double> denoised(const LearnedVariation& prior, const Array<double>& theta,
                       const Array<double>& y, double tolerance = 1e-13) {
  const VariationPrimalDual<double> layer(std::make_shared<const LearnedVariation>(prior), theta,
                                          Identity<double>(y.shape()), y);
  Array<double> z = layer.start(y);
  EquilibriumOptions o;
  o.tolerance = tolerance, o.max_passes = 100000, o.power_iterations = 0;
  solve_equilibrium(layer, o, View<double>(z));
  return Array<double>(ConstView<double>(z.data(), y.shape()));
}

}  // namespace

TEST_CASE("primal-dual TV: the fixed point is the prox of total variation") {
  const Shape shape{2, 9, 8};
  const Array<double> y = random<double>(shape, "y");
  for (const TvKind kind : {TvKind::anisotropic, TvKind::isotropic}) {
    const bool isotropic = kind == TvKind::isotropic;
    const LearnedVariation prior(shape, {isotropic, false}, VariationWeights::one);
    TvOptions options;
    options.kind = kind, options.tolerance = 1e-13, options.max_iterations = 200000;
    Array<double> expected(shape);
    TotalVariation<double>(0.3, options).prox(y, 1, expected);
    const Array<double> theta = prior.uniform(0.3);
    const Array<double> x = denoised(prior, theta, y, 1e-12);
    CHECK(distance(x, expected) < 1e-5 * norm(expected));
    CHECK(prior.value(x, theta) ==
          doctest::Approx(TotalVariation<double>(0.3, options).value(x)).epsilon(1e-12));
  }
}

TEST_CASE("primal-dual TV: two pixels of two channels, where there is a formula") {
  // With d the difference, 1/4 |d - d0|^2 + g(d) is least.
  const Shape shape{2, 1, 2};
  Array<double> y(shape);
  y[0] = 0.1, y[1] = 1.3, y[2] = -0.2, y[3] = 0.7;  // d0 = (1.2, 0.9), of length 1.5
  const LearnedVariation vectorial(shape, {false, true}, VariationWeights::one);
  const Array<double> x = denoised(vectorial, vectorial.uniform(0.3), y);
  CHECK(x[1] - x[0] == doctest::Approx(1.2 * (1 - 0.6 / 1.5)).epsilon(1e-10));
  CHECK(x[3] - x[2] == doctest::Approx(0.9 * (1 - 0.6 / 1.5)).epsilon(1e-10));
  CHECK(x[0] + x[1] == doctest::Approx(1.4).epsilon(1e-10));
  // The same with weights of the channels: (d - d0)/2 + w^2 d / |w d| = 0.
  const LearnedVariation weighted(shape, {false, true}, VariationWeights::channels);
  Array<double> theta = weighted.uniform(0.3);
  theta[1] = std::log(0.5);
  const Array<double> z = denoised(weighted, theta, y);
  const double a = z[1] - z[0], b = z[3] - z[2], r = std::hypot(0.3 * a, 0.5 * b);
  CHECK((a - 1.2) / 2 + 0.09 * a / r == doctest::Approx(0).epsilon(1e-9));
  CHECK((b - 0.9) / 2 + 0.25 * b / r == doctest::Approx(0).epsilon(1e-9));
  // Above its threshold Huber's function has the same derivative.
  const LearnedVariation smooth(shape, {false, true}, VariationWeights::channels, 0.05);
  CHECK(distance(denoised(smooth, theta, y), z) < 1e-9);
  // Below: d (1/2 + w / threshold) = d0 / 2.
  const LearnedVariation quadratic(Shape{1, 1, 2}, {}, VariationWeights::one, 10);
  Array<double> one(Shape{1, 1, 2});
  one[1] = 1;
  const Array<double> q = denoised(quadratic, quadratic.uniform(0.3), one);
  CHECK(q[1] - q[0] == doctest::Approx(0.5 / (0.5 + 0.03)).epsilon(1e-9));
}

TEST_CASE("primal-dual TV: derivatives of a step against differences") {
  const ScopedThreads one(1);
  for (const NamedVariation& of : variations) {
    CAPTURE(of.name);
    const VariationProblem<double> p(of);
    REQUIRE(p.theta.size() == of.parameters);
    const auto layer = p.layer(p.theta);
    const Array<double> z = random<double>(layer.state(), "state", 0.3),
                        cotangent = random<double>(layer.state(), "cotangent");
    const auto value = [&](const Array<double>& at, const Array<double>& theta) {
      Array<double> out(at.shape());
      p.layer(theta).forward(at, out, nullptr);
      return dot(out, cotangent);
    };
    VariationPrimalDual<double>::Saved saved;
    Array<double> out(z.shape()), zbar(z.shape()), plain(z.shape()), alone(z.shape());
    Array<double> thetabar(p.theta.shape());
    layer.forward(z, out, &saved);
    layer.forward(z, plain, nullptr);
    CHECK(distance(out, plain) == 0);
    layer.vjp(saved, cotangent, zbar, &thetabar);
    layer.vjp(saved, cotangent, alone, nullptr);
    CHECK(distance(zbar, alone) == 0);
    CHECK(difference([&](const Array<double>& at) { return value(at, p.theta); }, z, zbar, 1e-6) <
          1e-7);
    CHECK(difference([&](const Array<double>& at) { return value(z, at); }, p.theta, thetabar,
                     1e-6) < 1e-7);
  }
}

TEST_CASE_TEMPLATE("C14: steps of primal-dual TV and their weights", T, float, double) {
  const ScopedThreads one(1);
  for (const NamedVariation& of : variations) {
    CAPTURE(of.name);
    const VariationProblem<T> p(of);
    VariationProblem<double> twice(of);
    for (Index i = 0; i < p.data.size(); ++i) twice.data[i] = p.data[i];
    const auto moved = [&](Index i, double h) {
      Array<double> theta = p.theta;
      if (i >= 0) theta[i] += h;
      return twice.layer(theta);
    };
    const auto layer = p.layer(p.theta);
    CHECK(fejer_test::product_error(
              layer, Array<double>(p.theta.shape()), moved, p.theta.size(),
              [](const Array<double>& g, Index i) { return g[i]; },
              random<double>(layer.state(), "state", 0.3)) < fejer_test::product_tolerance<T>);
  }
}

TEST_CASE("primal-dual TV: implicit gradients are those of the re-solved problem") {
  const ScopedThreads one(1);
  for (const NamedVariation& of : variations) {
    CAPTURE(of.name);
    const VariationProblem<double> p(of);
    Array<double> g, unused;
    const EquilibriumReport report = p.gradient(exact_options(), p.theta, g);
    CHECK(report.converged);
    CHECK(report.adjoint_converged);
    CHECK(report.contraction < 1);
    const auto loss = [&](const Array<double>& at) {
      return p.gradient(exact_options(), at, unused).loss;
    };
    CHECK(difference(loss, p.theta, g, 1e-5) < 1e-8);
  }
}

TEST_CASE("primal-dual TV: without smoothing, where the dual is not unique") {
  // The exact gradient of denoising by anisotropic TV in log lambda, against differences.
  const ScopedThreads one(1);
  const NamedVariation of{"", {false, false}, VariationWeights::directions, 2};
  VariationProblem<double> p(of, 0, 6);
  p.A = Identity<double>(p.truth.shape());
  p.options.ridge = 0;
  EquilibriumOptions o = exact_options();
  o.power_iterations = 0;
  o.tolerance = 1e-13;
  Array<double> g, unused;
  p.gradient(o, p.theta, g);
  const auto loss = [&](const Array<double>& at) { return p.gradient(o, at, unused).loss; };
  CHECK(difference(loss, p.theta, g, 1e-5) < 1e-6);
}

TEST_CASE("primal-dual TV: every strategy is on, and restarted gradients approach the exact one") {
  const ScopedThreads one(1);
  const VariationProblem<double> p(variations[7]);
  Array<double> reference, g;
  p.gradient(exact_options(), p.theta, reference);
  std::vector<double> errors;
  using enum GradientStrategy;
  for (const auto strategy : {unrolled, one_step, restarted}) {
    EquilibriumOptions o = exact_options();
    o.strategy = strategy, o.depth = 3, o.restarts = 3;
    p.gradient(o, p.theta, g);
    errors.push_back(distance(g, reference) / norm(reference));
    // Those of the unrolled passes are of what they end in.
    Array<double> unused;
    if (strategy == unrolled)
      CHECK(difference([&](const Array<double>& at) { return p.gradient(o, at, unused).loss; },
                       p.theta, g, 1e-5) < 1e-6);
  }
  for (std::size_t i = 0; i < errors.size(); ++i) {
    CHECK(errors[i] > 1e-3);
    for (std::size_t j = 0; j < i; ++j) CHECK(errors[i] != errors[j]);
  }
  double last = 1e300;
  for (const Index depth : {10, 40, 160}) {
    EquilibriumOptions o = exact_options();
    o.strategy = restarted, o.depth = depth, o.until_tolerance = true;
    p.gradient(o, p.theta, g);
    const double error = distance(g, reference) / norm(reference);
    CHECK(error < last / 2);
    last = error;
  }
  CHECK(last < 1e-4);
}

TEST_CASE("primal-dual TV: the same bits with any number of threads, in single the same") {
  const NamedVariation& of = variations[7];
  const auto run = [&](int threads) {
    const ScopedThreads scope(threads);
    const VariationProblem<float> p(of, 0.1, 70);
    EquilibriumOptions o;
    o.strategy = GradientStrategy::restarted, o.depth = 3, o.restarts = 2, o.power_iterations = 5;
    Array<double> g;
    p.gradient(o, p.theta, g);
    return g;
  };
  const Array<double> g = run(1);
  for (const int threads : {2, 4}) {
    const Array<double> other = run(threads);
    CHECK(std::memcmp(g.data(), other.data(), static_cast<std::size_t>(g.size()) * 8) == 0);
  }
  const VariationProblem<float> single(of);
  VariationProblem<double> twice(of);
  for (Index i = 0; i < twice.data.size(); ++i)
    twice.data[i] = single.data[i], twice.truth[i] = single.truth[i];
  EquilibriumOptions o;
  Array<double> in_single, in_double;
  single.gradient(o, single.theta, in_single);
  twice.gradient(o, twice.theta, in_double);
  CHECK(distance(in_single, in_double) < 1e-3 * norm(in_double));
}

TEST_CASE("primal-dual TV: steps whatever the weights, and what is refused") {
  const VariationProblem<double> p(variations[7]);
  Array<double> wide = p.theta;
  wide[0] = -9, wide[5] = 3;
  const auto layer = p.layer(wide);
  const double L = std::pow(p.A.norm_interval().upper, 2) + p.options.ridge;
  const double bound = FiniteDifference<double>(p.truth.shape()).norm_interval().upper;
  CHECK(1 / layer.tau() - layer.sigma() * bound * bound >= L / 2);
  Array<double> z = layer.start(p.data);
  EquilibriumOptions o;
  o.tolerance = 1e-8, o.max_passes = 50000, o.power_iterations = 0;
  CHECK(solve_equilibrium(layer, o, View<double>(z)).converged);

  const auto refused = [&](const auto& make) { CHECK_THROWS_AS(make(), Error); };
  refused([&] { LearnedVariation(Shape{3, 4, 4}, {}, VariationWeights::one, -1); });
  refused([&] { LearnedVariation(Shape{4}, {}, VariationWeights::one); });
  for (const double step : {0.0, 2.0})
    refused([&] { VariationPrimalDual<double>(p.prior, p.theta, p.A, p.data, {step, 0}); });
  refused([&] { VariationPrimalDual<double>(p.prior, p.theta, p.A, p.data, {1, -1}); });
  for (const double weight : {0.0, -1.0}) {
    const Array<double> none = p.prior->uniform(weight);
    refused([&] { p.prior->weights(none); });
  }
  const Array<double> two(Shape{2});
  refused([&] { VariationPrimalDual<double>(p.prior, two, p.A, p.data); });
  refused([&] {
    VariationPrimalDual<double>(p.prior, p.theta, Identity<double>(Shape{3, 4, 4}), p.data);
  });
}
