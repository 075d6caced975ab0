#include <fejer/models/ridge_denoiser.hpp>

#include <doctest/doctest.h>
#include <fejer/denoiser.hpp>
#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

#include "small_models.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

constexpr double sigma = 0.05;
const RidgeDenoiserOptions tight{.tolerance = 1e-12, .max_iterations = 5000};

}  // namespace

TEST_CASE("RidgeDenoiser finds the minimiser: the optimality condition, from any start") {
  for (const double rho : {0.0, 0.5}) {
    const RidgeRegulariser<double> R(small_ridge(Borders::zero_every_layer, rho));
    const RidgeDenoiser<double> D(R, tight);
    const Array<double> y = random_array({1, 14, 11}, "y", 0.1);
    const RidgeSolution<double> s = D.solve(y, sigma);
    CHECK(s.converged);
    CHECK(s.residual < 1e-12);
    Array<double> g(y.shape());
    R.gradient(s.x, sigma, g);
    for (Index i = 0; i < y.size(); ++i) CHECK(std::abs(s.x[i] - y[i] + g[i]) < 1e-9);
    const double apart = distance(s.x, y);
    CHECK(s.objective == doctest::Approx(apart * apart / 2 + R.value(s.x, sigma)));
    CHECK(s.objective < R.value(y, sigma));
    const Array<double> zero(y.shape());
    CHECK(largest_difference(D.solve(y, sigma, zero).x, s.x) < 1e-9);
  }
}

TEST_CASE("RidgeDenoiser: the published loop has the same minimiser and needs more gradients") {
  const RidgeRegulariser<double> R(small_ridge());
  RidgeDenoiserOptions options = tight;
  const Array<double> y = random_array({1, 24, 24}, "y", 0.1);
  const RidgeSolution<double> s = RidgeDenoiser<double>(R, options).solve(y, sigma);
  options.norm = NormRule::as_published;
  const RidgeSolution<double> published = RidgeDenoiser<double>(R, options).solve(y, sigma);
  CHECK(largest_difference(s.x, published.x) < 1e-9);
  CHECK(published.gradients == published.iterations);
  CHECK(s.gradients > s.iterations);
  CHECK(s.gradients < published.gradients);
}

TEST_CASE("RidgeDenoiser of a convex model is firmly non-expansive, and says so as proven") {
  const RidgeDenoiser<double> D(RidgeRegulariser<double>(small_ridge(Borders::zero_every_layer, 0)),
                                tight);
  const Certificate c = D.certificate();
  CHECK(c.kind == Certificate::Kind::proven);
  CHECK(c.lipschitz == 1);
  CHECK(c.averagedness == 0.5);
  CHECK(c.weak_convexity == 0);
  for (int trial = 0; trial < 10; ++trial) {
    const std::string name = std::to_string(trial);
    const Array<double> x = random_array({1, 10, 10}, "x" + name, 0.1);
    const Array<double> y = random_array({1, 10, 10}, "y" + name, 0.1);
    Array<double> dx(x.shape()), dy(x.shape());
    D.denoise(x, sigma, dx);
    D.denoise(y, sigma, dy);
    const double inner = dot(dx, x) - dot(dx, y) - dot(dy, x) + dot(dy, y);
    CHECK(inner >= distance(dx, dy) * distance(dx, dy) - 1e-10);
  }
}

TEST_CASE("RidgeDenoiser of a weakly convex model claims no Lipschitz bound") {
  const Certificate c = RidgeDenoiser<float>(RidgeRegulariser<float>(small_ridge())).certificate();
  CHECK(c.kind == Certificate::Kind::estimated);
  CHECK(std::isinf(c.lipschitz));
  CHECK(std::isinf(c.averagedness));
  CHECK(c.weak_convexity == 0.5);
}

