#include <fejer/algorithms/accelerated_layer.hpp>

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include <doctest/doctest.h>
#include <fejer/algorithms/accelerated_forward_backward.hpp>
#include <fejer/check.hpp>
#include <fejer/rng.hpp>

#include "../layer_products.hpp"

using namespace fejer;

namespace {

/// x - tau (a * a * x + lambda D^T D x - a * y) on circles of 64 points, a a Gaussian:
/// deconvolution with Tikhonov's penalty. Parameter log lambda.
template <class T>
struct Deconvolution {
  static constexpr Index n = 64;
  using Scalar = T;
  using Gradient = Array<double>;
  using Saved = Array<T>;
  double log_lambda = std::log(0.05), tau = 1;
  Array<T> back{Shape{n}};

  Deconvolution() {
    const Array<T> x = truth();
    Array<T> y(Shape{n});
    blur(x, y);
    for (Index i = 0; i < n; ++i)
      y[i] += static_cast<T>(0.05 * std::sin(1.7 * static_cast<double>(i * i) + 0.3));
    blur(y, back);
  }
  static Array<T> truth() {
    Array<T> x(Shape{n});
    for (Index i = 0; i < n; ++i)
      x[i] = static_cast<T>((i >= 16 && i < 40 ? 1 : 0) + (i >= 28 && i < 52 ? 0.5 : 0));
    return x;
  }
  static void blur(ConstView<T> x, View<T> out) {
    double weights[9], sum = 0;
    for (int k = 0; k < 9; ++k) sum += weights[k] = std::exp(-(k - 4) * (k - 4) / 2.88);
    for (Index i = 0; i < n; ++i) {
      double value = 0;
      for (int k = 0; k < 9; ++k) value += weights[k] / sum * x[(i + k - 4 + n) % n];
      out[i] = static_cast<T>(value);
    }
  }
  static void laplacian(ConstView<T> x, View<T> out) {
    for (Index i = 0; i < n; ++i) out[i] = 2 * x[i] - x[(i + 1) % n] - x[(i + n - 1) % n];
  }
  /// out = (a * a * + lambda D^T D) x.
  void hessian(ConstView<T> x, View<T> out) const {
    Array<T> once(x.shape()), twice(x.shape());
    blur(x, once);
    blur(once, twice);
    laplacian(x, out);
    for (Index i = 0; i < n; ++i) out[i] = twice[i] + static_cast<T>(std::exp(log_lambda)) * out[i];
  }
  void forward(ConstView<T> x, View<T> out, Saved* saved) const {
    if (saved != nullptr) *saved = Array<T>(x);
    hessian(x, out);
    for (Index i = 0; i < n; ++i) out[i] = x[i] - static_cast<T>(tau) * (out[i] - back[i]);
  }
  void vjp(const Saved& x, ConstView<T> u, View<T> xbar, Gradient* gradient) const {
    if (gradient != nullptr) {
      laplacian(x, xbar);
      (*gradient)[0] -= tau * std::exp(log_lambda) * dot<T>(u, xbar);
    }
    hessian(u, xbar);
    for (Index i = 0; i < n; ++i) xbar[i] = u[i] - static_cast<T>(tau) * xbar[i];
  }
};

/// soft(x - tau A^T (A x - y), tau e^omega), A (12, 8). Parameters omega.
struct Lasso {
  static constexpr Index m = 12, n = 8;
  using Scalar = double;
  using Gradient = Array<double>;
  using Saved = Array<double>;
  double tau = 1 / 2.235484277;

