#include <doctest/doctest.h>
#include <fejer/algorithms/gradient_step_pnp.hpp>
#include <fejer/algorithms/half_quadratic_splitting.hpp>
#include <fejer/algorithms/prox_pnp.hpp>
#include <fejer/algorithms/proximal_least_squares.hpp>
#include <fejer/check.hpp>
#include <fejer/vector.hpp>

#include <set>

#include "problems.hpp"

using namespace fejer_test;

namespace {

/// DiagonalQuadratic, with its prox (v + gamma d y) / (1 + gamma d).
struct DiagonalData : DiagonalQuadratic {
  void prox(ConstView<double> v, double gamma, View<double> out) const {
    for (Index i = 0; i < v.size(); ++i) out[i] = (v[i] + gamma * d[i] * y[i]) / (1 + gamma * d[i]);
  }
};
DiagonalData diagonal_data(Index size) { return {quadratic(size)}; }

struct Nothing {
  void prox(ConstView<double> v, double, View<double> out) const { copy<double>(v, out); }
};

/// Adds 1 to the first pixel of what it sees.
struct Marker {
  void denoise(ConstView<double> x, double, View<double> out) const {
    copy<double>(x, out);
    out[0] += 1;
  }
  Certificate certificate() const { return {}; }
};

/// Remembers nothing, multiplies by 1 / (1 + sigma).
struct LevelShrink {
  void denoise(ConstView<double> x, double sigma, View<double> out) const {
    for (Index i = 0; i < x.size(); ++i) out[i] = x[i] / (1 + sigma);
  }
  Certificate certificate() const { return {}; }
};

Array<double> counting(const Shape& shape) {
  Array<double> x(shape);
  for (Index i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i);
  return x;
}

}  // namespace

TEST_CASE("prox of least squares: the normal equations hold, for any gamma") {
  const Index n = 12;
  const LinearOperator<double> A = Dense{random_normal({9, n}, "matrix")};
  const auto y = random_normal({9}, "y"), v = random_normal({n}, "v");
  const ProximalLeastSquares<double> f(A, y, {1e-12, 100});
  for (const double gamma : {1e-3, 1.0, 1e3}) {
    Array<double> x(v.shape()), left(v.shape());
    f.prox(v, gamma, x);
    A.normal(x, left);
    Array<double> right = A.apply_adjoint(y);
    for (Index i = 0; i < n; ++i) {
      left[i] = gamma * left[i] + x[i];
      right[i] = gamma * right[i] + v[i];
    }
    CHECK(distance(left, right) < 1e-9 * norm(right));
  }
  const ProxFunction<double> handle = f;
  CHECK(prox_violation<double>(handle, v, 0.7) < 1e-12);
  CHECK(handle.value(v) == doctest::Approx(distance(A.apply(v), y) * distance(A.apply(v), y) / 2));
  CHECK_THROWS_AS(ProximalLeastSquares<double>(A, v), ShapeError);
  CHECK_THROWS_AS(ProximalLeastSquares<double>(A, y, {2, 100}), ArgumentError);
  CHECK_THROWS_AS(ProximalLeastSquares<double>(A, y, {0.1, 0}), ArgumentError);
}

TEST_CASE("turn: eight positions, all different, each with its inverse") {
  const auto x = counting({2, 2, 3});
  const auto quarter = turn<double>(x, 1);
  CHECK(quarter.shape() == Shape{2, 3, 2});
  const double expected[] = {2, 5, 1, 4, 0, 3};  // 0 1 2 / 3 4 5, anticlockwise
  for (Index i = 0; i < 6; ++i) {
    CHECK(quarter[i] == expected[i]);
    CHECK(quarter[6 + i] == 6 + expected[i]);
  }
  CHECK(turn<double>(x, 4)[0] == 2);  // mirrored left to right
  std::set<std::vector<double>> seen;
  const auto square = counting({3, 3});
  for (int way = 0; way < 8; ++way) {
    const auto turned = turn<double>(square, way);
    seen.insert(std::vector<double>(turned.begin(), turned.end()));
    const auto there = turn<double>(x, way);
    const auto back = turn_back<double>(there, way);
    REQUIRE(back.shape() == x.shape());
    for (Index i = 0; i < x.size(); ++i) CHECK(back[i] == x[i]);
  }
  CHECK(seen.size() == 8);
  const auto line = counting({5});
  CHECK_THROWS_AS(turn<double>(line, 1), ShapeError);
}

