#include <doctest/doctest.h>

#include <fejer/parallel.hpp>

#include "problems.hpp"

using namespace fejer_test;

TEST_CASE("LASSO: forward-backward and FISTA reach the known minimiser within their bounds") {
  const Index n = 40;
  const auto f = quadratic(n);
  const auto expected = lasso_minimiser(f, 0.02);
  const RunOptions tight{.max_iterations = 20000, .tolerance = 1e-14};
  const auto fb = run(ForwardBackward<double>(f, L1{0.02}), Array<double>(Shape{n}), tight);
  const auto fista =
      run(AcceleratedForwardBackward<double>(f, L1{0.02}), Array<double>(Shape{n}), tight);
  CHECK(distance_of(fb.x, expected) < 1e-10);
  CHECK(distance_of(fista.x, expected) < 1e-10);
  // Condition number 100: restarted FISTA needs O(sqrt(100)) log, forward-backward O(100) log.
  CHECK(fista.iterations < 1000);
  CHECK(fb.iterations < 4000);
  CHECK(fista.iterations < fb.iterations / 2);
}

TEST_CASE("FISTA keeps F(x_k) - F* <= 2 L ||x0 - x*||^2 / (k + 1)^2") {
  const Index n = 60;
  const auto f = quadratic(n);
  const auto minimiser = lasso_minimiser(f, 0.02);
  const double least = f.value(minimiser) + L1{0.02}.value(minimiser);
  const Array<double> x0(Shape{n});
  const double radius = distance_of(x0, minimiser);
  const AcceleratedForwardBackward<double> plain(f, L1{0.02}, {}, false);
  const auto r = run(plain, x0, {.max_iterations = 200, .tolerance = 0, .objective_every = 1});
  for (const Iteration& i : r.history) {
    const double k = static_cast<double>(i.iteration);
    CHECK(i.objective - least <= 2 * radius * radius / ((k + 1) * (k + 1)) + 1e-14);
  }
}

TEST_CASE("forward-backward never increases the objective, weakly convex f included") {
  const Index n = 30;
  const Wavy f{random_normal({n}, "data"), 0.9};
  const auto r = run(ForwardBackward<double>(f), random_normal({n}, "x0"),
                     {.max_iterations = 300, .tolerance = 0, .objective_every = 1});
  for (std::size_t i = 1; i < r.history.size(); ++i)
    CHECK(r.history[i].objective <= r.history[i - 1].objective + 1e-14);
}

TEST_CASE("SAGD: critical point of a weakly convex function, faster than plain descent") {
  const Index n = 30;
  const Wavy f{random_normal({n}, "data"), 0.99};
  const RunOptions tight{.max_iterations = 5000, .tolerance = 1e-13};
  const auto x0 = random_normal({n}, "x0");
  const auto sagd = run(SafeguardedAcceleratedGradient<double>(f), x0, tight);
  const auto plain = run(ForwardBackward<double>(f), x0, tight);
  Array<double> gradient(Shape{n});
  f.gradient(sagd.x, gradient);
  CHECK(norm(gradient) < 1e-10);
  CHECK(distance_of(sagd.x, plain.x) < 1e-9);
  CHECK(sagd.iterations < plain.iterations);
}

TEST_CASE("SAGD: F decreases along the accepted extrapolated points") {
  const Index n = 30;
  const Wavy f{random_normal({n}, "data"), 0.99};
  const SafeguardedAcceleratedGradient<double> algorithm(f);
  auto state = algorithm.init(random_normal({n}, "x0"));
  double last = f.value(state.z_old);
  for (int k = 0; k < 200; ++k) {
    algorithm.step(state);
    const double now = f.value(state.z_old);  // the z of this step
    CHECK(now <= last + 1e-13);
    last = now;
  }
}