  static double A(Index i, Index j) {
    return std::cos(0.7 * static_cast<double>((i + 1) * (j + 1))) / std::sqrt(6.0);
  }
  static double truth(Index j) { return j == 0 ? 1.5 : j == 3 ? -1 : j == 5 ? 0.8 : 0; }
  double threshold(Index j) const { return tau * 0.15 * std::exp(0.1 * static_cast<double>(j)); }
  void forward(ConstView<double> x, View<double> out, Saved* saved) const {
    Array<double> v(x);
    for (Index i = 0; i < m; ++i) {
      double r = -0.1 * std::sin(2.3 * static_cast<double>(i + 1));
      for (Index j = 0; j < n; ++j) r += A(i, j) * (x[j] - truth(j));
      for (Index j = 0; j < n; ++j) v[j] -= tau * A(i, j) * r;
    }
    for (Index j = 0; j < n; ++j)
      out[j] = std::copysign(std::max(std::abs(v[j]) - threshold(j), 0.0), v[j]);
    if (saved != nullptr) *saved = std::move(v);
  }
  void vjp(const Saved& v, ConstView<double> u, View<double> xbar, Gradient* gradient) const {
    Array<double> w(u);
    for (Index j = 0; j < n; ++j) {
      if (std::abs(v[j]) <= threshold(j)) w[j] = 0;
      if (gradient != nullptr) (*gradient)[j] -= std::copysign(threshold(j), v[j]) * w[j];
    }
    copy<double>(w, xbar);
    for (Index i = 0; i < m; ++i) {
      double r = 0;
      for (Index j = 0; j < n; ++j) r += A(i, j) * w[j];
      for (Index j = 0; j < n; ++j) xbar[j] -= tau * A(i, j) * r;
    }
  }
};

using Accelerated = AcceleratedLayer<Deconvolution<double>>;
constexpr double unaided = 0.872065;  // contraction of Deconvolution with tau = 1

template <class T>
constexpr auto distance_to_truth = [](ConstView<T> x, View<T> gradient) {
  const Array<T> truth = Deconvolution<T>::truth();
  combine<T>(1, x, -1, truth, gradient);
  return dot<T>(gradient, gradient) / 2;
};

template <class T>
Array<T> zero_start() {
  const Array<T> zeros(Shape{Deconvolution<T>::n});
  return AcceleratedLayer<Deconvolution<T>>::start(zeros);
}

EquilibriumOptions settled_options(GradientStrategy strategy = GradientStrategy::implicit) {
  EquilibriumOptions o;
  o.strategy = strategy;
  o.until_tolerance = true;
  o.tolerance = 1e-14;
  o.adjoint_tolerance = 1e-12;
  return o;
}

template <class T>
typename AcceleratedLayer<Deconvolution<T>>::Gradient zero_gradient() {
  return {Array<double>(Shape{1}), {}};
}

/// Of phi with momentum.
template <class T>
EquilibriumReport differentiate(const AcceleratedLayer<Deconvolution<T>>& layer,
                                const EquilibriumOptions& o, Array<T>& state, double& slope) {
  auto gradient = zero_gradient<T>();
  const auto report = equilibrium_gradient(
      layer, o,
      [](ConstView<T> z, View<T> g) {
        return AcceleratedLayer<Deconvolution<T>>::loss(distance_to_truth<T>, z, g);
      },
      View<T>(state), gradient);
  slope = gradient.layer[0];
  return report;
}

}  // namespace