TEST_CASE("DPIR: levels in equal ratios, each step as written down") {
  const auto data = diagonal_data(6);
  const double noise = 2.55 / 255;
  const HalfQuadraticSplitting<double> dpir(data, LevelShrink{},
                                            {.noise_level = noise, .turned = false});
  CHECK(dpir.level(0) == doctest::Approx(49.0 / 255));
  CHECK(dpir.level(7) == noise);
  CHECK(dpir.level(20) == noise);
  for (Index k = 1; k < 7; ++k)
    CHECK(dpir.level(k + 1) / dpir.level(k) ==
          doctest::Approx(dpir.level(1) / dpir.level(0)).epsilon(1e-12));
  const auto x0 = random_normal({6}, "start");
  Array<double> z = x0;
  for (Index k = 0; k < 8; ++k) {
    const double s = dpir.level(k), a = 0.23 * noise * noise / (s * s);
    for (Index i = 0; i < 6; ++i)
      z[i] = (data.d[i] * data.y[i] + a * z[i]) / (data.d[i] + a) / (1 + s);
  }
  const auto result = run(dpir, x0, {.max_iterations = 8, .tolerance = 0});
  for (Index i = 0; i < 6; ++i) CHECK(result.x[i] == doctest::Approx(z[i]).epsilon(1e-12));
  CHECK(result.iterations == 8);
}

TEST_CASE("DPIR: the denoiser sees the image in eight positions") {
  const HalfQuadraticSplitting<double> dpir(Nothing{}, Marker{}, {.noise_level = 0.1});
  const auto result =
      run(dpir, Array<double>(Shape{1, 3, 4}), {.max_iterations = 8, .tolerance = 0});
  for (Index i = 0; i < 12; ++i) {
    const bool corner = i == 0 || i == 3 || i == 8 || i == 11;
    CHECK(result.x[i] == (corner ? 2 : 0));
  }
  const HalfQuadraticSplitting<double> still(Nothing{}, Marker{},
                                             {.noise_level = 0.1, .turned = false});
  CHECK(run(still, Array<double>(Shape{1, 3, 4}), {.max_iterations = 8, .tolerance = 0}).x[0] == 8);
}

TEST_CASE("DPIR refuses levels and weights that are not positive") {
  using Dpir = HalfQuadraticSplitting<double>;
  CHECK_THROWS_WITH_AS(Dpir(Nothing{}, Marker{}, {}), doctest::Contains("noise level"),
                       ArgumentError);
  CHECK_THROWS_AS(Dpir(Nothing{}, Marker{}, {.noise_level = 0.1, .lambda = 0}), ArgumentError);
  CHECK_THROWS_AS(Dpir(Nothing{}, Marker{}, {.noise_level = 0.1, .iterations = 0}), ArgumentError);
  CHECK_THROWS_AS(Dpir(Nothing{}, Marker{}, {.noise_level = 0.1, .first_level = NAN}),
                  ArgumentError);
  // Noise above the first level: all levels are that of the noise.
  const Dpir loud(Nothing{}, Marker{}, {.noise_level = 0.5});
  CHECK(loud.level(0) == 0.5);
  CHECK(loud.level(3) == 0.5);
}

TEST_CASE("GS-PnP: a step that is far too long is cut until F falls, and the minimiser is found") {
  const Index n = 20;
  const auto data = diagonal_data(n);
  DiagonalQuadratic g{Array<double>(Shape{n}), random_normal({n}, "prior")};
  for (Index i = 0; i < n; ++i) g.d[i] = 1 + static_cast<double>(i);
  const double lambda = 0.5;
  const GradientStepPnp<double> algorithm(data, g, {.lambda = lambda});
  const auto x0 = random_normal({n}, "start");
  auto s = algorithm.init(x0);
  CHECK(s.tau == 2);
  for (int k = 0; k < 200; ++k) {
    const Array<double> before = s.x, slope = s.gradient;
    const double value = s.objective;
    algorithm.step(s);
    const double change = distance(s.x, before);
    CHECK(value - s.objective >= 0.1 / s.tau * change * change - 1e-14 * value);
    CHECK(s.objective == doctest::Approx(data.value(s.x) + lambda * g.value(s.x)));
    if (change > 0)
      for (Index i = 0; i < n; ++i)
        CHECK(s.z[i] == doctest::Approx(before[i] - s.tau * lambda * slope[i]));
  }
  // z = x - tau 0.5 20 ... with tau = 2 would diverge: |1 - 2 * 0.5 * 20| > 1.
  CHECK(s.backtracks > 5);
  CHECK(s.tau < 2 / (lambda * 20));
  for (Index i = 0; i < n; ++i)
    CHECK(s.x[i] == doctest::Approx((data.d[i] * data.y[i] + lambda * g.d[i] * g.y[i]) /
                                    (data.d[i] + lambda * g.d[i]))
                        .epsilon(1e-6));
  const GradientStepPnp<double> denoised(data, g, {.lambda = lambda, .denoised = true});
  CHECK(&denoised.solution(s) == &s.z);
  CHECK(&algorithm.solution(s) == &s.x);
  const GradientStepPnp<double> short_steps(data, g, {.lambda = lambda, .first_step = 0.05});
  CHECK(run(short_steps, x0, {.max_iterations = 50, .tolerance = 0}).status ==
        Status::max_iterations);
  auto t = short_steps.init(x0);
  for (int k = 0; k < 20; ++k) short_steps.step(t);
  CHECK(t.backtracks == 0);
  // The published stop looks at F.
  const GradientStepPnp<double> by_value(data, g, {.lambda = lambda, .objective_residual = true});
  auto u = by_value.init(x0);
  for (int k = 0; k < 5; ++k) {
    const double value = u.objective;
    by_value.step(u);
    CHECK(u.residual == doctest::Approx((value - u.objective) / u.objective));
  }
}

