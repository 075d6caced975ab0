#include <fejer/operators/wavelet_forward_backward.hpp>

#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fejer/algorithms/equilibrium_gradient.hpp>
#include <fejer/check.hpp>
#include <fejer/operators/blur.hpp>
#include <fejer/operators/compose.hpp>
#include <fejer/operators/mask.hpp>
#include <fejer/operators/wavelet.hpp>
#include <fejer/parallel.hpp>
#include <fejer/rng.hpp>

using namespace fejer;

namespace {

struct NamedPrior {
  const char* name;
  WaveletGroups groups;
  std::vector<WeightTerm> terms;
  Index parameters;  ///< with 3 channels and 2 levels
};

const std::vector<NamedPrior> priors = {
    {"one weight", {}, {WeightTerm::all}, 1},
    {"scales", {}, {WeightTerm::scales}, 3},
    {"bands", {}, {WeightTerm::bands}, 7},
    {"bands of channels", {}, {WeightTerm::bands_of_channels}, 21},
    {"groups of channels", {true, false}, {WeightTerm::scales}, 3},
    {"weighted channels", {true, false}, {WeightTerm::scales, WeightTerm::channels}, 6},
    {"weighted orientations", {false, true}, {WeightTerm::scales, WeightTerm::orientations}, 6},
    {"weighted groups",
     {true, true},
     {WeightTerm::scales, WeightTerm::orientations_of_channels},
     12},
};

/// 1/2 |u - truth|^2 at the fixed point of a deblurring layer.
template <class T>
struct WaveletProblem {
  std::shared_ptr<const LearnedWaveletNorm> prior;
  LinearOperator<T> B;
  Array<T> data, truth;
  typename WaveletForwardBackward<T>::Options options{1.9, 0.05, 0};
  Array<double> theta;

  explicit WaveletProblem(const NamedPrior& of, Index size = 8)
      : prior(make_prior(of, size)),
        B(Blur<T>(gaussian_kernel<T>(0.7), Shape{3, size, size}, Boundary::reflect) *
          adjoint(Wavelet<T>(2, 2, Shape{3, size, size}))),
        data(B.range()),
        truth(B.domain()),
        theta(prior->uniform(0.1)) {
    fill_normal<T>(truth, Rng(1).stream("truth"));
    B.apply(truth, data);
    add_normal<T>(data, 0.2, Rng(1).stream("noise"));
    for (Index i = 0; i < theta.size(); ++i) theta[i] += 0.5 * std::sin(double(i + 1));
  }
  static std::shared_ptr<const LearnedWaveletNorm> make_prior(const NamedPrior& of, Index size) {
    const Shape image{3, size, size};
    return std::make_shared<const LearnedWaveletNorm>(Wavelet<T>(2, 2, image).bands(), image,
                                                      of.groups, of.terms);
  }
  WaveletForwardBackward<T> layer(const Array<double>& at) const {
    return {prior, at, B, data, options};
  }
  double loss(ConstView<T> u, View<T> g) const {
    combine<T>(1, u, -1, truth, g);
    return dot<T>(g, g) / 2;
  }
  EquilibriumReport gradient(const EquilibriumOptions& o, const Array<double>& at, Array<T>& u,
                             Array<double>& g) const {
    return equilibrium_gradient(
        layer(at), o, [&](ConstView<T> x, View<T> y) { return loss(x, y); }, View<T>(u), g);
  }
};

Array<float> as_float(const Array<double>& x) {
  Array<float> y(x.shape());
  for (Index i = 0; i < x.size(); ++i) y[i] = static_cast<float>(x[i]);
  return y;
}

EquilibriumOptions exact_wavelet_options() {
  EquilibriumOptions o;
  o.strategy = GradientStrategy::implicit;
  o.tolerance = 1e-13;
  o.adjoint_tolerance = 1e-11;
  return o;
}

}  // namespace

