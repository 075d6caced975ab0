#include <fejer/models/ridge_gradient_step.hpp>

#include <cmath>
#include <functional>
#include <tuple>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <fejer/algorithms/accelerated_layer.hpp>
#include <fejer/algorithms/equilibrium_gradient.hpp>
#include <fejer/algorithms/limited_memory_bfgs.hpp>
#include <fejer/check.hpp>
#include <fejer/models/ridge_prior.hpp>
#include <fejer/operators/blur.hpp>
#include <fejer/operators/least_squares.hpp>
#include <fejer/vector.hpp>

#include "small_models.hpp"
#include "training/differences.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

using RidgeStep = RidgeGradientStep<double>;
const Shape stepped{1, 9, 11};
constexpr double least_eigenvalue = 0.1296;  // of A*A

/// (.1, .8, .1) in both directions.
template <class T>
LinearOperator<T> mild_lens() {
  Array<T> h(Shape{3, 3});
  const double line[] = {0.1, 0.8, 0.1};
  for (Index i = 0; i < 9; ++i) h[i] = static_cast<T>(line[i / 3] * line[i % 3]);
  return Blur<T>(h, stepped, Boundary::circular);
}

Array<double> measured() {
  Array<double> y = random_array(stepped, "y", 0.1);
  for (double& v : y) v += 0.4;
  return y;
}

RidgeStep step_of(const RidgeParameters& p, const RidgeStep::Options& o) {
  const Array<double> y = measured();
  return RidgeStep(RidgeRegulariser<double>(p), mild_lens<double>(), y, o);
}

/// <u, phi(x)>.
double step_along(const RidgeStep& layer, const Array<double>& x, const Array<double>& u) {
  Array<double> out(x.shape());
  layer.forward(x, out, nullptr);
  return dot(out, u);
}

EquilibriumOptions until_settled(GradientStrategy strategy) {
  EquilibriumOptions o;
  o.strategy = strategy;
  o.until_tolerance = true;
  o.tolerance = 1e-14;
  o.adjoint_tolerance = 1e-12;
  return o;
}

const auto half_energy = [](ConstView<double> x, View<double> g) {
  copy<double>(x, g);
  return dot<double>(x, x) / 2;
};

}  // namespace

TEST_CASE("ridge gradient step: derivatives in the image and in everything that is learned") {
  const ScopedThreads one(1);
  const Array<double> x = random_array(stepped, "x", 0.3), u = random_array(stepped, "u");
  for (const Borders borders : {Borders::zero_once, Borders::zero_every_layer}) {
    RidgeParameters p = small_ridge(borders, 0.5);
    p.rho = 1, p.mu = 5;  // so that slopes may be moved
    const RidgeStep::Options o{0.3, 0.7, 0.1, 0};
    const RidgeStep layer = step_of(p, o);
    RidgeStep::Saved saved;
    Array<double> out(stepped), xbar(stepped), alone(stepped);
    layer.forward(x, out, &saved);
    RidgeStep::Gradient gradient = layer.zero_gradient(), few;
    layer.vjp(saved, u, xbar, &gradient);
    layer.vjp(saved, u, alone, nullptr);
    CHECK(largest_difference(xbar, alone) < 1e-13);
    CHECK(gradient_error([&](const Array<double>& at) { return step_along(layer, at, u); }, x,
                         xbar) < 1e-7);
    const auto slope = [&](double RidgeStep::Options::*which) {
      constexpr double h = 1e-6;
      RidgeStep::Options up = o, down = o;
      up.*which += h;
      down.*which -= h;
      return (step_along(step_of(p, up), x, u) - step_along(step_of(p, down), x, u)) / (2 * h);
    };
    CHECK(gradient.step == doctest::Approx(slope(&RidgeStep::Options::step)).epsilon(1e-7));
    CHECK(gradient.lambda == doctest::Approx(slope(&RidgeStep::Options::lambda)).epsilon(1e-7));
    CHECK(gradient.sigma == doctest::Approx(slope(&RidgeStep::Options::sigma)).epsilon(1e-7));
    layer.vjp(saved, u, alone, &few);
    CHECK(few.step == gradient.step);
    CHECK(few.sigma == gradient.sigma);
    CHECK_FALSE(few.kernels);

    const auto with_profile = [&](const Array<double>& profile) {
      RidgeParameters moved = p;
      moved.profile = profile;
      return step_along(step_of(moved, o), x, u);
    };
    CHECK(gradient_error(with_profile, p.profile, gradient.profile) < 1e-6);
    const std::vector<Array<double>> kernels = gradient.kernels->gradients();
    REQUIRE(kernels.size() == p.kernels.size());
    for (std::size_t l = 0; l < kernels.size(); ++l) {
      const double root = l == 0 ? std::sqrt(p.norm_squared) : 1;  // they are of W's kernels
      Array<double> of_parameters = kernels[l];
      scale<double>(of_parameters, 1 / root);
      const auto with_kernel = [&](const Array<double>& kernel) {
        RidgeParameters moved = p;
        moved.kernels[l] = kernel;
        return step_along(step_of(moved, o), x, u);
      };
      CHECK(gradient_error(with_kernel, p.kernels[l], of_parameters, 1e-6, 7) < 1e-6);
    }
  }
}

