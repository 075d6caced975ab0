#include <fejer/operators/wavelet_norm.hpp>

#include <cmath>
#include <functional>

#include <doctest/doctest.h>
#include <fejer/check.hpp>
#include <fejer/parallel.hpp>
#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

using namespace fejer;

namespace {

constexpr WaveletGroups groupings[] = {{false, false}, {true, false}, {false, true}, {true, true}};

Array<double> random_weights(const Shape& coefficients, const Wavelet<double>& W,
                             const char* name = "weights") {
  Array<double> w(Shape{wavelet_planes(coefficients), static_cast<Index>(W.bands().size())});
  fill_normal<double>(w, Rng(4).stream(name));
  for (double& x : w) x = std::exp(0.8 * x - 0.5);
  return w;
}

/// Moves along the axes as long as that lowers the objective, with ever smaller steps.
Array<double> slow_minimiser(const std::function<double(const Array<double>&)>& objective,
                             Array<double> x) {
  double best = objective(x);
  for (double step = 1; step > 1e-9; step /= 2)
    for (bool moved = true; moved;) {
      moved = false;
      for (Index i = 0; i < x.size(); ++i)
        for (const double by : {step, -step}) {
          const double before = x[i];
          x[i] += by;
          if (const double now = objective(x); now < best) {
            best = now, moved = true;
            break;
          }
          x[i] = before;
        }
    }
  return x;
}

}  // namespace

TEST_CASE("wavelet norm: by hand, a group of two channels with weights 3 and 4") {
  const Shape shape{2, 1, 1};  // one coarse coefficient each
  const Wavelet<double> W(1, 1, shape);
  Array<double> w(Shape{2, 4}, 1.0), v(shape), out(shape);
  w[0] = 3, w[4] = 4;
  const WaveletNorm<double> g(W.bands(), shape, {true, false}, w);
  v[0] = 1, v[1] = 1;
  CHECK(g.value(v) == 5);
  // (1/3)^2 + (1/4)^2 = (5/12)^2: 0 from gamma = 5/12 on.
  g.prox(v, 5.0 / 12, out);
  CHECK(out[0] == 0);
  CHECK(out[1] == 0);
  // s = 7, gamma = 1: u = (7/16 v_0, 7/23 v_1) for v = (16 a / 3, 23 b / 4), a^2 + b^2 = 1.
  v[0] = 16 * 0.6 / 3, v[1] = -23 * 0.8 / 4;
  g.prox(v, 1, out);
  CHECK(out[0] == doctest::Approx(7 * 0.6 / 3).epsilon(1e-14));
  CHECK(out[1] == doctest::Approx(-7 * 0.8 / 4).epsilon(1e-14));
}

TEST_CASE("wavelet norm: the prox is what a slow minimiser finds") {
  const Shape shape{2, 2, 2};
  const Wavelet<double> W(1, 1, shape);
  for (const WaveletGroups groups : groupings)
    for (const bool equal : {false, true})
      for (const double gamma : {0.1, 0.8}) {
        CAPTURE(groups.channels);
        CAPTURE(groups.orientations);
        CAPTURE(equal);
        const WaveletNorm<double> g(
            W.bands(), shape, groups,
            equal ? Array<double>(Shape{2, 4}, 0.9) : random_weights(shape, W));
        Array<double> v(shape), out(shape);
        fill_normal<double>(v, Rng(2).stream("v"));
        g.prox(v, gamma, out);
        const auto objective = [&](const Array<double>& u) {
          const double d = distance(u, v);
          return gamma * g.value(u) + d * d / 2;
        };
        CHECK(distance(out, slow_minimiser(objective, v)) < 1e-6);
        CHECK(objective(out) <= objective(slow_minimiser(objective, v)) + 1e-14);
      }
}

TEST_CASE("wavelet norm: minimisers at larger sizes; two bases are two norms; odd sides") {
  const Shape shape{2, 3, 8, 12};
  const Wavelet<double> W(2, 2, Shape{3, 8, 12});
  const Array<double> w = random_weights(shape, W);
  Array<double> v(shape), out(shape);
  fill_normal<double>(v, Rng(3).stream("v"));
  for (const WaveletGroups groups : groupings) {
    const WaveletNorm<double> g(W.bands(), shape, groups, w);
    for (const double gamma : {0.01, 0.5, 3.0}) CHECK(prox_violation<double>(g, v, gamma) < 1e-13);
    double sum = 0;
    for (Index m = 0; m < 2; ++m)
      sum +=
          WaveletNorm<double>(W.bands(), Shape{3, 8, 12}, groups,
                              Array<double>(ConstView<double>(w.data() + m * 3 * 7, Shape{3, 7})))
              .value(v.slice(m));
    CHECK(g.value(v) == doctest::Approx(sum).epsilon(1e-13));
  }
  const Shape odd{3, 5, 7};
  const Wavelet<double> V(1, 2, odd);
  Array<double> u(odd);
  fill_normal<double>(u, Rng(3).stream("u"));
  const WaveletNorm<double> g(V.bands(), odd, {true, false}, random_weights(odd, V));
  CHECK(prox_violation<double>(g, u, 0.3) < 1e-13);
}

