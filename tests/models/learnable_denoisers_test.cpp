#include <fejer/models/learnable_denoisers.hpp>

#include <cmath>
#include <tuple>

#include <doctest/doctest.h>
#include <fejer/error.hpp>
#include <fejer/models/pnp_layer.hpp>
#include <fejer/models/ridge_denoiser.hpp>
#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

#include "small_drunet.hpp"
#include "small_models.hpp"
#include "training/differences.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

const Shape two_planes{2, 9, 8};
constexpr RidgeProxOptions exact{1e-14, 500};

RidgeRegulariser<double> ridge(double rho = 0.5) {
  return RidgeRegulariser<double>(small_ridge(Borders::zero_every_layer, rho));
}

/// <u, D(z)>.
template <class D>
double along(const D& denoiser, const Array<double>& z, const Array<double>& u) {
  Array<double> out(z.shape());
  denoiser.forward(z, z, out, nullptr);
  return dot(out, u);
}

template <class D>
struct Derivative {
  Array<double> z;
  typename D::Gradient parameters;
};
/// Of the above, by vjp.
template <class D>
Derivative<D> derivative(const D& denoiser, const Array<double>& z, const Array<double>& u) {
  Derivative<D> result{Array<double>(z.shape()), {}};
  typename D::Tape tape;
  Array<double> out(z.shape()), plain(z.shape());
  denoiser.forward(z, z, out, &tape);
  denoiser.forward(z, z, plain, nullptr);
  CHECK(same_bits(out, plain));
  denoiser.vjp(tape, u, result.z, &result.parameters);
  Array<double> alone(z.shape());
  denoiser.vjp(tape, u, alone, nullptr);
  CHECK(same_bits(alone, result.z));
  return result;
}

}  // namespace

TEST_CASE("relaxed CNN: the denoiser itself, and its vjp against differences") {
  const ScopedThreads one(1);
  const Array<double> z = random_array(two_planes, "z"), u = random_array(two_planes, "u");
  for (const Activation activation : {Activation::spline, Activation::relu, Activation::groupsort,
                                      Activation::householder, Activation::prelu}) {
    CAPTURE(to_string(activation));
    LipschitzCnnParameters p = small_cnn(activation);
    if (activation == Activation::householder)
      p.activation_parameters = {random_array({2}, "a"), random_array({2}, "b")};
    if (activation == Activation::prelu)
      p.activation_parameters = {Array<double>(Shape{4}, -0.7), Array<double>(Shape{4}, 0.3)};
    p.divisor = 1.25;
    const LipschitzCnn<double> network(p);
    Array<double> expected(z.shape()), got(z.shape());
    network.denoise(z, p.noise_level, expected);
    RelaxedCnn<double>(network, 1).forward(z, z, got, nullptr);
    CHECK(largest_difference(got, expected) < 1e-13);
    const RelaxedCnn<double> relaxed(network, 0.7);
    const auto found = derivative(relaxed, z, u);
    CHECK(gradient_error([&](const Array<double>& at) { return along(relaxed, at, u); }, z,
                         found.z) < 1e-7);
    const double h = 1e-5;
    const double slope = (along(RelaxedCnn<double>(network, 0.7 + h), z, u) -
                          along(RelaxedCnn<double>(network, 0.7 - h), z, u)) /
                         (2 * h);
    CHECK(found.parameters.relaxation == doctest::Approx(slope).epsilon(1e-8));
  }
  const LipschitzCnn<double> network(small_cnn(Activation::relu));
  for (const double bad : {0.0, 1.01})
    CHECK(throws_with<ArgumentError>([&] { RelaxedCnn<double>(network, bad); }, "(0, 1]"));
}

TEST_CASE("ridge prox: the proximal denoiser, and its vjp against differences") {
  const ScopedThreads one(1);
  const Array<double> z = random_array(two_planes, "z", 0.3), u = random_array(two_planes, "u");
  for (const double rho : {0.0, 0.5}) {
    CAPTURE(rho);
    const auto prox = [&](double weight, double sigma) {
      return RidgeProx<double>(ridge(rho), weight, sigma, exact);
    };
    // Weight 1 is RidgeDenoiser; another weight satisfies p + weight grad R(p) = z.
    Array<double> expected(z.shape()), got(z.shape()), gradient(z.shape());
    RidgeDenoiser<double>(ridge(rho), {1e-13, 500}).denoise(z, 0.1, expected);
    prox(1, 0.1).forward(z, z, got, nullptr);
    CHECK(largest_difference(got, expected) < 1e-11);
    prox(1.6, 0.1).forward(z, expected, got, nullptr);
    ridge(rho).gradient(got, 0.1, gradient);
    axpy<double>(1.6, gradient, got);
    CHECK(largest_difference(got, z) < 1e-11);

    const auto found = derivative(prox(1.6, 0.1), z, u);
    CHECK(gradient_error([&](const Array<double>& at) { return along(prox(1.6, 0.1), at, u); }, z,
                         found.z) < 1e-6);
    const double h = 1e-6;
    const auto slope = [&](double weight_up, double sigma_up) {
      return (along(prox(1.6 * std::exp(weight_up), 0.1 + sigma_up), z, u) -
              along(prox(1.6 * std::exp(-weight_up), 0.1 - sigma_up), z, u)) /
             (2 * h);
    };
    CHECK(found.parameters.log_weight == doctest::Approx(slope(h, 0)).epsilon(1e-6));
    CHECK(found.parameters.sigma == doctest::Approx(slope(0, h)).epsilon(1e-6));

    RidgeProxOptions without = exact;
    without.sigma_derivative = false;
    const auto rest = derivative(RidgeProx<double>(ridge(rho), 1.6, 0.1, without), z, u);
    CHECK(rest.parameters.sigma == 0);
    CHECK(rest.parameters.log_weight == found.parameters.log_weight);
    CHECK(same_bits(rest.z, found.z));
  }
  CHECK(throws_with<ArgumentError>([&] { RidgeProx<double>(ridge(0.5), 3, 0.1); }, "not convex"));
  CHECK(throws_with<ArgumentError>([&] { RidgeProx<double>(ridge(0.5), 0, 0.1); }, "weight"));
  CHECK(throws_with<ArgumentError>([&] { RidgeProx<double>(ridge(0.5), 1, 25); }, "25/255"));
}