TEST_CASE("GS-PnP: F never rises for a g that is not convex, and a critical point is reached") {
  const Index n = 15;
  const auto data = diagonal_data(n);
  const Wavy g{random_normal({n}, "prior"), 1.7};
  const GradientStepPnp<double> algorithm(data, g, {.lambda = 1, .first_step = 10});
  const auto result = run(algorithm, random_normal({n}, "start"),
                          {.max_iterations = 2000, .tolerance = 1e-10, .objective_every = 1});
  CHECK(result.status == Status::converged);
  for (std::size_t k = 1; k < result.history.size(); ++k)
    CHECK(result.history[k].objective <= result.history[k - 1].objective + 1e-13);
  Array<double> a(result.x.shape()), b(result.x.shape());
  data.gradient(result.x, a);
  g.gradient(result.x, b);
  for (Index i = 0; i < n; ++i) CHECK(std::abs(a[i] + b[i]) < 1e-6);
}

TEST_CASE("GS-PnP: where F is not lowered x stays and tau falls, and options are checked") {
  struct Uphill : DiagonalQuadratic {
    void gradient(ConstView<double> x, View<double> out) const {
      for (Index i = 0; i < x.size(); ++i) out[i] = -d[i] * (x[i] - y[i]);
    }
  };
  const Index n = 4;
  const auto x0 = random_normal({n}, "start");
  const GradientStepPnp<double> stuck(DiagonalData{{Array<double>(Shape{n}), x0}},
                                      Uphill{quadratic(n)}, {.max_backtracks = 20});
  auto s = stuck.init(x0);
  stuck.step(s);
  CHECK(s.backtracks == 21);
  CHECK(s.residual > 0);
  CHECK(s.tau == doctest::Approx(10 * std::pow(0.9, 21)));
  for (Index i = 0; i < n; ++i) CHECK(s.x[i] == x0[i]);

  using Gs = GradientStepPnp<double>;
  const auto f = diagonal_data(n);
  CHECK_THROWS_WITH_AS(Gs(Nothing{}, f, {}), doctest::Contains("no value"), ArgumentError);
  CHECK_THROWS_AS(Gs(f, f, {.lambda = 0}), ArgumentError);
  CHECK_THROWS_AS(Gs(f, f, {.shrink = 1}), ArgumentError);
  CHECK_THROWS_AS(Gs(f, f, {.decrease = 0.5}), ArgumentError);
  CHECK_THROWS_AS(Gs(f, f, {.first_step = -1}), ArgumentError);
}

namespace {

/// w sum (1 - cos(x_i - c_i)): not convex, Lip(grad) = w.
struct Waves {
  Array<double> c;
  double w;
  double value(ConstView<double> x) const {
    double sum = 0;
    for (Index i = 0; i < x.size(); ++i) sum += w * (1 - std::cos(x[i] - c[i]));
    return sum;
  }
  void gradient(ConstView<double> x, View<double> out) const {
    for (Index i = 0; i < x.size(); ++i) out[i] = w * std::sin(x[i] - c[i]);
  }
  Interval lipschitz_interval() const { return {0, w}; }
};

template <class A>
Result<double> checked_descent(const A& algorithm, const Array<double>& x0, double tolerance) {
  const auto result =
      run(algorithm, x0, {.max_iterations = 20000, .tolerance = tolerance, .objective_every = 1});
  CHECK(result.status == Status::converged);
  CHECK(result.iterations > 10);
  for (std::size_t k = 1; k < result.history.size(); ++k)
    CHECK(result.history[k].objective <= result.history[k - 1].objective + 1e-13);
  return result;
}

}  // namespace

