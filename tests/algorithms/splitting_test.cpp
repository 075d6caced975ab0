#include <doctest/doctest.h>
#include <fejer/algorithms/gradient_step_pnp.hpp>
#include <fejer/algorithms/half_quadratic_splitting.hpp>
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