TEST_CASE("accelerated layer: products with the Jacobians against central differences") {
  const auto layer_of = [](double beta, double log_lambda = std::log(0.05)) {
    Deconvolution<double> phi;
    phi.log_lambda = log_lambda;
    return Accelerated(phi, beta);
  };
  const Accelerated layer = layer_of(0.6);
  Array<double> state = zero_start<double>(), u(state.shape()), out(state.shape());
  fill_normal<double>(state, Rng(1).stream("state"));
  fill_normal<double>(u, Rng(1).stream("u"));
  auto gradient = zero_gradient<double>();
  const auto pull = [&](ConstView<double> z, ConstView<double> w, View<double> zbar) {
    Accelerated::Saved saved;
    Array<double> unused(z.shape());
    layer.forward(z, unused, &saved);
    layer.vjp(saved, w, zbar, &gradient);
  };
  CHECK(vjp_error([&](ConstView<double> z, View<double> y) { layer.forward(z, y, nullptr); }, pull,
                  state, state.shape()) < 1e-8);
  gradient = zero_gradient<double>();
  pull(state, u, out);
  const auto along = [&](const Accelerated& moved) {
    moved.forward(state, out, nullptr);
    return dot(out, u);
  };
  const double h = 1e-6, at = std::log(0.05);
  CHECK(gradient.layer[0] ==
        doctest::Approx((along(layer_of(0.6, at + h)) - along(layer_of(0.6, at - h))) / (2 * h))
            .epsilon(1e-8));
  REQUIRE(gradient.momentum.size() == 1);
  CHECK(gradient.momentum[0] ==
        doctest::Approx((along(layer_of(0.6 + h)) - along(layer_of(0.6 - h))) / (2 * h))
            .epsilon(1e-8));
  for (const double bad : {-0.1, 1.1})
    CHECK_THROWS_WITH_AS(layer_of(bad), doctest::Contains("momentum in [0, 1]"), ArgumentError);
}

TEST_CASE_TEMPLATE("C14: momentum around a layer", T, float, double) {
  const auto layer = [](auto zero, Index i, double h) {
    using X = decltype(zero);
    Deconvolution<X> phi;
    phi.log_lambda += i == 0 ? h : 0;
    return AcceleratedLayer<Deconvolution<X>>(phi, 0.6 + (i == 1 ? h : 0));
  };
  Array<double> state = zero_start<double>();
  fill_normal<double>(state, Rng(1).stream("state"));
  CHECK(fejer_test::product_error(
            layer(T(0), -1, 0), zero_gradient<T>(),
            [&](Index i, double h) { return layer(0.0, i, h); }, 2,
            [](const auto& g, Index i) { return i == 0 ? g.layer[0] : g.momentum[0]; },
            state) < fejer_test::product_tolerance<T>);
}

TEST_CASE("accelerated layer: the fixed point and its gradient are those of phi, in fewer passes") {
  const Deconvolution<double> phi;
  Array<double> x(Shape{64}), plain(Shape{1});
  const EquilibriumReport slow = equilibrium_gradient(
      phi, settled_options(), distance_to_truth<double>, View<double>(x), plain);
  Array<double> state = zero_start<double>();
  double slope = 0;
  const Accelerated layer(phi, settled_momentum(unaided));
  const EquilibriumReport fast = differentiate(layer, settled_options(), state, slope);
  // Closed forms.
  CHECK(norm<double>(state.slice(0)) == doctest::Approx(6.408063619873).epsilon(1e-12));
  CHECK(fast.loss == doctest::Approx(0.242103975896).epsilon(1e-10));
  CHECK(slope == doctest::Approx(0.035568055960066).epsilon(1e-10));
  CHECK(slope == doctest::Approx(plain[0]).epsilon(1e-10));
  CHECK(distance<double>(state.slice(0), x) < 1e-12);
  CHECK(fast.converged);
  CHECK(fast.adjoint_converged);
  CHECK(slow.contraction > 0.8);
  CHECK(fast.contraction < 0.7);  // 1 - sqrt(1 - 0.872) = 0.64, by an estimate from 20 products
  CHECK(slow.passes > 2 * fast.passes);
  // How fast it comes there is a matter of beta, where it is not.
  auto gradient = zero_gradient<double>();
  Accelerated::Saved saved;
  Array<double> at_rest(state.shape()), u(state.shape()), ubar(state.shape());
  layer.forward(state, at_rest, &saved);
  fill_normal<double>(u, Rng(1).stream("u"));
  layer.vjp(saved, u, ubar, &gradient);
  CHECK(std::abs(gradient.momentum[0]) < 1e-11);
}