TEST_CASE("Prox-PnP: with a quadratic g, phi and the minimiser of f + phi / gamma are known") {
  const Index n = 12;
  const auto data = diagonal_data(n);
  DiagonalQuadratic g{Array<double>(Shape{n}), random_normal({n}, "prior")};
  for (Index i = 0; i < n; ++i) g.d[i] = 0.05 + 0.9 * static_cast<double>(i) / n;
  const auto x0 = random_normal({n}, "start");
  for (const double lambda : {1.0, 0.5}) {
    CAPTURE(lambda);
    // 1 / (1 + k) = 1 - lambda d: D is the prox of 1/2 k (u - c)^2.
    const auto weight = [&](Index i) { return lambda * g.d[i] / (1 - lambda * g.d[i]); };
    const auto check = [&](const Array<double>& x, double objective, double gamma) {
      double value = data.value(x);
      for (Index i = 0; i < n; ++i) {
        const double k = weight(i) / gamma;
        value += k * (x[i] - g.y[i]) * (x[i] - g.y[i]) / 2;
        CHECK(
            x[i] ==
            doctest::Approx((data.d[i] * data.y[i] + k * g.y[i]) / (data.d[i] + k)).epsilon(1e-6));
      }
      CHECK(objective == doctest::Approx(value).epsilon(1e-9));
    };
    const double gamma = 0.99 / data.lipschitz_interval().upper;
    const ProxPnpForwardBackward<double> pgd(data, g,
                                             {.relaxation = lambda, .step = {gamma, false}});
    CHECK(pgd.step_size() == gamma);
    auto s = pgd.init(x0);
    CHECK(std::isnan(pgd.objective(s)));
    pgd.step(s);  // before it converges, F is that of any x
    double first = data.value(s.x);
    for (Index i = 0; i < n; ++i)
      first += weight(i) / gamma * (s.x[i] - g.y[i]) * (s.x[i] - g.y[i]) / 2;
    CHECK(pgd.objective(s) == doctest::Approx(first).epsilon(1e-12));
    const auto forward = checked_descent(pgd, x0, 1e-12);
    check(forward.x, forward.objective, gamma);
    for (const double step : {0.3, 5.0}) {
      const ProxPnpDouglasRachford<double> drs(data, g, {.relaxation = lambda, .step = step});
      CHECK(drs.step_size() == step);
      const auto result = run(drs, x0, {.max_iterations = 5000, .tolerance = 0});
      check(result.x, result.objective, step);
    }
  }
}

TEST_CASE("Prox-PnP: objective and envelope never rise where g is not convex") {
  const Index n = 15;
  const auto data = diagonal_data(n);
  const Waves g{random_normal({n}, "prior"), 0.9};
  const auto x0 = random_normal({n}, "start");
  const auto stationary = [&](const Array<double>& u, double lambda, double gamma) {
    // u = D(x) with x - u = grad phi(u) = -gamma grad f(u)
    Array<double> slope(u.shape()), x(u.shape()), gradient(u.shape());
    data.gradient(u, slope);
    for (Index i = 0; i < n; ++i) x[i] = u[i] - gamma * slope[i];
    g.gradient(x, gradient);
    for (Index i = 0; i < n; ++i) CHECK(std::abs(x[i] - lambda * gradient[i] - u[i]) < 1e-5);
  };
  const double gamma = 0.99 / data.lipschitz_interval().upper;
  const auto forward =
      checked_descent(ProxPnpForwardBackward<double>(data, g, {.step = {gamma, false}}), x0, 1e-10);
  stationary(forward.x, 1, gamma);
  for (const double step : {1.0, 5.0})
    stationary(
        checked_descent(ProxPnpDouglasRachford<double>(data, g, {.step = step}), x0, 1e-14).x, 0.5,
        step);
}

TEST_CASE("Prox-PnP: the residual of Douglas-Rachford is the relative change of the envelope") {
  const auto data = diagonal_data(5);
  const Waves g{random_normal({5}, "prior"), 0.9};
  const ProxPnpDouglasRachford<double> drs(data, g, {});
  auto s = drs.init(random_normal({5}, "start"));
  CHECK(std::isnan(drs.objective(s)));
  drs.step(s);
  CHECK(s.residual == 1);
  ++s.iteration;
  const double before = s.envelope;
  drs.step(s);
  CHECK(s.residual == doctest::Approx(std::abs(s.envelope - before) / std::abs(before)));
  CHECK(&drs.solution(s) == &s.u);

  using Drs = ProxPnpDouglasRachford<double>;
  using Pgd = ProxPnpForwardBackward<double>;
  CHECK_THROWS_WITH_AS(Drs(Nothing{}, g, {}), doctest::Contains("no value"), ArgumentError);
  CHECK_THROWS_AS(Drs(data, g, {.step = 0}), ArgumentError);
  CHECK_THROWS_AS(Drs(data, g, {.relaxation = 0}), ArgumentError);
  CHECK_THROWS_AS(Drs(data, g, {.relaxation = 1.5}), ArgumentError);
  CHECK_THROWS_AS(Pgd(data, g, {.relaxation = 1.5}), ArgumentError);
  const double beyond = 1.01 / data.lipschitz_interval().upper;
  CHECK_THROWS_AS(Pgd(data, g, {.step = {beyond, false}}), ArgumentError);
}
