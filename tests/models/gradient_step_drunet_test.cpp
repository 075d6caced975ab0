#include <fejer/models/gradient_step_drunet.hpp>

#include <doctest/doctest.h>
#include <fejer/algorithms/eigenvalues.hpp>
#include <fejer/algorithms/gradient_step_pnp.hpp>
#include <fejer/algorithms/proximal_least_squares.hpp>
#include <fejer/denoiser.hpp>
#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

#include "small_drunet.hpp"
#include "training/differences.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

GradientStepDrunet<double> small_step(DrunetActivation f, Index image_channels = 1) {
  return GradientStepDrunet<double>(small_drunet(small_drunet_options(f, image_channels)));
}

Array<double> output(const GradientStepDrunet<double>& net, const Array<double>& x, double sigma) {
  Array<double> out(x.shape());
  net.denoise(x, sigma, out);
  return out;
}

const std::vector<DrunetActivation> smooth{DrunetActivation::elu, DrunetActivation::softplus};

}  // namespace

TEST_CASE("gradient step: D = x - grad g, grad g against differences of g = 1/2 ||x - N||^2") {
  for (const DrunetActivation f : smooth) {
    CAPTURE(to_string(f));
    const GradientStepDrunet<double> net = small_step(f);
    const Array<double> x = random_array({1, 9, 13}, "x");
    Array<double> n(x.shape()), gradient(x.shape());
    net.network().denoise(x, 0.3, n);
    const double value = distance(x, n) * distance(x, n) / 2;
    CHECK(net.potential(x, 0.3) == doctest::Approx(value).epsilon(1e-13));
    CHECK(net.potential_and_gradient(x, 0.3, gradient) == doctest::Approx(value).epsilon(1e-13));
    CHECK(gradient_error([&](const Array<double>& v) { return net.potential(v, 0.3); }, x,
                         gradient) < 1e-6);
    const Array<double> d = output(net, x, 0.3);
    for (Index i = 0; i < x.size(); ++i) CHECK(d[i] == x[i] - gradient[i]);
    CHECK(net.certificate().kind == Certificate::Kind::none);
  }
}

TEST_CASE("gradient step: gradients of <u, D> in image, noise level and weights, of second order") {
  for (const DrunetActivation f : smooth) {
    CAPTURE(to_string(f));
    const DrunetOptions o = small_drunet_options(f);
    const std::vector<Array<double>> weights = random_drunet_weights(o);
    const GradientStepDrunet<double> net{Drunet<double>(o, weights)};
    const Array<double> x = random_array({1, 8, 11}, "x"), u = random_array({1, 8, 11}, "u"),
                        v = random_array({1, 8, 11}, "v");
    // Small: with ELU the derivative of D jumps where a unit passes 0.
    constexpr double sigma = 0.3, h = 1e-7;
    Array<double> gx(x.shape()), gv(x.shape());
    DrunetGradient<double> gradient = net.network().zero_gradient();
    net.vjp(x, sigma, u, gx, &gradient);
    const auto value = [&](const GradientStepDrunet<double>& net_now, const Array<double>& image,
                           double s) { return dot(u, output(net_now, image, s)); };
    CHECK(gradient_error([&](const Array<double>& a) { return value(net, a, sigma); }, x, gx) <
          1e-6);
    CHECK((value(net, x, sigma + h) - value(net, x, sigma - h)) / (2 * h) ==
          doctest::Approx(gradient.sigma).epsilon(1e-6));
    for (std::size_t k = 0; k < weights.size(); ++k) {
      CAPTURE(k);
      const auto moved = [&](const Array<double>& w) {
        std::vector<Array<double>> all = weights;
        all[k] = w;
        return value(GradientStepDrunet<double>(Drunet<double>(o, all)), x, sigma);
      };
      CHECK(gradient_error(moved, weights[k], gradient.weights[k], 1e-6,
                           std::max<Index>(1, weights[k].size() / 3)) < 1e-6);
    }
    // dD/dx is I - Hess g, symmetric.
    net.vjp(x, sigma, v, gv);
    CHECK(dot(gx, v) == doctest::Approx(dot(gv, u)).epsilon(1e-12));
  }
}