TEST_CASE("RidgeDenoiser: planes are independent, threads do not matter, limits are reported") {
  const RidgeRegulariser<float> R(small_ridge());
  const RidgeDenoiser<float> D(R);
  const Array<float> y = random_array<float>({2, 20, 20}, "y", 0.1);
  Array<float> all(y.shape()), one(Shape{1, 20, 20}), again(y.shape());
  D.denoise(y, sigma, all);
  const Array<float> second = Array<float>(y.slice(1)).reshaped({1, 20, 20});
  D.denoise(second, sigma, one);
  for (Index i = 0; i < 400; ++i) CHECK(one[i] == all[400 + i]);
  for (const int threads : {1, 2, 4}) {
    const ScopedThreads limit(threads);
    D.denoise(y, sigma, again);
    CHECK(same_bits(again, all));
  }
  const RidgeSolution<float> cut = RidgeDenoiser<float>(R, {.max_iterations = 2}).solve(y, sigma);
  CHECK(cut.iterations == 2);
  CHECK_FALSE(cut.converged);
  CHECK(cut.residual > 1e-4);
  const Denoiser<float> handle = D;  // it is a denoiser
  handle.denoise(y, sigma, again);
  CHECK(same_bits(again, all));
}

TEST_CASE("RidgeDenoiser refuses non-convex problems and impossible options") {
  RidgeParameters p = small_ridge();
  p.rho = 1.5;
  CHECK(throws_with<ArgumentError>([&] { RidgeDenoiser<float> D{RidgeRegulariser<float>(p)}; },
                                   "not convex"));
  const RidgeRegulariser<float> R(small_ridge());
  CHECK(throws_with<ArgumentError>([&] { RidgeDenoiser<float> D(R, {.tolerance = 0}); },
                                   "tolerance"));
  CHECK(throws_with<ArgumentError>([&] { RidgeDenoiser<float> D(R, {.max_iterations = 0}); },
                                   "max_iterations"));
  const RidgeDenoiser<float> D(R);
  const Array<float> y(Shape{5});
  CHECK(throws_with<ShapeError>([&] { D.solve(y, sigma); }, "(..., H, W)"));
}

TEST_CASE("CrrTStepDenoiser: its formula, its one noise level, its certificate") {
  const RidgeRegulariser<double> R(small_ridge(Borders::zero_every_layer, 0));
  const CrrTStepDenoiser<double> D(R, 3, 25.0 / 255);
  const Array<double> y = random_array({1, 9, 8}, "y", 0.1);
  Array<double> x(y.shape()), g(y.shape()), out(y.shape());
  const double level = 25.0 / 255, M = 4;
  R.gradient(y, level, g);
  for (Index i = 0; i < y.size(); ++i) x[i] = y[i] - 2 / M * g[i];
  for (int k = 0; k < 2; ++k) {
    R.gradient(x, level, g);
    for (Index i = 0; i < y.size(); ++i) x[i] -= (2 - 1e-8) / (1 + M) * (x[i] - y[i] + g[i]);
  }
  D.denoise(y, level, out);
  CHECK(largest_difference(out, x) < 1e-14);
  CHECK(throws_with<ArgumentError>([&] { D.denoise(y, 15.0 / 255, out); }, "25.000000/255"));
  CHECK(D.certificate().kind == Certificate::Kind::none);
  CHECK(std::isinf(D.certificate().averagedness));
  const CrrTStepDenoiser<double> one(R, 1, level);
  CHECK(one.certificate().kind == Certificate::Kind::estimated);
  CHECK(one.certificate().lipschitz == 1);
  for (int pair = 0; pair < 20; ++pair) {
    const double apart = pair % 2 == 0 ? 1 : 1e-2;
    const std::string name = std::to_string(pair);
    const Array<double> a = random_array(y.shape(), "a" + name, 0.1);
    Array<double> b = random_array(y.shape(), "b" + name, 0.1 * apart), of_a(y.shape()), of_b(of_a);
    axpy<double>(1, a, b);
    one.denoise(a, level, of_a);
    one.denoise(b, level, of_b);
    CHECK(distance(of_a, of_b) <= (1 + 1e-3) * distance(a, b));
  }
  CHECK(throws_with<ArgumentError>([&] { CrrTStepDenoiser<double> bad(R, 0, 0.1); }, "1 step"));
  CHECK(throws_with<ArgumentError>([&] { CrrTStepDenoiser<double> bad(R, 2, 25); }, "25/255"));
}