TEST_CASE("wavelet norm: products with the Jacobians against central differences") {
  const Shape shape{3, 8, 8};
  const Wavelet<double> W(1, 2, shape);
  Array<double> w = random_weights(shape, W), v(shape), ubar(shape), vbar(shape), out(shape);
  fill_normal<double>(v, Rng(5).stream("v"));
  fill_normal<double>(ubar, Rng(5).stream("ubar"));
  const double gamma = 0.4;
  for (const WaveletGroups groups : groupings) {
    CAPTURE(groups.channels);
    CAPTURE(groups.orientations);
    const WaveletNorm<double> g(W.bands(), shape, groups, w);
    CHECK(vjp_error([&](ConstView<double> x, View<double> y) { g.prox(x, gamma, y); },
                    [&](ConstView<double> x, ConstView<double> y, View<double> back) {
                      g.prox_vjp(x, gamma, y, back, nullptr);
                    },
                    v, shape, 1e-7) < 1e-6);
    Array<double> found(w.shape());
    g.prox_vjp(v, gamma, ubar, vbar, &found);
    const auto along = [&](Index i, double h) {
      Array<double> moved = w;
      moved[i] *= std::exp(h);
      WaveletNorm<double>(W.bands(), shape, groups, moved).prox(v, gamma, out);
      return dot(out, ubar);
    };
    Array<double> expected(w.shape());
    for (Index i = 0; i < w.size(); ++i) expected[i] = (along(i, 1e-6) - along(i, -1e-6)) / 2e-6;
    CHECK(norm(expected) > 0.1);
    CHECK(distance(found, expected) < 1e-6 * norm(expected));
  }
}

TEST_CASE_TEMPLATE("wavelet norm: same bits for any number of threads", T, float, double) {
  const Shape shape{3, 64, 96};
  const Wavelet<T> W(2, 3, shape);
  const Wavelet<double> layout(2, 3, shape);
  for (const WaveletGroups groups : groupings) {
    const WaveletNorm<T> g(W.bands(), shape, groups, random_weights(shape, layout));
    Array<T> v(shape), ubar(shape), first(shape), out(shape), first_back(shape), back(shape);
    fill_normal<T>(v, Rng(6).stream("v"));
    fill_normal<T>(ubar, Rng(6).stream("ubar"));
    Array<double> first_sums(g.weights().shape());
    double value = 0;
    for (const int threads : {1, 2, 4}) {
      const ScopedThreads scope(threads);
      Array<double> sums(first_sums.shape());
      g.prox(v, 0.3, out);
      g.prox_vjp(v, 0.3, ubar, back, &sums);
      if (threads == 1) first = out, first_back = back, first_sums = sums, value = g.value(v);
      CHECK(distance(first, out) == 0);
      CHECK(distance(first_back, back) == 0);
      CHECK(distance(first_sums, sums) == 0);
      CHECK(g.value(v) == value);
    }
  }
}

TEST_CASE("wavelet norm: misuse is refused") {
  const Shape shape{2, 6, 4};
  const Wavelet<double> W(1, 2, shape);
  const auto make = [&](WaveletGroups groups, const Array<double>& weights) {
    return WaveletNorm<double>(W.bands(), shape, groups, weights);
  };
  CHECK_THROWS_AS(make({}, Array<double>(Shape{2, 4}, 1.0)), ShapeError);
  CHECK_THROWS_WITH_AS(make({}, Array<double>(Shape{2, 7}, 0.0)),
                       "WaveletNorm: got a weight 0, expected finite numbers > 0", ArgumentError);
  CHECK_NOTHROW(make({true, false}, Array<double>(Shape{2, 7}, 1.0)));
  CHECK_THROWS_AS(make({false, true}, Array<double>(Shape{2, 7}, 1.0)), ShapeError);  // 6 = 2 * 3
  const WaveletNorm<double> g = make({}, Array<double>(Shape{2, 7}, 1.0));
  Array<double> v(Shape{2, 6, 3}), out(shape);
  CHECK_THROWS_AS(g.prox(v, 1, out), ShapeError);
  CHECK_THROWS_AS(wavelet_planes(Shape{3}), ShapeError);
}