TEST_CASE("gradient step: curvature of g in a direction, and its gradients of third order") {
  for (const DrunetActivation f : smooth) {
    CAPTURE(to_string(f));
    const DrunetOptions o = small_drunet_options(f);
    const std::vector<Array<double>> weights = random_drunet_weights(o);
    const GradientStepDrunet<double> net{Drunet<double>(o, weights)};
    const Array<double> x = random_array({1, 8, 11}, "x"), v = random_array({1, 8, 11}, "v");
    constexpr double sigma = 0.3, h = 1e-7, factor = -2.5;
    DrunetGradient<double> gradient = net.network().zero_gradient();
    const double value = net.curvature(x, sigma, v, &gradient, factor);
    CHECK(value == net.curvature(x, sigma, v));
    Array<double> product(x.shape());  // (I - Hess g) v
    net.vjp(x, sigma, v, product);
    CHECK(value == doctest::Approx(dot(v, v) - dot(v, product)).epsilon(1e-12));
    CHECK(factor * (net.curvature(x, sigma + h, v) - net.curvature(x, sigma - h, v)) / (2 * h) ==
          doctest::Approx(gradient.sigma).epsilon(1e-5));
    for (std::size_t k = 0; k < weights.size(); ++k) {
      CAPTURE(k);
      const auto moved = [&](const Array<double>& w) {
        std::vector<Array<double>> all = weights;
        all[k] = w;
        return factor * GradientStepDrunet<double>(Drunet<double>(o, all)).curvature(x, sigma, v);
      };
      CHECK(gradient_error(moved, weights[k], gradient.weights[k], 1e-6,
                           std::max<Index>(1, weights[k].size() / 3)) < 1e-6);
    }
  }
}

TEST_CASE("gradient step: the eigenvalue of largest modulus of Hess g by the power method") {
  const ScopedThreads one(1);  // small images
  const GradientStepDrunet<double> net = small_step(DrunetActivation::softplus);
  const Array<double> x = random_array({1, 6, 7}, "x");
  const Index n = x.size();
  Eigen::MatrixXd hessian(n, n);
  Array<double> e(x.shape()), column(x.shape());
  for (Index j = 0; j < n; ++j) {
    std::fill(e.begin(), e.end(), 0.0);
    e[j] = 1;
    net.vjp(x, 0.3, e, column);
    for (Index i = 0; i < n; ++i) hessian(i, j) = e[i] - column[i];
  }
  const Eigen::VectorXd all = eigenvalues(hessian);
  const double largest = -all[0] > all[n - 1] ? all[0] : all[n - 1];
  Array<double> v = random_array(x.shape(), "v");
  CHECK(net.hessian_eigenvalue(x, 0.3, v, 5000, 0) == doctest::Approx(largest).epsilon(1e-8));
  CHECK(norm(v) == doctest::Approx(1).epsilon(1e-12));
  CHECK(net.curvature(x, 0.3, v) == doctest::Approx(largest).epsilon(1e-8));
  // Few steps: from below. One: the quotient of the start vector.
  v = random_array(x.shape(), "v");
  CHECK(std::abs(net.hessian_eigenvalue(x, 0.3, v, 5, 0)) < std::abs(largest));
  v = random_array(x.shape(), "v");
  const double quotient = net.curvature(x, 0.3, v) / dot(v, v);
  CHECK(net.hessian_eigenvalue(x, 0.3, v, 1, 0) == doctest::Approx(quotient).epsilon(1e-12));
  CHECK_THROWS_AS(net.hessian_eigenvalue(x, 0.3, v, 0, 0), ArgumentError);
  std::fill(v.begin(), v.end(), 0.0);
  CHECK_THROWS_AS(net.hessian_eigenvalue(x, 0.3, v, 5, 0), ArgumentError);
}