TEST_CASE("learned wavelet norm: weights from parameters, and back") {
  for (const NamedPrior& of : priors) {
    CAPTURE(of.name);
    const WaveletProblem<double> p(of);
    REQUIRE(p.prior->parameters() == of.parameters);
    const Array<double> uniform = p.prior->uniform(0.3), equal = p.prior->weights(uniform);
    for (const double w : equal) CHECK(w == doctest::Approx(0.3).epsilon(1e-14));
    // <d log d / d theta . t, w> = <t, pulled back w>.
    Array<double> t(p.theta.shape()), w(Shape{3, 7}), back(p.theta.shape());
    fill_normal<double>(t, Rng(2).stream("t"));
    fill_normal<double>(w, Rng(2).stream("w"));
    Array<double> logs = p.prior->weights(t);
    for (double& x : logs) x = std::log(x);
    p.prior->pull_back(w, back);
    CHECK(dot(logs, w) == doctest::Approx(dot(t, back)).epsilon(1e-12));
  }
  // Scales, then orientations of channels: channel 2, level 1 (the finest), rows.
  const WaveletProblem<double> p(priors.back());
  Array<double> theta(p.theta.shape());
  for (Index i = 0; i < theta.size(); ++i) theta[i] = std::log(double(i + 2));
  const Array<double> w = p.prior->weights(theta);
  CHECK(w[2 * 7 + 5] == doctest::Approx((2 + 2) * (3 + 3 * 2 + 1 + 2)).epsilon(1e-14));
  CHECK(w[2 * 7] == doctest::Approx(2).epsilon(1e-14));
}

TEST_CASE("wavelet layer: products with the Jacobians against central differences") {
  for (const NamedPrior& of : priors) {
    CAPTURE(of.name);
    const WaveletProblem<double> p(of);
    const auto layer = p.layer(p.theta);
    Array<double> u(p.truth.shape()), ubar(u.shape()), back(u.shape()), out(u.shape());
    fill_normal<double>(u, Rng(3).stream("u"));
    fill_normal<double>(ubar, Rng(3).stream("ubar"));
    const auto pull = [&](ConstView<double> x, ConstView<double> y, View<double> xbar,
                          Array<double>* gradient) {
      Array<double> saved, result(u.shape());
      layer.forward(x, result, &saved);
      layer.vjp(saved, y, xbar, gradient);
    };
    CHECK(vjp_error([&](ConstView<double> x, View<double> y) { layer.forward(x, y, nullptr); },
                    [&](ConstView<double> x, ConstView<double> y, View<double> xbar) {
                      pull(x, y, xbar, nullptr);
                    },
                    u, u.shape(), 1e-7) < 1e-6);
    Array<double> found(p.theta.shape()), expected(p.theta.shape());
    pull(u, ubar, back, &found);
    for (Index i = 0; i < found.size(); ++i) {
      const auto at = [&](double h) {
        Array<double> theta = p.theta;
        theta[i] += h;
        p.layer(theta).forward(u, out, nullptr);
        return dot(out, ubar);
      };
      expected[i] = (at(1e-6) - at(-1e-6)) / 2e-6;
    }
    CHECK(distance(found, expected) < 1e-6 * norm(expected));
    // In single precision: the same products.
    const WaveletProblem<float> single(of);
    const auto layer_single = single.layer(p.theta);
    const Array<float> uf = as_float(u), ubarf = as_float(ubar);
    Array<float> saved_single, out_single(u.shape()), back_single(u.shape());
    Array<double> found_single(p.theta.shape());
    layer_single.forward(uf, out_single, &saved_single);
    layer_single.vjp(saved_single, ubarf, back_single, &found_single);
    CHECK(distance(back_single, as_float(back)) < 1e-3 * norm(back));
    CHECK(distance(found_single, found) < 1e-3 * norm(found));
  }
}

