#include <fejer/algorithms/equilibrium_gradient.hpp>

#include <doctest/doctest.h>
#include <algorithm>
#include <cmath>
#include <vector>

#include <fejer/algorithms/contraction.hpp>
#include <fejer/algorithms/warm_states.hpp>
#include <fejer/check.hpp>
#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

#include "../layer_products.hpp"

using namespace fejer;

namespace {

constexpr Index n = 12;

template <class T>
T entry(Index i, Index j) {
  return static_cast<T>(std::cos(0.7 * static_cast<double>((i + 1) * (j + 2))) / 3);
}

/// phi(x) = slope tanh(W x) + theta b, W without symmetry. Parameter theta.
template <class T>
struct TanhLayer {
  using Scalar = T;
  using Gradient = Array<double>;
  struct Saved {
    Array<T> t;
    inline static Index live = 0, peak = 0;
    Saved() { peak = std::max(peak, ++live); }
    Saved(Saved&& other) noexcept : t(std::move(other.t)) { peak = std::max(peak, ++live); }
    Saved& operator=(Saved&&) = default;
    ~Saved() { --live; }
  };
  double slope = 0.7;
  double theta = 0.4;
  Index parameter = 0;

  void forward(ConstView<T> x, View<T> out, Saved* saved) const {
    for (Index i = 0; i < n; ++i) {
      T sum = 0;
      for (Index j = 0; j < n; ++j) sum += entry<T>(i, j) * x[j];
      out[i] = std::tanh(sum);
    }
    if (saved != nullptr) saved->t = Array<T>(out);
    for (Index i = 0; i < n; ++i)
      out[i] = static_cast<T>(slope) * out[i] + static_cast<T>(theta * (i % 3 == 0 ? 1 : -0.5));
  }
  void vjp(const Saved& saved, ConstView<T> u, View<T> xbar, Gradient* gradient) const {
    for (Index j = 0; j < n; ++j) {
      xbar[j] = 0;
      for (Index i = 0; i < n; ++i)
        xbar[j] += static_cast<T>(slope) * (1 - saved.t[i] * saved.t[i]) * entry<T>(i, j) * u[i];
    }
    for (Index i = 0; i < n && gradient != nullptr; ++i)
      (*gradient)[parameter] += static_cast<double>(u[i]) * (i % 3 == 0 ? 1 : -0.5);
  }
};

/// x - tau (h x + e^theta D^T D x - y): a gradient step, so that J is symmetric.
struct QuadraticLayer {
  using Scalar = double;
  using Gradient = Array<double>;
  using Saved = Array<double>;
  double tau = 0.4, theta = -1;

  static void laplacian(ConstView<double> x, View<double> out) {
    for (Index i = 0; i < n; ++i) out[i] = 2 * x[i] - x[(i + 1) % n] - x[(i + n - 1) % n];
  }
  void forward(ConstView<double> x, View<double> out, Saved* saved) const {
    if (saved != nullptr) *saved = Array<double>(x);
    laplacian(x, out);
    for (Index i = 0; i < n; ++i)
      out[i] = x[i] - tau * (0.2 * x[i] + std::exp(theta) * out[i] - std::sin(double(i * i)));
  }
  void vjp(const Saved& x, ConstView<double> u, View<double> xbar, Gradient* gradient) const {
    laplacian(x, xbar);
    for (Index i = 0; i < n && gradient != nullptr; ++i)
      (*gradient)[0] -= tau * std::exp(theta) * u[i] * xbar[i];
    laplacian(u, xbar);
    for (Index i = 0; i < n; ++i) xbar[i] = u[i] - tau * (0.2 * u[i] + std::exp(theta) * xbar[i]);
  }
};

/// 1/2 ||x - target||^2.
template <class T>
constexpr auto loss_value = [](ConstView<T> x, View<T> gradient) {
  double sum = 0;
  for (Index i = 0; i < n; ++i) {
    gradient[i] = x[i] - static_cast<T>(std::cos(1.3 * static_cast<double>(i)));
    sum += static_cast<double>(gradient[i]) * static_cast<double>(gradient[i]) / 2;
  }
  return sum;
};

struct Outcome {
  double gradient = 0;
  EquilibriumReport report;
  Array<double> x{Shape{n}};
};

template <class S>
Outcome outcome(const S& layers, const EquilibriumOptions& options,
                const Array<double>* start = nullptr) {
  Outcome result;
  if (start != nullptr) result.x = *start;
  Array<double> gradient(Shape{1});
  result.report =
      equilibrium_gradient(layers, options, loss_value<double>, View<double>(result.x), gradient);
  result.gradient = gradient[0];
  return result;
}

EquilibriumOptions exact(AdjointSolver solver = AdjointSolver::gmres) {
  EquilibriumOptions o;
  o.strategy = GradientStrategy::implicit;
  o.tolerance = 1e-14;
  o.adjoint = solver;
  o.adjoint_tolerance = 1e-12;
  return o;
}

/// Central differences of the loss at the equilibrium that is solved for again.
template <class S>
double differences(S layer, double h = 1e-5) {
  const auto loss_at = [&](double theta) {
    layer.theta = theta;
    Array<double> x(Shape{n}), g(Shape{n});
    solve_equilibrium(layer, exact(), View<double>(x));
    return loss_value<double>(x, g);
  };
  const double theta = layer.theta;
  return (loss_at(theta + h) - loss_at(theta - h)) / (2 * h);
}

constexpr AdjointSolver solvers[] = {AdjointSolver::picard,   AdjointSolver::conjugate_gradient,
                                     AdjointSolver::gmres,    AdjointSolver::minres,
                                     AdjointSolver::anderson, AdjointSolver::broyden};

}  // namespace