TEST_CASE("accelerated layer: steps below (2 + 2 beta) / (1 + 2 beta) settle, longer ones do not") {
  // Times 1/L, and L = 1.
  Deconvolution<double> phi;
  double slope = 0;
  for (const double beta : {0.0, 0.3, 1.0}) {
    const double end = (2 + 2 * beta) / (1 + 2 * beta);
    phi.tau = 1.02 * end;
    EquilibriumOptions o = settled_options();
    o.max_passes = 200;
    o.power_iterations = 400;
    Array<double> state = zero_start<double>();
    CHECK_THROWS_WITH_AS(differentiate(Accelerated(phi, beta), o, state, slope),
                         doctest::Contains("does not contract"), ArgumentError);
    phi.tau = 0.98 * end;
    state = zero_start<double>();
    if (beta < 1) CHECK(differentiate(Accelerated(phi, beta), o, state, slope).contraction < 1);
  }
}

TEST_CASE("accelerated layer: restarted JFB is the implicit gradient with K - 1 Picard steps") {
  const Accelerated layer(Deconvolution<double>(), settled_momentum(unaided));
  Array<double> rest = zero_start<double>();
  solve_equilibrium(layer, settled_options(), View<double>(rest));
  double exact = 0, before = 1;
  Array<double> state = rest;
  differentiate(layer, settled_options(), state, exact);
  for (const Index K : {1, 2, 5, 20, 60}) {
    EquilibriumOptions cut = settled_options(), restarted;
    cut.adjoint = AdjointSolver::picard;
    cut.adjoint_tolerance = 0;
    cut.adjoint_max_products = K - 1;
    restarted.depth = K;
    restarted.restarts = 1;
    double a = 0, b = 0;
    state = rest;
    differentiate(layer, cut, state, a);
    state = rest;
    differentiate(layer, restarted, state, b);
    CHECK(b == doctest::Approx(a).epsilon(1e-10));
    CHECK(std::abs(b / exact - 1) < before);
    before = std::abs(b / exact - 1);
  }
  CHECK(before < 1e-8);
}

TEST_CASE("accelerated layer: a lasso, in fewer passes, with the gradient of its closed form") {
  using Layer = AcceleratedLayer<Lasso>;
  const auto loss = [](ConstView<double> x, View<double> g) {
    for (Index j = 0; j < Lasso::n; ++j) g[j] = x[j] - Lasso::truth(j);
    return dot<double>(g, g) / 2;
  };
  EquilibriumOptions o = settled_options();
  Array<double> x(Shape{Lasso::n}), plain(Shape{Lasso::n});
  const auto slow = equilibrium_gradient(Lasso(), o, loss, View<double>(x), plain);
  const Array<double> zeros(Shape{Lasso::n});
  Array<double> state = Layer::start(zeros);
  Layer::Gradient gradient{Array<double>(Shape{Lasso::n}), {}};
  const auto fast = equilibrium_gradient(
      Layer(Lasso(), settled_momentum(0.664223)), o,
      [&](ConstView<double> z, View<double> g) { return Layer::loss(loss, z, g); },
      View<double>(state), gradient);
  CHECK(fast.loss == doctest::Approx(0.643295653999).epsilon(1e-10));
  CHECK(state[0] == doctest::Approx(1.33530330929).epsilon(1e-10));
  CHECK(gradient.layer[0] == doctest::Approx(0.004356835371).epsilon(1e-8));
  CHECK(gradient.layer[2] == doctest::Approx(-0.143955569891).epsilon(1e-10));
  CHECK(gradient.layer[3] == doctest::Approx(0.038177928755).epsilon(1e-9));
  CHECK(distance(gradient.layer, plain) < 1e-8 * norm(plain));
  CHECK(4 * fast.passes < 3 * slow.passes);
}