TEST_CASE("gradient step: the denoiser itself, and its vjp against differences") {
  const ScopedThreads one(1);
  const Array<double> z = random_array(two_planes, "z"), u = random_array(two_planes, "u");
  for (const DrunetActivation f : {DrunetActivation::elu, DrunetActivation::softplus}) {
    CAPTURE(to_string(f));
    const GradientStepDrunet<double> network(small_drunet(small_drunet_options(f)));
    const GradientStepAtLevel<double> denoiser(network, 0.3);
    Array<double> expected(z.shape()), got(z.shape());
    network.denoise(z, 0.3, expected);
    denoiser.forward(z, z, got, nullptr);
    CHECK(same_bits(got, expected));
    const auto found = derivative(denoiser, z, u);
    CHECK(gradient_error([&](const Array<double>& at) { return along(denoiser, at, u); }, z,
                         found.z) < 1e-6);
    const double h = 1e-7;
    const double slope = (along(GradientStepAtLevel<double>(network, 0.3 + h), z, u) -
                          along(GradientStepAtLevel<double>(network, 0.3 - h), z, u)) /
                         (2 * h);
    CHECK(found.parameters.sigma == doctest::Approx(slope).epsilon(1e-6));
    CHECK(found.parameters.weights.empty());  // not asked for
  }
}

TEST_CASE("learnable denoisers: the same bits with any number of threads, and in single the same") {
  const Array<double> z = random_array({1, 40, 40}, "z", 0.3), u = random_array({1, 40, 40}, "u");
  const auto check = [&](const auto& exact_one, const auto& single) {
    using D = std::decay_t<decltype(single)>;
    const Array<float> zf = converted<float>(z), uf = converted<float>(u);
    const auto products = [&](const auto& d, const auto& at, const auto& pull, int threads) {
      const ScopedThreads scope(threads);
      using Denoiser = std::decay_t<decltype(d)>;
      typename Denoiser::Tape tape;
      typename Denoiser::Gradient gradient;
      std::decay_t<decltype(at)> out(at.shape()), pulled(at.shape());
      d.forward(at, at, out, &tape);
      d.vjp(tape, pull, pulled, &gradient);
      double first = 0;
      if constexpr (requires { gradient.relaxation; })
        first = gradient.relaxation;
      else if constexpr (requires { gradient.log_weight; })
        first = gradient.log_weight + gradient.sigma;
      else
        first = gradient.sigma;
      return std::make_tuple(std::move(out), std::move(pulled), first);
    };
    const auto [out, pulled, slope] = products(single, zf, uf, 1);
    for (const int threads : {2, 4}) {
      const auto [other, other_pulled, other_slope] = products(single, zf, uf, threads);
      CHECK(same_bits(out, other));
      CHECK(same_bits(pulled, other_pulled));
      CHECK(slope == other_slope);
    }
    const auto [in_double, pulled_double, slope_double] = products(exact_one, z, u, 1);
    CHECK(distance(converted<double>(out), in_double) < 1e-4 * norm(in_double));
    CHECK(distance(converted<double>(pulled), pulled_double) < 1e-2 * norm(pulled_double));
    CHECK(slope == doctest::Approx(slope_double).epsilon(1e-2));
    static_assert(LearnableDenoiser<D>);
  };
  const LipschitzCnnParameters cnn = small_cnn(Activation::spline);
  check(RelaxedCnn<double>(LipschitzCnn<double>(cnn), 0.6),
        RelaxedCnn<float>(LipschitzCnn<float>(cnn), 0.6));
  const RidgeParameters p = small_ridge(Borders::zero_every_layer, 0.5);
  check(RidgeProx<double>(RidgeRegulariser<double>(p), 1.2, 0.1),
        RidgeProx<float>(RidgeRegulariser<float>(p), 1.2, 0.1));
  const DrunetOptions o = small_drunet_options(DrunetActivation::softplus);
  check(GradientStepAtLevel<double>(GradientStepDrunet<double>(small_drunet<double>(o)), 0.1),
        GradientStepAtLevel<float>(GradientStepDrunet<float>(small_drunet<float>(o)), 0.1));
}