TEST_CASE_TEMPLATE("C14: the layers of these tests", T, float, double) {
  const auto theta = [](const Array<double>& g, Index) { return g[0]; };
  Array<double> x(Shape{n});
  for (Index i = 0; i < n; ++i) x[i] = std::sin(static_cast<double>(i));
  CHECK(fejer_test::product_error(
            TanhLayer<T>{}, Array<double>(Shape{1}),
            [](Index i, double h) {
              return TanhLayer<double>{0.7, 0.4 + (i == 0 ? h : 0)};
            },
            1, theta, x) < fejer_test::product_tolerance<T>);
  CHECK(fejer_test::product_error(
            QuadraticLayer{}, Array<double>(Shape{1}),
            [](Index i, double h) {
              return QuadraticLayer{0.4, -1 + (i == 0 ? h : 0)};
            },
            1, theta, x) < 1e-6);
}

TEST_CASE("implicit gradient: central differences of the equilibrium, with every solver") {
  const double symmetric = differences(QuadraticLayer{}),
               general = differences(TanhLayer<double>{});
  for (const AdjointSolver solver : solvers) {
    CAPTURE(static_cast<int>(solver));
    const Outcome a = outcome(QuadraticLayer{}, exact(solver));
    CHECK(a.gradient == doctest::Approx(symmetric).epsilon(1e-8));
    CHECK(a.report.converged);
    CHECK(a.report.adjoint_converged);
    CHECK(a.report.adjoint_residual < 1e-12);
    if (solver == AdjointSolver::conjugate_gradient || solver == AdjointSolver::minres) {
      CHECK_THROWS_WITH_AS(outcome(TanhLayer<double>{}, exact(solver)),
                           doctest::Contains("symmetric"), ArgumentError);
      continue;
    }
    const Outcome b = outcome(TanhLayer<double>{}, exact(solver));
    CHECK(b.gradient == doctest::Approx(general).epsilon(1e-8));
    CHECK(b.report.adjoint_converged);
  }
}