TEST_CASE("ridge gradient step: its fixed point is the minimiser that L-BFGS finds") {
  const ScopedThreads one(1);
  for (const double rho : {0.0, 0.5}) {
    const double lambda = rho > 0 ? 0.2 : 0.5;
    CAPTURE(rho);
    const RidgeParameters p = small_ridge(Borders::zero_once, rho);
    const RidgeStep layer = step_of(p, {0, lambda, 0.05, least_eigenvalue});
    Array<double> x(stepped);
    const auto report =
        solve_equilibrium(layer, until_settled(GradientStrategy::implicit), View<double>(x));
    CHECK(report.converged);
    const LeastSquares<double> f(mild_lens<double>(), measured(), least_eigenvalue);
    const SmoothFunction<double> R = RidgePrior<double>(RidgeRegulariser<double>(p), 0.05, lambda);
    const LimitedMemoryBfgs<double> bfgs(sum(SmoothFunction<double>(f), 1, R));
    auto state = bfgs.init(measured());
    while (state.iteration < 500) bfgs.step(state), ++state.iteration;
    CHECK(distance(x, state.x) < 1e-8 * norm(x));
    // The bound is below 1 where the theory says so, and holds.
    CHECK(layer.lipschitz_bound() < 1);
    const Array<double> at = random_array(stepped, "at", 0.3);
    const std::function<void(ConstView<double>, View<double>)> map =
        [&](ConstView<double> z, View<double> out) { layer.forward(z, out, nullptr); };
    CHECK(lipschitz_lower_bound<double>(map, at) <= layer.lipschitz_bound() + 1e-12);
  }
  const RidgeParameters weak = small_ridge(Borders::zero_once, 1);
  CHECK(step_of(weak, {0, 0.5, 0.05, least_eigenvalue}).lipschitz_bound() > 1);
  // Padded at every layer the modulus of weak convexity is an estimate: nothing is claimed.
  const RidgeParameters padded = small_ridge(Borders::zero_every_layer, 0.5);
  CHECK(std::isinf(step_of(padded, {0, 0.2, 0.05, least_eigenvalue}).lipschitz_bound()));
}

