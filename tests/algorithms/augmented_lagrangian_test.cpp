// The inexact augmented Lagrangian method: start, descent, resets, the same bits, refusals.
#include <doctest/doctest.h>

#include <cmath>

#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

#include "../data.hpp"
#include "sparse_fits.hpp"

using namespace fejer;
using namespace fejer_test;

TEST_CASE("dual start: the augmented Lagrangian has F's value and its gradient in (W, b)") {
  for (Variant& variant : variants()) {
    const SparseFit& fit = variant.fit;
    variant.options.dual_start = true;
    const InexactAugmentedLagrangian ialm(fit, variant.options);
    auto s = ialm.init(normal({fit.parameters()}, "p", 0.5));
    CHECK(ialm.augmented_lagrangian(s) == doctest::Approx(fit.value(s.p)).epsilon(1e-12));
    CHECK(ialm.lifted_objective(s) == doctest::Approx(fit.value(s.p)).epsilon(1e-12));
    Array<double> gradient(s.p.shape());
    fit.value_and_gradient(s.p, gradient);
    const double scale = norm(gradient);
    const auto moved = [&](Index l, Index i, Index j, double h) {
      auto m = s;  // W_l(i, j), or b_l(i) where j = -1, by h; u and v stay
      const Index width = fit.width(l - 1), n = fit.samples();
      double* at = j < 0 ? fit.bias(View<double>(m.p), l).data() + i
                         : fit.weights(View<double>(m.p), l).data() + i * width + j;
      *at += h;
      const View<double> product = fit.layer(View<double>(m.product), l);
      const ConstView<double> before =
          l == 1 ? ConstView<double>(fit.x()) : fit.layer(ConstView<double>(s.v), l - 1);
      for (Index k = 0; k < n; ++k) product[i * n + k] += h * (j < 0 ? 1 : before[j * n + k]);
      return ialm.augmented_lagrangian(m);
    };
    const double h = 1e-5;
    for (Index l = 1; l <= fit.layers(); ++l)
      for (Index j = -1; j < fit.width(l - 1); ++j) {
        const Index i = (j + 1) % fit.width(l);
        const double slope = (moved(l, i, j, h) - moved(l, i, j, -h)) / (2 * h);
        const double expected =
            j < 0 ? fit.bias(ConstView<double>(gradient), l)[i]
                  : fit.weights(ConstView<double>(gradient), l)[i * fit.width(l - 1) + j];
        CHECK(std::abs(slope - expected) < 1e-6 * scale);
        const auto objective = [&](double by) {
          Array<double> q = s.p;
          (j < 0 ? fit.bias(View<double>(q), l)[i]
                 : fit.weights(View<double>(q), l)[i * fit.width(l - 1) + j]) += by;
          return fit.value(q);
        };
        const double of_objective = (objective(h) - objective(-h)) / (2 * h);
        CHECK(std::abs(slope - of_objective) < 1e-6 * scale);
      }
  }
}

TEST_CASE("sweeps never raise the augmented Lagrangian; the best objective is a true one") {
  for (const Variant& variant : variants()) {
    const InexactAugmentedLagrangian ialm(variant.fit, variant.options);
    auto s = ialm.init(variant.fit.initial(Rng(5)));
    double worst = 0;
    for (int k = 0; k < 60; ++k) {
      ialm.step(s);
      ++s.iteration;
      double last = ialm.augmented_lagrangian(s);
      auto t = s;
      for (int i = 0; i < 4; ++i) {
        ialm.sweep(t);
        const double now = ialm.augmented_lagrangian(t);
        worst = std::max(worst, (now - last) / std::max(1.0, std::abs(last)));
        last = now;
      }
    }
    CHECK(worst <= 1e-10);
    CHECK(s.best_objective < s.start_objective);
    CHECK(variant.fit.value(ialm.solution(s)) == s.best_objective);
    for (Index i = 0; i < s.u.size(); ++i)
      if (!(s.v[i] >= std::max(s.u[i], variant.fit.options().slope * s.u[i])) &&
          (variant.fit.layers() > 1 && i < s.u.size() - variant.fit.samples()))
        FAIL("v < s(u) at " << i);
  }
}