TEST_CASE("L-BFGS reaches known minimisers, with fewer gradients than accelerated gradient") {
  const Index n = 200;
  const auto f = quadratic(n);
  const RunOptions tight{.max_iterations = 2000, .tolerance = 1e-14};
  const LimitedMemoryBfgs<double> bfgs(f);
  const auto solved = run(bfgs, Array<double>(Shape{n}), tight);
  CHECK(distance_of(solved.x, f.y) < 1e-10);
  // Condition number 100.
  CHECK(solved.iterations < 150);

  const Smoothing edges{random_normal({n}, "data"), 0.5, 0.02};
  Array<double> gradient(Shape{n});
  const auto fast = run(LimitedMemoryBfgs<double>(edges), edges.y, tight);
  const auto slow = run(AcceleratedForwardBackward<double>(edges), edges.y, tight);
  edges.gradient(fast.x, gradient);
  CHECK(norm(gradient) < 1e-11);
  CHECK(distance_of(fast.x, slow.x) < 1e-11);
  CHECK(fast.iterations < slow.iterations * 3 / 4);
}

TEST_CASE("L-BFGS: f never rises, every gradient is counted, also where f is not convex") {
  const Index n = 40;
  const auto start = random_normal({n}, "x0");
  const auto check = [&](const auto& f, Index iterations, Index memory = 8) {
    const LimitedMemoryBfgs<double> bfgs(f, memory);
    auto state = bfgs.init(start);
    double last = f.value(state.x);
    for (Index k = 0; k < iterations; ++k) {
      bfgs.step(state);
      const double now = f.value(state.x);
      CHECK(now <= last + 1e-13);
      last = now;
      CHECK(state.pairs <= memory);
      for (Index i = 0; i < state.pairs; ++i)
        CHECK(state.curvature[(state.newest + memory - i) % memory] > 0);
    }
    Array<double> gradient(Shape{n});
    f.gradient(state.x, gradient);
    CHECK(norm(gradient) < 1e-10);
    CHECK(distance_of(gradient, state.gradient) == 0);
    CHECK(state.gradients >= iterations + 1);
    CHECK(state.gradients <= 9 * iterations + 1);
    CHECK(state.plain_steps >= 1);
  };
  check(quadratic(n), 120);
  check(Smoothing{random_normal({n}, "data"), 1, 1e-3}, 1000);
  check(Wavy{random_normal({n}, "data"), 0.9}, 60);
  check(Wavy{random_normal({n}, "data"), 3}, 300, 2);
  check(Wavy{random_normal({n}, "data"), 3}, 300);  // curvatures -2 to 4, many minima
}

TEST_CASE("L-BFGS refuses a memory of nothing and a function without a bound") {
  CHECK_THROWS_WITH_AS(LimitedMemoryBfgs<double>(quadratic(3), 0),
                       doctest::Contains("memory of 0 pairs"), ArgumentError);
  struct Unbounded : DiagonalQuadratic {
    Interval lipschitz_interval() const { return {}; }
  };
  CHECK_THROWS_WITH_AS(LimitedMemoryBfgs<double>(Unbounded{quadratic(3)}),
                       doctest::Contains("no upper bound"), ArgumentError);
}

TEST_CASE("conjugate gradients solve n equations in n steps") {
  const Index n = 12;
  const Dense A{random_normal({20, n}, "matrix")};
  const auto truth = random_normal({n}, "truth");
  const auto y = LinearOperator<double>(A).apply(truth);
  const ConjugateGradient<double> cg(A, y);
  const auto r = run(cg, Array<double>(Shape{n}), {.max_iterations = n, .tolerance = 0});
  CHECK(distance_of(r.x, truth) < 1e-9 * norm(truth));
  // From the solution itself: no step, no division by zero.
  const auto still = run(ConjugateGradient<double>(A, Array<double>(Shape{20})),
                         Array<double>(Shape{n}), {.max_iterations = 5});
  CHECK(still.status == Status::converged);
  CHECK(norm(still.x) == 0);
}