TEST_CASE("wavelet layer: the fixed point is a minimiser; the bound holds") {
  const WaveletProblem<double> p(priors.back());
  const auto layer = p.layer(p.theta);
  Array<double> u(p.truth.shape()), moved(u.shape());
  EquilibriumOptions o = exact_wavelet_options();
  solve_equilibrium(layer, o, View<double>(u));
  const auto objective = [&](const Array<double>& x) {
    const double misfit = distance(p.B.apply(x), p.data);
    return misfit * misfit / 2 + layer.norm().value(x) + p.options.ridge / 2 * dot(x, x);
  };
  const double best = objective(u);
  for (int trial = 0; trial < 100; ++trial) {
    fill_normal<double>(moved, Rng(4).stream("trial " + std::to_string(trial)));
    scale<double>(moved, std::pow(10.0, -(trial % 5)));
    axpy<double>(1, u, moved);
    CHECK(objective(moved) >= best);
  }
  const std::function<void(ConstView<double>, View<double>)> map =
      [&](ConstView<double> x, View<double> y) { layer.forward(x, y, nullptr); };
  CHECK(lipschitz_lower_bound<double>(map, u) <= layer.lipschitz_bound() + 1e-12);
  CHECK(layer.lipschitz_bound() < 1);
}

TEST_CASE("wavelet layer: implicit gradients against the problem solved again; restarted ones") {
  for (const NamedPrior& of : {priors[2], priors.back()}) {
    CAPTURE(of.name);
    const WaveletProblem<double> p(of);
    Array<double> u(p.truth.shape()), found(p.theta.shape()), expected(p.theta.shape());
    p.gradient(exact_wavelet_options(), p.theta, u, found);
    for (Index i = 0; i < found.size(); ++i) {
      const auto at = [&](double h) {
        Array<double> theta = p.theta, x = u, g(u.shape());
        theta[i] += h;
        solve_equilibrium(p.layer(theta), exact_wavelet_options(), View<double>(x));
        return p.loss(x, g);
      };
      const double h = 5e-5;  // to fourth order
      expected[i] = (8 * (at(h) - at(-h)) - at(2 * h) + at(-2 * h)) / (12 * h);
    }
    CHECK(norm(expected) > 1e-3);
    CHECK(distance(found, expected) < 1e-8 * norm(expected));
    // The cut series comes closer with K.
    double before = 1;
    for (const Index K : {1, 5, 20, 80}) {
      EquilibriumOptions o;
      o.depth = K, o.until_tolerance = true, o.tolerance = 1e-12;
      Array<double> x = u, g(p.theta.shape());
      p.gradient(o, p.theta, x, g);
      const double error = distance(g, expected) / norm(expected);
      CHECK(error < before);
      before = error;
    }
    CHECK(before < 1e-2);
  }
}

TEST_CASE_TEMPLATE("wavelet layer: same bits for any number of threads", T, float, double) {
  const WaveletProblem<T> p(priors.back(), 32);
  EquilibriumOptions o;
  o.depth = 2, o.restarts = 1;
  Array<double> first;
  Array<T> end;
  for (const int threads : {1, 2, 4}) {
    const ScopedThreads scope(threads);
    Array<T> u(p.truth.shape());
    Array<double> g(p.theta.shape());
    p.gradient(o, p.theta, u, g);
    if (threads == 1) first = g, end = u;
    CHECK(distance(first, g) == 0);
    CHECK(distance(end, u) == 0);
  }
}

TEST_CASE("wavelet layer: misuse is refused") {
  WaveletProblem<double> p(priors[0]);
  p.options.step = 2;
  CHECK_THROWS_WITH_AS(p.layer(p.theta),
                       "WaveletForwardBackward: got step = 2.000000, expected a number in (0, 2): "
                       "gamma ||B||^2",
                       ArgumentError);
  p.options = {1, -1, 0};
  CHECK_THROWS_AS(p.layer(p.theta), ArgumentError);
  p.options = {};
  CHECK_THROWS_AS(p.layer(Array<double>(Shape{2})), ShapeError);
  const Wavelet<double> W(2, 2, Shape{3, 8, 8});
  CHECK_THROWS_AS(LearnedWaveletNorm(W.bands(), W.range(), {}, {}), ArgumentError);
  CHECK_THROWS_AS(LearnedWaveletNorm(W.bands(), W.range(), {}, {WeightTerm::orientations}),
                  ArgumentError);
}