TEST_CASE("gradient step: same bits for 1, 2 and 4 threads, and for planes alone or together") {
  const GradientStepDrunet<float> net(
      small_drunet<float>(small_drunet_options(DrunetActivation::softplus)));
  const Array<float> x = random_array<float>({3, 30, 41}, "x"),
                     u = random_array<float>({3, 30, 41}, "u");
  Array<float> first(x.shape()), first_gx(x.shape());
  DrunetGradient<float> first_gradient = net.network().zero_gradient();
  net.denoise(x, 0.1, first);
  net.vjp(x, 0.1, u, first_gx, &first_gradient);
  for (const int threads : {1, 2, 4}) {
    const ScopedThreads limit(threads);
    Array<float> again(x.shape()), gx(x.shape());
    DrunetGradient<float> gradient = net.network().zero_gradient();
    Denoiser<float>(net).denoise(x, 0.1, again);
    net.vjp(x, 0.1, u, gx, &gradient);
    CHECK(same_bits(again, first));
    CHECK(same_bits(gx, first_gx));
    CHECK(gradient.sigma == first_gradient.sigma);
    for (std::size_t k = 0; k < gradient.weights.size(); ++k)
      CHECK(same_bits(gradient.weights[k], first_gradient.weights[k]));
  }
  Array<float> plane(Shape{30, 41});
  net.denoise(x.slice(1), 0.1, plane);
  CHECK(same_bits(plane, Array<float>(first.slice(1))));
}

TEST_CASE("the potential of a gradient step is a smooth function for algorithms") {
  const GradientStepDrunet<double> net = small_step(DrunetActivation::elu);
  const SmoothFunction<double> g = GradientStepPrior<double>(net, 0.2);
  const Array<double> x = random_array({1, 8, 8}, "x");
  Array<double> a(x.shape()), b(x.shape());
  CHECK(g.value(x) == net.potential(x, 0.2));
  CHECK(g.value_and_gradient(x, a) == net.potential_and_gradient(x, 0.2, b));
  CHECK(same_bits(a, b));
  g.gradient(x, a);
  CHECK(same_bits(a, b));
  CHECK(std::isinf(g.lipschitz_interval().upper));
  CHECK(std::isinf(g.convexity()));
  CHECK(g.convexity() < 0);
}

TEST_CASE("GS-PnP on the potential of a network: F falls to where its gradient vanishes") {
  const ScopedThreads one(1);  // small images
  struct Halves {              // takes every other pixel: no data for the rest
    Shape shape{1, 8, 8};
    Shape domain() const { return shape; }
    Shape range() const { return shape; }
    void apply(ConstView<double> x, View<double> y) const {
      for (Index i = 0; i < x.size(); ++i) y[i] = i % 2 == 0 ? x[i] : 0;
    }
    void apply_adjoint(ConstView<double> y, View<double> x) const { apply(y, x); }
  };
  const LinearOperator<double> A = Halves{};
  const Array<double> y = A.apply(random_array({1, 8, 8}, "truth"));
  const ProximalLeastSquares<double> f(A, y, {1e-12, 100});
  constexpr double lambda = 0.05;
  for (const DrunetActivation activation : smooth) {
    CAPTURE(to_string(activation));
    const GradientStepPrior<double> g(small_step(activation), 0.2);
    const auto result = run(GradientStepPnp<double>(f, g, {.lambda = lambda}), y,
                            {.max_iterations = 2000, .tolerance = 0, .objective_every = 1});
    REQUIRE(result.history.size() == 2000);
    for (std::size_t k = 1; k < result.history.size(); ++k)
      CHECK(result.history[k].objective <= result.history[k - 1].objective * (1 + 1e-14));
    CHECK(result.objective < 0.5 * (f.value(y) + lambda * g.value(y)));
    Array<double> at_start(y.shape()), at_end(y.shape());
    const auto slope = [&](const Array<double>& x, Array<double>& out) {
      g.gradient(x, out);
      for (Index i = 0; i < x.size(); ++i)
        out[i] = lambda * out[i] + (i % 2 == 0 ? x[i] - y[i] : 0);
    };
    slope(y, at_start);
    slope(result.x, at_end);
    CHECK(norm(at_end) < 1e-3 * norm(at_start));
  }
}
