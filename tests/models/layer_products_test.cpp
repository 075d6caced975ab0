#include "../layer_products.hpp"

#include <doctest/doctest.h>
#include <fejer/models/learnable_denoisers.hpp>
#include <fejer/models/pnp_layer.hpp>
#include <fejer/models/ridge_gradient_step.hpp>
#include <fejer/operators/blur.hpp>
#include <fejer/parallel.hpp>

#include "small_dncnn.hpp"
#include "small_drunet.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

const Shape plane{1, 9, 8};

/// Forward-backward with a denoiser, gamma moved by h as parameter 0.
template <class D>
PnpLayer<D> with_blur(D denoiser, double h) {
  using T = typename D::Scalar;
  const Array<T> y = random_array<T>(plane, "y");
  return {std::move(denoiser), Blur<T>(gaussian_kernel<T>(0.8), plane, Boundary::reflect), y,
          0.9 + h};
}
double by(Index parameter, Index which, double h) { return parameter == which ? h : 0; }

/// Parameters: the biases of the last layer.
template <class T>
struct DncnnLayer {
  using Scalar = T;
  using Saved = DncnnTape<T>;
  using Gradient = DncnnGradient<T>;
  Dncnn<T> net;

  void forward(ConstView<T> x, View<T> out, Saved* saved) const {
    Saved unused;
    net.forward(x, out, saved != nullptr ? *saved : unused);
  }
  void vjp(const Saved& saved, ConstView<T> u, View<T> xbar, Gradient* gradient) const {
    net.vjp(saved, u, xbar, gradient);
  }
};

}  // namespace

TEST_CASE_TEMPLATE("C14: forward-backward with denoisers", T, float, double) {
  const ScopedThreads one(1);
  const Array<double> x = random_array(plane, "x", 0.3);
  SUBCASE("a DRUNet") {
    const DrunetOptions options = small_drunet_options(DrunetActivation::softplus);
    const auto layer = [&]<class X>(X, Index i, double h) {
      return with_blur(DrunetAtLevel<X>(small_drunet<X>(options), 0.2 + by(i, 1, h)), by(i, 0, h));
    };
    typename PnpLayer<DrunetAtLevel<T>>::Gradient gradient;
    gradient.denoiser = small_drunet<T>(options).zero_gradient();
    CHECK(product_error(
              layer(T{}, -1, 0), gradient, [&](Index i, double h) { return layer(1.0, i, h); }, 2,
              [](const auto& g, Index i) { return i == 0 ? g.step : g.sigma[0]; },
              x) < product_tolerance<T>);
  }
  SUBCASE("a gradient-step DRUNet") {
    const DrunetOptions options = small_drunet_options(DrunetActivation::softplus);
    const auto layer = [&]<class X>(X, Index i, double h) {
      const GradientStepDrunet<X> denoiser(small_drunet<X>(options));
      return with_blur(GradientStepAtLevel<X>(denoiser, 0.2 + by(i, 1, h)), by(i, 0, h));
    };
    typename PnpLayer<GradientStepAtLevel<T>>::Gradient gradient;
    gradient.denoiser = small_drunet<T>(options).zero_gradient();
    CHECK(product_error(
              layer(T{}, -1, 0), gradient, [&](Index i, double h) { return layer(1.0, i, h); }, 2,
              [](const auto& g, Index i) { return i == 0 ? g.step : g.sigma[0]; },
              x) < product_tolerance<T>);
  }
  SUBCASE("a relaxed Lipschitz CNN") {
    for (const Activation activation : {Activation::spline, Activation::relu}) {
      CAPTURE(to_string(activation));
      const auto layer = [&]<class X>(X, Index i, double h) {
        return with_blur(RelaxedCnn<X>(LipschitzCnn<X>(small_cnn(activation)), 0.7 + by(i, 1, h)),
                         by(i, 0, h));
      };
      CHECK(product_error(
                layer(T{}, -1, 0), {}, [&](Index i, double h) { return layer(1.0, i, h); }, 2,
                [](const auto& g, Index i) { return i == 0 ? g.step : g.denoiser.relaxation; },
                x) < product_tolerance<T>);
    }
  }
  SUBCASE("the prox of a ridge regulariser") {
    for (const double rho : {0.0, 0.5}) {
      CAPTURE(rho);
      const RidgeParameters p = small_ridge(Borders::zero_every_layer, rho);
      const auto layer = [&]<class X>(X, Index i, double h) {
        const RidgeProxOptions solver{sizeof(X) == 4 ? 1e-6 : 1e-14, 500};
        return with_blur(RidgeProx<X>(RidgeRegulariser<X>(p), 1.6 * std::exp(by(i, 1, h)),
                                      0.1 + by(i, 2, h), solver),
                         by(i, 0, h));
      };
      CHECK(product_error(
                layer(T{}, -1, 0), {}, [&](Index i, double h) { return layer(1.0, i, h); }, 3,
                [](const auto& g, Index i) {
                  return i == 0 ? g.step : i == 1 ? g.denoiser.log_weight : g.sigma[0];
                },
                x) < product_tolerance<T>);
    }
  }
}

TEST_CASE_TEMPLATE("C14: gradient steps on ridge regularisers", T, float, double) {
  const ScopedThreads one(1);
  for (const Borders borders : {Borders::zero_every_layer, Borders::zero_once}) {
    RidgeParameters p = small_ridge(borders);
    p.mu *= 10, p.rho += 10;  // room for the changes
    const auto layer = [&]<class X>(X, Index i, double h) {
      RidgeParameters q = p;
      if (i > 2) q.profile[i - 3] += h;
      const Array<X> y = random_array<X>(plane, "y", 0.3);
      return RidgeGradientStep<X>(RidgeRegulariser<X>(q),
                                  Blur<X>(gaussian_kernel<X>(0.8), plane, Boundary::reflect), y,
                                  {0.3 + by(i, 0, h), 0.7 + by(i, 1, h), 0.1 + by(i, 2, h), 0});
    };
    const auto single = layer(T{}, -1, 0);
    CHECK(product_error(
              single, single.zero_gradient(), [&](Index i, double h) { return layer(1.0, i, h); },
              3 + p.profile.size(),
              [](const auto& g, Index i) {
                return i == 0 ? g.step : i == 1 ? g.lambda : i == 2 ? g.sigma : g.profile[i - 3];
              },
              random_array(plane, "x", 0.1)) < product_tolerance<T>);
  }
}

TEST_CASE_TEMPLATE("C14: DnCNN", T, float, double) {
  const ScopedThreads one(1);
  const auto chain = [&]<class X>(X, Index i, double h) {
    DncnnParameters p = small_dncnn(1);
    if (i >= 0) p.biases.back()[i] += h;
    return DncnnLayer<X>{Dncnn<X>(p)};
  };
  CHECK(product_error(
            chain(T{}, -1, 0), Dncnn<T>(small_dncnn(1)).zero_gradient(),
            [&](Index i, double h) { return chain(1.0, i, h); }, 1,
            [](const auto& g, Index i) { return g.biases.back()[i]; },
            random_array(plane, "x", 0.3)) < product_tolerance<T>);
}