TEST_CASE("ridge gradient step: gradients at the equilibrium, with momentum too") {
  const ScopedThreads one(1);
  const RidgeParameters p = small_ridge(Borders::zero_once, 0.5);
  const RidgeStep::Options o{0, 0.2, 0.05, least_eigenvalue};
  const RidgeStep layer = step_of(p, o);
  Array<double> x = measured();
  RidgeStep::Gradient exact = layer.zero_gradient();
  equilibrium_gradient(layer, until_settled(GradientStrategy::implicit), half_energy,
                       View<double>(x), exact);
  const auto energy_at = [&](double lambda, double sigma) {
    Array<double> z = measured(), g(stepped);
    const RidgeStep moved = step_of(p, {layer.gamma(), lambda, sigma, least_eigenvalue});
    solve_equilibrium(moved, until_settled(GradientStrategy::implicit), View<double>(z));
    return half_energy(z, g);
  };
  const double h = 1e-5;
  CHECK(exact.lambda ==
        doctest::Approx((energy_at(0.2 + h, 0.05) - energy_at(0.2 - h, 0.05)) / (2 * h))
            .epsilon(1e-6));
  CHECK(exact.sigma ==
        doctest::Approx((energy_at(0.2, 0.05 + h) - energy_at(0.2, 0.05 - h)) / (2 * h))
            .epsilon(1e-6));
  CHECK(std::abs(exact.step) < 1e-10);  // the step moves nothing

  RidgeStep::Gradient restarted = layer.zero_gradient();
  EquilibriumOptions many = until_settled(GradientStrategy::restarted);
  many.depth = 400;
  equilibrium_gradient(layer, many, half_energy, View<double>(x), restarted);
  CHECK(restarted.lambda == doctest::Approx(exact.lambda).epsilon(1e-8));
  CHECK(distance(restarted.profile, exact.profile) < 1e-7 * norm(exact.profile));

  using Fast = AcceleratedLayer<RidgeStep>;
  const RidgeStep half = step_of(p, {layer.gamma() / 2, 0.2, 0.05, least_eigenvalue});
  const Fast fast(half, 0.5);
  const Array<double> start = measured();
  Array<double> state = Fast::start(start);
  Fast::Gradient found{half.zero_gradient(), {}};
  equilibrium_gradient(
      fast, until_settled(GradientStrategy::implicit),
      [](ConstView<double> z, View<double> g) { return Fast::loss(half_energy, z, g); },
      View<double>(state), found);
  CHECK(found.layer.lambda == doctest::Approx(exact.lambda).epsilon(1e-8));
  CHECK(found.layer.sigma == doctest::Approx(exact.sigma).epsilon(1e-8));
  CHECK(distance(found.layer.profile, exact.profile) < 1e-8 * norm(exact.profile));
}

TEST_CASE("ridge gradient step: single precision, threads, misuse") {
  const RidgeParameters p = small_ridge(Borders::zero_every_layer, 0.5);
  const Array<double> x = random_array(stepped, "x", 0.3), u = random_array(stepped, "u");
  const Array<float> xf = converted<float>(x), uf = converted<float>(u),
                     yf = converted<float>(measured());
  const RidgeStep layer = step_of(p, {0, 0.7, 0.1, 0});
  const RidgeGradientStep<float> single(RidgeRegulariser<float>(p), mild_lens<float>(), yf,
                                        {0, 0.7, 0.1, 0});
  const auto products = [](const auto& of, const auto& at, const auto& pull, int threads) {
    const ScopedThreads scope(threads);
    typename std::decay_t<decltype(of)>::Saved saved;
    auto gradient = of.zero_gradient();
    std::decay_t<decltype(at)> out(at.shape()), pulled(at.shape());
    of.forward(at, out, &saved);
    of.vjp(saved, pull, pulled, &gradient);
    return std::make_tuple(std::move(out), std::move(pulled), gradient.lambda, gradient.sigma);
  };
  const auto [out, pulled, lambda, sigma] = products(layer, x, u, 1);
  const auto [out_single, pulled_single, lambda_single, sigma_single] = products(single, xf, uf, 1);
  CHECK(distance(converted<double>(out_single), out) < 1e-3 * norm(out));
  CHECK(distance(converted<double>(pulled_single), pulled) < 1e-3 * norm(pulled));
  CHECK(lambda_single == doctest::Approx(lambda).epsilon(1e-3));
  CHECK(sigma_single == doctest::Approx(sigma).epsilon(1e-3));
  for (const int threads : {2, 4}) {
    const auto [out_again, pulled_again, lambda_again, sigma_again] =
        products(single, xf, uf, threads);
    CHECK(same_bits(out_again, out_single));
    CHECK(same_bits(pulled_again, pulled_single));
    CHECK(lambda_again == lambda_single);
    CHECK(sigma_again == sigma_single);
  }
  CHECK(throws_with<ArgumentError>([&] { step_of(p, {0, -1, 0.1, 0}); }, "negative"));
  CHECK(throws_with<ArgumentError>([&] { step_of(p, {0, 1, 25, 0}); }, "25/255"));
}