TEST_CASE("a state that left its level set goes back to the best parameters") {
  const SparseFit fit = small_fit(hidden({8}));
  const InexactAugmentedLagrangian ialm(fit);
  auto s = ialm.init(fit.initial(Rng(5)));
  for (; s.iteration < 100; ++s.iteration) ialm.step(s);
  const Index before = s.resets;
  for (double& v : s.p) v += 3;
  for (double& v : s.product) v += 30;
  ialm.step(s);
  CHECK(s.resets == before + 1);
  CHECK(ialm.augmented_lagrangian(s) <= 2 * s.start_objective);
  // Unless the level has room for it.
  const InexactAugmentedLagrangian roomy(fit, {.level_room = 1e9});
  for (double& v : s.p) v += 3;
  for (double& v : s.product) v += 30;
  roomy.step(s);
  CHECK(s.resets == before + 1);
}

TEST_CASE("the same bits for any number of threads, in every variant") {
  for (const Variant& variant : variants()) {
    const SparseFit fit = small_fit(variant.fit.options(), 2500);
    const InexactAugmentedLagrangian ialm(fit, variant.options);
    Array<double> expected;
    for (const int threads : {1, 2, 3}) {
      const ScopedThreads limit(threads);
      auto s = ialm.init(fit.initial(Rng(5)));
      for (; s.iteration < 6; ++s.iteration) ialm.step(s);
      if (threads == 1) expected = s.p;
      CHECK(same_bits(s.p, expected));
    }
  }
}

TEST_CASE("the same bits for any number of threads, and after a resumed run") {
  const SparseFit fit = small_fit(hidden({5, 4}), 2500);
  const InexactAugmentedLagrangian ialm(fit, {.check_every = 4});
  const Array<double> start = fit.initial(Rng(5));
  const RunOptions whole{.max_iterations = 40, .tolerance = 0, .objective_every = 7};
  Array<double> expected;
  for (const int threads : {1, 2, 3}) {
    const ScopedThreads limit(threads);
    const auto result = run(ialm, start, whole);
    if (threads == 1) expected = result.x;
    CHECK(same_bits(result.x, expected));
  }
  const ScratchFolder folder;
  RunOptions part = whole;
  part.max_iterations = 17;
  part.state_file = folder / "state.h5";
  run(ialm, start, part);
  part.max_iterations = 40;
  part.resume = true;
  CHECK(same_bits(run(ialm, Array<double>(start.shape()), part).x, expected));
}

TEST_CASE("problems and options that make no sense are refused") {
  const auto fit_with = [](double lambda_w, double lambda_b) {
    SparseFitOptions o = hidden({3});
    o.lambda_w = lambda_w;
    o.lambda_b = lambda_b;
    return InexactAugmentedLagrangian(small_fit(o));
  };
  CHECK_THROWS_WITH_AS(fit_with(0, 1), doctest::Contains("lambda_w"), ArgumentError);
  CHECK_THROWS_WITH_AS(fit_with(1, 0), doctest::Contains("lambda_b"), ArgumentError);
  const SparseFit fit = small_fit(hidden({3}));
  CHECK_THROWS_WITH_AS(InexactAugmentedLagrangian(fit, {.rho = 60}), doctest::Contains("rho_max"),
                       ArgumentError);
  CHECK_THROWS_AS(InexactAugmentedLagrangian(fit, {.beta = 0}), ArgumentError);
  CHECK_THROWS_WITH_AS(InexactAugmentedLagrangian(fit, {.level_room = -1}),
                       doctest::Contains("level_room"), ArgumentError);
  CHECK_THROWS_AS(InexactAugmentedLagrangian(fit).init(Array<double>(Shape{3})), ShapeError);
  CHECK_THROWS_WITH_AS(small_fit(hidden({0})), doctest::Contains("hidden layer of 0"),
                       ArgumentError);
  CHECK_THROWS_AS(SparseFit(normal({2, 5}, "x"), normal({1, 4}, "y"), {}), ShapeError);
  SparseFitOptions groups = hidden({4});
  groups.group_columns = {2};
  CHECK_THROWS_WITH_AS(small_fit(groups), doctest::Contains("one for each of 2 layers"),
                       ArgumentError);
  groups.group_columns = {2, 3};
  CHECK_THROWS_WITH_AS(small_fit(groups), doctest::Contains("a divisor of 4"), ArgumentError);
  groups.group_columns = {2, 1};
  groups.groups = WeightGroups::rows;
  CHECK_THROWS_WITH_AS(small_fit(groups), doctest::Contains("rows are the groups"), ArgumentError);
  Array<double> bad = normal({1, 5}, "y");
  bad[2] = std::nan("");
  CHECK_THROWS_WITH_AS(SparseFit(normal({2, 5}, "x"), bad, {}), doctest::Contains("not finite"),
                       ArgumentError);
}