TEST_CASE("conjugate gradients with mu: the regularised normal equations hold") {
  const Index n = 12;
  const LinearOperator<double> A = Dense{random_normal({5, n}, "matrix")};
  const auto y = random_normal({5}, "y");
  const auto r = run(ConjugateGradient<double>(A, y, 0.3), Array<double>(Shape{n}),
                     {.max_iterations = 30, .tolerance = 1e-15});
  Array<double> left(Shape{n});
  A.normal(r.x, left);
  axpy<double>(0.3, r.x, left);
  CHECK(distance_of(left, A.apply_adjoint(y)) < 1e-12);
}

TEST_CASE("PnP-FBS: known fixed point, change never increases, step up to 2/L") {
  const Index n = 25;
  const auto f = quadratic(n);
  for (const double step : {0.5, 1.0, 1.99}) {
    const PnpForwardBackward<double> pnp(f, Shrink{0.8}, {.sigma = 0.1, .step = {step}});
    auto state = pnp.init(random_normal({n}, "x0"));
    double last = std::numeric_limits<double>::infinity();
    for (int k = 0; k < 400; ++k) {
      pnp.step(state);
      CHECK(state.change <= last * (1 + 1e-12) + 1e-15);
      last = state.change;
    }
    // x = 0.8 (x - step d (x - y)).
    for (Index i = 0; i < n; ++i)
      CHECK(state.x[i] ==
            doctest::Approx(0.8 * step * f.d[i] * f.y[i] / (1 - 0.8 * (1 - step * f.d[i])))
                .epsilon(1e-9));
  }
}

namespace {

struct ShrinkByLevel {
  void denoise(ConstView<double> x, double sigma, View<double> out) const {
    for (Index i = 0; i < x.size(); ++i) out[i] = (1 - sigma) * x[i];
  }
  Certificate certificate() const { return {Certificate::Kind::proven, 1, 0.5, 0, "of a test"}; }
};

}  // namespace

TEST_CASE("PnP-FBS: a step of layers that take turns is all of them, in their order") {
  const Index n = 9;
  const auto f = quadratic(n);
  const PnpForwardBackward<double> turns(f, ShrinkByLevel{},
                                         {.levels = {0.1, 0.3}, .relaxation = 0.7, .step = {0.8}});
  auto state = turns.init(random_normal({n}, "x0"));
  auto one_by_one = state;
  turns.step(state);
  for (const double sigma : {0.1, 0.3})
    PnpForwardBackward<double>(f, ShrinkByLevel{},
                               {.sigma = sigma, .relaxation = 0.7, .step = {0.8}})
        .step(one_by_one);
  CHECK(distance(state.x, one_by_one.x) == 0);
  CHECK(state.change == doctest::Approx(distance(state.x, random_normal({n}, "x0"))));
}

TEST_CASE("PnP-DRS: the fixed point of PnP-FBS with the same step, and any step") {
  const Index n = 25;
  const auto f = quadratic(n);
  for (const double step : {0.5, 1.9, 50.0})
    for (const double alpha : {0.5, 0.9}) {
      const PnpDouglasRachford<double> pnp(QuadraticProx{f.d, f.y}, Shrink{0.8},
                                           {.sigma = 0.1, .step = step, .alpha = alpha});
      auto state = pnp.init(random_normal({n}, "x0"));
      double last = std::numeric_limits<double>::infinity();
      for (int k = 0; k < 2000; ++k) {
        pnp.step(state);
        CHECK(state.change <= last * (1 + 1e-12) + 1e-13);
        last = state.change;
      }
      for (Index i = 0; i < n; ++i)
        CHECK(pnp.solution(state)[i] ==
              doctest::Approx(0.8 * step * f.d[i] * f.y[i] / (1 - 0.8 * (1 - step * f.d[i])))
                  .epsilon(1e-9));
    }
}