TEST_CASE("every adjoint solver is on: fewer products than Picard, and its own iterates") {
  QuadraticLayer slow;
  slow.tau = 0.05;  // q = 0.99
  std::vector<Index> products;
  std::vector<double> early;
  for (const AdjointSolver solver : solvers) {
    EquilibriumOptions o = exact(solver);
    o.adjoint_tolerance = 1e-8;
    o.adjoint_max_products = 20000;
    const Outcome whole = outcome(slow, o);
    CHECK(whole.report.adjoint_converged);
    products.push_back(whole.report.adjoint_products);
    o.adjoint_max_products = 4;
    const Outcome cut = outcome(slow, o);
    CHECK_FALSE(cut.report.adjoint_converged);
    CHECK(cut.report.adjoint_residual > 1e-6);
    early.push_back(cut.gradient);
  }
  CHECK(products[0] > 1000);
  for (std::size_t i = 1; i < products.size(); ++i) CHECK(products[i] < products[0] / 10);
  const auto minimises_the_residual = [](AdjointSolver s) {
    return s == AdjointSolver::gmres || s == AdjointSolver::minres;  // the same where J = J^T
  };
  for (std::size_t i = 0; i < early.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (!(minimises_the_residual(solvers[i]) && minimises_the_residual(solvers[j])))
        CHECK(std::abs(early[i] - early[j]) > 1e-6);
}

TEST_CASE("restarted JFB at the equilibrium is the implicit gradient with K - 1 Picard steps") {
  Array<double> x(Shape{n});
  solve_equilibrium(TanhLayer<double>{}, exact(), View<double>(x));
  for (const Index K : {1, 2, 5, 20}) {
    EquilibriumOptions cut = exact(AdjointSolver::picard), restarted;
    cut.adjoint_tolerance = 0;
    cut.adjoint_max_products = K - 1;
    restarted.depth = K;
    restarted.restarts = 1;
    const double a = outcome(TanhLayer<double>{}, cut, &x).gradient;
    const double b = outcome(TanhLayer<double>{}, restarted, &x).gradient;
    CHECK(b == doctest::Approx(a).epsilon(1e-12));
    if (K == 1) {
      restarted.strategy = GradientStrategy::one_step;
      restarted.depth = 7;
      CHECK(outcome(TanhLayer<double>{}, restarted, &x).gradient == b);
    }
  }
}

TEST_CASE("strategies differ where they must, and agree where they must") {
  const TanhLayer<double> layer;
  EquilibriumOptions o;
  o.depth = 4;
  o.restarts = 3;
  const Outcome restarted = outcome(layer, o);
  CHECK(restarted.report.passes == 12);
  o.recompute = true;
  CHECK(outcome(layer, o).gradient == restarted.gradient);
  o.strategy = GradientStrategy::unrolled;
  const Outcome unrolled = outcome(layer, o);
  CHECK(unrolled.report.passes == 0);
  o.recompute = false;
  CHECK(outcome(layer, o).gradient == unrolled.gradient);
  CHECK(std::abs(unrolled.gradient - restarted.gradient) > 1e-4);
  o.strategy = GradientStrategy::restarted;
  o.restarts = 0;
  CHECK(outcome(layer, o).gradient == unrolled.gradient);
  o.until_tolerance = true;
  const Outcome settled = outcome(layer, o);
  CHECK(settled.report.converged);
  CHECK(settled.report.residual < 1e-5);
  CHECK(std::abs(settled.gradient - restarted.gradient) > 1e-12);
  o.depth = 200;
  o.tolerance = 1e-14;
  CHECK(outcome(layer, o).gradient == doctest::Approx(outcome(layer, exact()).gradient));
  o.max_passes = 3;
  CHECK_FALSE(outcome(layer, o).report.converged);
}

TEST_CASE("the unrolled gradient is that of its own loss") {
  EquilibriumOptions o;
  o.strategy = GradientStrategy::unrolled;
  o.depth = 5;
  TanhLayer<double> layer;
  const double gradient = outcome(layer, o).gradient;
  layer.theta += 1e-5;
  const double above = outcome(layer, o).report.loss;
  layer.theta -= 2e-5;
  CHECK(gradient == doctest::Approx((above - outcome(layer, o).report.loss) / 2e-5).epsilon(1e-8));
}

TEST_CASE("what is kept grows with K, never with R") {
  using Saved = TanhLayer<double>::Saved;
  const auto peak = [](Index K, Index R, bool recompute) {
    EquilibriumOptions o;
    o.depth = K;
    o.restarts = R;
    o.recompute = recompute;
    Saved::peak = 0;
    outcome(TanhLayer<double>{}, o);
    CHECK(Saved::live == 0);
    return Saved::peak;
  };
  for (const Index R : {0, 1, 20}) {
    CHECK(peak(5, R, false) == 5);
    CHECK(peak(10, R, false) == 10);
    CHECK(peak(10, R, true) == 1);
  }
}

TEST_CASE("untied layers: the equilibrium of the block, a parameter each") {
  std::vector<TanhLayer<double>> layers(3);
  for (std::size_t i = 0; i < 3; ++i) {
    layers[i].theta = 0.2 + 0.3 * static_cast<double>(i);
    layers[i].slope = i == 1 ? 0.9 : 0.7;
    layers[i].parameter = static_cast<Index>(i);
  }
  const std::span<const TanhLayer<double>> block(layers);
  const auto gradient = [&](const EquilibriumOptions& o) {
    Array<double> x(Shape{n}), sum(Shape{3});
    equilibrium_gradient(block, o, loss_value<double>, View<double>(x), sum);
    return sum;
  };
  const Array<double> implicit = gradient(exact());
  for (std::size_t i = 0; i < 3; ++i) {
    const auto loss_at = [&](double h) {
      layers[i].theta += h;
      Array<double> x(Shape{n}), g(Shape{n});
      solve_equilibrium(block, exact(), View<double>(x));
      layers[i].theta -= h;
      return loss_value<double>(x, g);
    };
    CHECK(implicit[static_cast<Index>(i)] ==
          doctest::Approx((loss_at(1e-5) - loss_at(-1e-5)) / 2e-5).epsilon(1e-8));
  }
  EquilibriumOptions o;
  o.depth = 60;
  o.restarts = 1;
  CHECK(distance(gradient(o), implicit) < 1e-12);
  o.recompute = true;
  o.depth = 2;
  const Array<double> again = gradient(o);
  o.recompute = false;
  CHECK(distance(gradient(o), again) == 0);
}

TEST_CASE("a warm start of one pass comes closer at every call") {
  WarmStates<double> states;
  EquilibriumOptions o;
  o.depth = 1;
  o.restarts = 0;
  const Array<double> cold(Shape{n});
  double residual = 2;
  for (int step = 0; step < 5; ++step) {
    const Array<double> start = states.start(7, cold);
    Outcome at = outcome(TanhLayer<double>{}, o, &start);
    CHECK(at.report.residual < residual);
    residual = at.report.residual;
    states.keep(7, std::move(at.x));
  }
  CHECK(states.holds(7));
  CHECK(!states.holds(8));
  CHECK(distance(states.start(8, cold), cold) == 0);  // another noise draw starts cold
  const Array<double> larger(Shape{n + 1});
  CHECK(states.start(7, larger).shape() == larger.shape());
}

TEST_CASE("what cannot contract is refused") {
  QuadraticLayer layer;
  layer.tau = 2.1 / (0.2 + 4 * std::exp(-1.0));
  EquilibriumOptions o;
  CHECK_THROWS_WITH_AS(outcome(layer, o), doctest::Contains("does not contract"), ArgumentError);
  o.restarts = 100000;
  CHECK_THROWS_WITH_AS(outcome(layer, o), doctest::Contains("finite numbers"), ArgumentError);
  layer.tau = 1 / (0.2 + 4 * std::exp(-1.0));
  o.restarts = 20;
  const double q = outcome(layer, o).report.contraction;
  CHECK(q > 0.8);
  CHECK(q < 1 - 0.2 * layer.tau + 1e-3);
  // Changes that are rounding alone do not count.
  o.restarts = 2000;
  CHECK(outcome(layer, o).report.contraction < 1 - 0.2 * layer.tau + 1e-3);
  o.depth = 0;
  CHECK_THROWS_WITH_AS(outcome(layer, o), doctest::Contains("depth"), ArgumentError);
}

TEST_CASE("a network that grows on the way may, up to what is allowed") {
  TanhLayer<double> layer;
  layer.slope = 1.3;
  EquilibriumOptions o;
  o.restarts = 0, o.depth = 4;
  double radius = 0;
  try {
    outcome(layer, o);
  } catch (const ArgumentError& e) {
    radius = std::stod(std::string(e.what()).substr(std::string(e.what()).find("radius ") + 7));
  }
  REQUIRE(radius > 1);
  o.largest_contraction = radius + 1e-3;
  CHECK(outcome(layer, o).report.contraction >= radius - 1e-6);
  o.largest_contraction = radius - 1e-3;
  CHECK_THROWS_WITH_AS(outcome(layer, o), doctest::Contains("does not contract"), ArgumentError);
}

/// A proven bound that is far above what happens.
struct LooseLayer : QuadraticLayer {
  double lipschitz_bound() const { return 0.9999; }
};

TEST_CASE("the contraction is what is seen, not a loose bound; what is not seen is not a number") {
  LooseLayer layer;
  layer.tau = 1 / (0.2 + 4 * std::exp(-1.0));
  const double slowest = 1 - 0.2 * layer.tau;
  EquilibriumOptions o;
  o.power_iterations = 0;
  o.depth = 5;
  for (const auto strategy : {GradientStrategy::unrolled, GradientStrategy::restarted}) {
    o.strategy = strategy;
    o.restarts = 10;
    const EquilibriumReport r = outcome(layer, o).report;
    CHECK(r.contraction > 0.5);
    CHECK(r.contraction < slowest + 1e-6);
    CHECK(r.cut == doctest::Approx(std::pow(r.contraction, 5)));
  }
  o.restarts = 0, o.depth = 2;  // two passes have no ratios yet
  CHECK(outcome(layer, o).report.contraction == 0.9999);
  CHECK(std::isnan(outcome(static_cast<const QuadraticLayer&>(layer), o).report.contraction));

  // The adjoint system is solved as far as the seen rate asks, with fewer products than the bound.
  o.strategy = GradientStrategy::implicit;
  o.adjoint = AdjointSolver::picard;
  o.tolerance = o.adjoint_tolerance = 1e-6;
  const EquilibriumReport implicit = outcome(layer, o).report;
  CHECK(implicit.adjoint_converged);
  CHECK(implicit.adjoint_residual < 1e-6 * (1 - implicit.contraction));
  CHECK(implicit.contraction < slowest + 1e-6);
  CHECK(implicit.cut == 0);
  // A step that does not settle asks for no more than a thousandth of the tolerance.
  LooseLayer slow;
  slow.tau = 1e-9;
  o.max_passes = 10;
  o.adjoint_max_products = 5;
  CHECK_FALSE(outcome(slow, o).report.adjoint_converged);
}

TEST_CASE("single precision follows double precision") {
  EquilibriumOptions o = exact(AdjointSolver::anderson);
  o.tolerance = o.adjoint_tolerance = 1e-5;
  Array<float> x(Shape{n});
  Array<double> gradient(Shape{1});
  const EquilibriumReport report =
      equilibrium_gradient(TanhLayer<float>{}, o, loss_value<float>, View<float>(x), gradient);
  CHECK(report.converged);
  CHECK(report.adjoint_converged);
  CHECK(gradient[0] ==
        doctest::Approx(outcome(TanhLayer<double>{}, exact()).gradient).epsilon(1e-4));
}

TEST_CASE("bounds of contraction hold and are reached on quadratics") {
  const double alpha = 0.1, beta = 2, tau = 0.7, mu = 0.3;
  double worst = 0;
  for (const double h : {alpha, 0.9, beta}) worst = std::max(worst, std::abs(1 - tau * h));
  CHECK(gradient_step_bound(tau, alpha, beta) == doctest::Approx(worst));
  CHECK(forward_backward_bound(tau, alpha, beta, mu) == doctest::Approx(worst / (1 + tau * mu)));
  CHECK(backward_forward_bound(tau, 2, 0.1, 0.5, alpha) ==
        doctest::Approx((1 + tau * 0.2) / (1 + tau * alpha)));
  CHECK(relaxed_bound(0.5, 0.8) == doctest::Approx(0.9));
}

TEST_CASE("the choice of K and R keeps the error bound below what was asked for") {
  const EquilibriumConstants c{.M = 2, .G = 3, .rho = 0.9, .L_B = 0.5, .L_J = 0.7, .beta = 1};
  const RestartedChoice choice = choose_restarted(c, 5, 1e-3);
  CHECK(restarted_error_bound(c, choice.K, choice.R, 5) <= 1e-3);
  CHECK(restarted_error_bound(c, choice.K - 1, 1000, 5) > 0.5e-3);
  CHECK(choice.R > 0);
  CHECK_THROWS_WITH_AS(choose_restarted(EquilibriumConstants{.rho = 1}, 1, 1e-3),
                       doctest::Contains("rho"), ArgumentError);
}