TEST_CASE("FISTA unrolled: its iterates, and gradients in the parameter and every momentum") {
  constexpr Index K = 12;
  struct Objective {
    Deconvolution<double> phi;
    double value(ConstView<double> x) const {
      Array<double> h(x.shape());
      phi.hessian(x, h);
      return dot<double>(x, h) / 2 - dot<double>(x, phi.back);
    }
    void gradient(ConstView<double> x, View<double> out) const {
      phi.hessian(x, out);
      axpy<double>(-1, phi.back, out);
    }
    double value_and_gradient(ConstView<double> x, View<double> out) const {
      gradient(x, out);
      return value(x);
    }
    Interval lipschitz_interval() const { return {1, 1}; }
    double convexity() const { return 0; }
  };
  const Deconvolution<double> phi;
  const AcceleratedForwardBackward<double> fista(Objective{phi}, {}, {1.0}, false);
  auto reference = fista.init(Array<double>(Shape{64}));
  for (Index k = 0; k < K; ++k) fista.step(reference);

  EquilibriumOptions o;
  o.strategy = GradientStrategy::unrolled;
  o.depth = 1;
  const auto unrolled = [&](const std::vector<Accelerated>& layers, Array<double>& state,
                            Accelerated::Gradient& gradient) {
    return equilibrium_gradient(
               std::span<const Accelerated>(layers), o,
               [](ConstView<double> z, View<double> g) {
                 return Accelerated::loss(distance_to_truth<double>, z, g);
               },
               View<double>(state), gradient)
        .loss;
  };
  const auto value = [&](const std::vector<Accelerated>& layers) {
    Array<double> state = zero_start<double>();
    auto unused = zero_gradient<double>();
    return unrolled(layers, state, unused);
  };
  Array<double> state = zero_start<double>();
  auto gradient = zero_gradient<double>();
  const std::vector<Accelerated> layers = fista_layers(phi, K);
  unrolled(layers, state, gradient);
  CHECK(distance<double>(state.slice(0), reference.x) < 1e-13 * norm(reference.x));
  CHECK(layers[0].beta() == 0);
  CHECK(layers[1].beta() == 0);
  // (t_2 - 1) / t_3 of the golden ratio t_2.
  const double golden = (1 + std::sqrt(5.0)) / 2;
  CHECK(
      layers[2].beta() ==
      doctest::Approx(2 * (golden - 1) / (1 + std::sqrt(1 + 4 * golden * golden))).epsilon(1e-14));

  const double h = 1e-5;
  const auto with_lambda = [&](double move) {
    Deconvolution<double> moved = phi;
    moved.log_lambda += move;
    return value(fista_layers(moved, K));
  };
  CHECK(gradient.layer[0] ==
        doctest::Approx((with_lambda(h) - with_lambda(-h)) / (2 * h)).epsilon(1e-8));
  REQUIRE(gradient.momentum.size() == static_cast<std::size_t>(K));
  CHECK(gradient.momentum[0] == 0);  // nothing moves yet
  for (std::size_t k = 2; k < layers.size(); ++k) {
    const auto with_beta = [&](double move) {
      std::vector<Accelerated> moved = layers;
      moved[k] = Accelerated(phi, layers[k].beta() + move, k);
      return value(moved);
    };
    CHECK(gradient.momentum[k] ==
          doctest::Approx((with_beta(h) - with_beta(-h)) / (2 * h)).epsilon(1e-7));
  }
}

TEST_CASE("accelerated layer: single precision follows double precision") {
  EquilibriumOptions o;
  o.depth = 20;
  o.restarts = 3;
  const double beta = settled_momentum(unaided);
  Array<double> state = zero_start<double>();
  Array<float> state_single = zero_start<float>();
  double slope = 0, slope_single = 0;
  differentiate(Accelerated(Deconvolution<double>(), beta), o, state, slope);
  differentiate(AcceleratedLayer<Deconvolution<float>>(Deconvolution<float>(), beta), o,
                state_single, slope_single);
  CHECK(slope_single == doctest::Approx(slope).epsilon(1e-3));
  for (Index i = 0; i < state.size(); ++i)
    CHECK(static_cast<double>(state_single[i]) == doctest::Approx(state[i]).epsilon(1e-3));
}