TEST_CASE("PnP-DRS asks for a firmly non-expansive denoiser") {
  const QuadraticProx f{quadratic(3).d, quadratic(3).y};
  const auto with = [](double averagedness) {
    return Shrink{0.9, {Certificate::Kind::proven, 1, averagedness, 0, "of a test"}};
  };
  CHECK_NOTHROW(PnpDouglasRachford<double>(f, with(0.5), {.sigma = 0.1}));
  CHECK_THROWS_WITH_AS(PnpDouglasRachford<double>(f, with(0.6), {.sigma = 0.1}),
                       doctest::Contains("firmly non-expansive (of a test)"), ArgumentError);
  CHECK_NOTHROW(PnpDouglasRachford<double>(f, with(0.6), {.sigma = 0.1, .relaxation = 0.8}));
  CHECK_NOTHROW(
      PnpDouglasRachford<double>(f, with(0.6), {.sigma = 0.1, .accept_uncertified = true}));
  CHECK_THROWS_AS(PnpDouglasRachford<double>(f, with(0.5), {.step = 0}), ArgumentError);
  CHECK_THROWS_AS(PnpDouglasRachford<double>(f, with(0.5), {.alpha = 1}), ArgumentError);
}

TEST_CASE("PnP-FBS asks for a certificate, and relaxation averages a non-expansive map") {
  const auto f = quadratic(3);
  const Shrink expansive{0.9, {Certificate::Kind::proven, 1.06, 2.0, 0, "bound 1.06"}};
  CHECK_THROWS_WITH_AS(PnpForwardBackward<double>(f, expansive, {.sigma = 0.1}),
                       doctest::Contains("bound 1.06"), ArgumentError);
  CHECK_NOTHROW(
      PnpForwardBackward<double>(f, expansive, {.sigma = 0.1, .accept_uncertified = true}));
  const Shrink only{0.9, {Certificate::Kind::proven, 1, 1, 0, "non-expansive"}};
  CHECK_THROWS_AS(PnpForwardBackward<double>(f, only, {.sigma = 0.1}), ArgumentError);
  CHECK_NOTHROW(PnpForwardBackward<double>(f, only, {.sigma = 0.1, .relaxation = 0.5}));
  CHECK_THROWS_WITH_AS(PnpForwardBackward<double>(f, Shrink{0.5}, {.relaxation = 0}),
                       doctest::Contains("relaxation"), ArgumentError);
}

TEST_CASE("steps beyond the proven limit need an override") {
  const auto f = quadratic(3);  // L = 1
  CHECK(ForwardBackward<double>(f).step_size() == 1.0);
  CHECK_NOTHROW(ForwardBackward<double>(f, {}, {1.9}));
  CHECK_THROWS_WITH_AS(ForwardBackward<double>(f, {}, {2.1}), doctest::Contains("allow_larger"),
                       ArgumentError);
  CHECK_NOTHROW(ForwardBackward<double>(f, {}, {2.1, true}));
  CHECK_THROWS_AS(AcceleratedForwardBackward<double>(f, {}, {1.1}), ArgumentError);
  CHECK_THROWS_AS(ForwardBackward<double>(f, {}, {-1}), ArgumentError);
  CHECK_THROWS_WITH_AS(choose_step("x", {}, std::numeric_limits<double>::infinity(), 1, 2),
                       doctest::Contains("no upper bound"), ArgumentError);
}

TEST_CASE("the same bits for 1, 2 and 4 threads") {
  const Index n = 100000;  // large enough for several blocks
  const auto f = quadratic(n);
  const auto x0 = random_normal({n}, "x0");
  const auto check = [&](const auto& algorithm) {
    Array<double> first;
    for (const int threads : {1, 2, 4}) {
      const ScopedThreads limit(threads);
      const auto r = run(algorithm, x0, {.max_iterations = 12, .tolerance = 0});
      if (threads == 1) first = r.x;
      bool same = true;
      for (Index i = 0; i < n; ++i) same = same && r.x[i] == first[i];
      CHECK(same);
    }
  };
  check(AcceleratedForwardBackward<double>(f, L1{0.01}));
  check(LimitedMemoryBfgs<double>(f));
}
