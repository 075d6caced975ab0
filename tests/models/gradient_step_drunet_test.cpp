#include <fejer/models/gradient_step_drunet.hpp>

#include <doctest/doctest.h>
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
