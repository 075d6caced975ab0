#include <doctest/doctest.h>

#include <cmath>

#include <fejer/models/ridge_denoiser.hpp>
#include <fejer/models/training/filter_selection.hpp>
#include <fejer/models/training/spectral_norm.hpp>
#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

#include "small_models.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

std::vector<double> one_hot(Index channels, Index c) {
  std::vector<double> f(static_cast<std::size_t>(channels));
  f[static_cast<std::size_t>(c)] = 1;
  return f;
}

}  // namespace

TEST_CASE("a regulariser is the sum of its filters' terms, with their factors") {
  for (const Borders borders : {Borders::zero_once, Borders::zero_every_layer}) {
    const RidgeParameters p = small_ridge(borders);
    const RidgeRegulariser<double> whole(p);
    const Index channels = whole.channels();
    const Array<double> x = random_array(Shape{11, 9}, "x", 0.3);
    std::vector<double> factors;
    for (Index c = 0; c < channels; ++c)
      factors.push_back(c == 1 ? 0 : 0.5 + 0.3 * static_cast<double>(c));
    double value = 0, plain = 0;
    Array<double> gradient(x.shape()), term(x.shape());
    for (Index c = 0; c < channels; ++c) {
      const RidgeRegulariser<double> alone(select_filters(p, one_hot(channels, c)));
      CHECK(alone.channels() == 1);
      const double f = factors[static_cast<std::size_t>(c)];
      const double v = alone.value_and_gradient(x, 0.05, term);
      value += f * v;
      plain += v;
      axpy<double>(f, term, gradient);
    }
    CHECK(plain == doctest::Approx(whole.value(x, 0.05)).epsilon(1e-12));
    const RidgeParameters q = select_filters(p, factors);
    const RidgeRegulariser<double> selected(q);
    CHECK(selected.channels() == channels - 1);
    CHECK(selected.value_and_gradient(x, 0.05, term) == doctest::Approx(value).epsilon(1e-12));
    CHECK(distance(term, gradient) <= 1e-12 * norm(gradient));
    CHECK(selected.lipschitz_bound().value >= q.weight * q.rho);
    if (borders == Borders::zero_every_layer)
      CHECK(power_norm_squared(q.kernels, borders) ==
            doctest::Approx(q.norm_squared).epsilon(1e-12));
    if (borders == Borders::zero_once) {
      CHECK(proven_squared_norm(q.kernels).value == doctest::Approx(q.norm_squared).epsilon(1e-12));
      CHECK(selected.weak_convexity().value == doctest::Approx(q.weight * q.rho).epsilon(1e-6));
    }
  }
}

TEST_CASE("what a filter does to denoised images is the derivative by its factor") {
  const RidgeParameters p = small_ridge(Borders::zero_once);
  const RidgeRegulariser<double> model(p);
  const Array<double> y = random_array(Shape{2, 1, 10, 12}, "y", 0.2);
  const std::vector<double> sigmas{0.05, 0.1};
  const FilterEffects<double> e = filter_effects<double>(model, y, sigmas, 1e-12);
  const double h = 1e-4;
  for (Index c = 0; c < model.channels(); ++c)
    for (Index n = 0; n < 2; ++n) {
      Array<double> x[2];
      for (int side = 0; side < 2; ++side) {
        std::vector<double> f(static_cast<std::size_t>(model.channels()), 1.0);
        f[static_cast<std::size_t>(c)] += side == 0 ? -h : h;
        RidgeDenoiserOptions o;
        o.tolerance = 1e-13;
        o.max_iterations = 5000;
        const RidgeDenoiser<double> denoiser(RidgeRegulariser<double>(select_filters(p, f)), o);
        x[side] = denoiser.solve(y.slice(n), sigmas[static_cast<std::size_t>(n)]).x;
      }
      Array<double> difference = x[0];
      axpy<double>(-1, x[1], difference);
      scale<double>(difference, 1 / (2 * h));
      const ConstView<double> effect = e.effects.slice(c).reshaped(y.shape()).slice(n);
      CHECK(norm(difference) > 0);
      CHECK(distance(difference, Array<double>(effect)) <= 1e-6 * norm(difference));
    }
}

TEST_CASE("effects of filters have the same bits for any number of threads") {
  const RidgeRegulariser<float> model(small_ridge(Borders::zero_once));
  const auto data = random_array<float>(Shape{3, 1, 24, 20}, "y", 0.2);
  const std::vector<double> sigmas{0.02, 0.05, 0.1};
  Array<float> first;
  for (const int threads : {1, 2, 4}) {
    const ScopedThreads set(threads);
    const auto e = filter_effects<float>(model, data, sigmas);
    if (threads == 1) first = e.effects;
    CHECK(same_bits(e.effects, first));
  }
}

TEST_CASE("selections that make no regulariser are refused") {
  const RidgeParameters p = small_ridge(Borders::zero_once);
  const auto channels = static_cast<std::size_t>(p.kernels.back().shape()[0]);
  CHECK_THROWS_WITH_AS(select_filters(p, std::vector<double>(channels)),
                       doctest::Contains("nothing is left"), ArgumentError);
  CHECK_THROWS_AS(select_filters(p, std::vector<double>(channels + 1, 1.0)), ArgumentError);
  CHECK_THROWS_AS(select_filters(p, std::vector<double>(channels, -1.0)), ArgumentError);
  RidgeParameters plain = p;
  plain.scaling.reset();
  CHECK_THROWS_WITH_AS(select_filters(plain, std::vector<double>(channels, 1.0)),
                       doctest::Contains("noise scaling"), ArgumentError);
  const RidgeRegulariser<double> model(p);
  const Array<double> y = random_array(Shape{2, 1, 8, 8}, "y");
  CHECK_THROWS_WITH_AS(filter_effects<double>(model, y, {0.1, 0.1, 0.1}),
                       doctest::Contains("3 noise levels for 2 images"), ArgumentError);
  CHECK_THROWS_AS(filter_effects<double>(model, y.slice(0), {0.1}), ShapeError);
}
