#include <doctest/doctest.h>

#include <filesystem>
#include <limits>

#include "../data.hpp"
#include "problems.hpp"

using namespace fejer_test;

namespace {

/// Runs to the end in one go, and in two with a state file between: the bits must agree.
template <class A>
void check_resume(const A& algorithm, const Array<double>& x0) {
  const ScratchFolder folder;
  RunOptions whole{.max_iterations = 40, .tolerance = 0, .objective_every = 7};
  const auto expected = run(algorithm, x0, whole);
  RunOptions part = whole;
  part.max_iterations = 17;
  part.state_file = folder / "state.h5";
  part.fingerprint = "problem";
  run(algorithm, x0, part);
  part.max_iterations = 40;
  part.resume = true;
  const auto resumed = run(algorithm, Array<double>(x0.shape()), part);
  REQUIRE(resumed.x.size() == expected.x.size());
  for (Index i = 0; i < expected.x.size(); ++i) CHECK(resumed.x[i] == expected.x[i]);
  CHECK(resumed.iterations == 40);
  REQUIRE(resumed.history.size() == expected.history.size());
  for (std::size_t i = 0; i < expected.history.size(); ++i)
    CHECK(resumed.history[i].residual == expected.history[i].residual);

  part.fingerprint = "another";
  CHECK_THROWS_WITH_AS(run(algorithm, x0, part), doctest::Contains("another problem"), FormatError);
}

struct Exploding {
  using Scalar = double;
  struct State {
    Array<double> x;
    Index iteration = 0;
    double residual = 1;
    template <class V>
    void visit(V&& v) {
      v("x", x), v("iteration", iteration), v("residual", residual);
    }
  };
  double factor;
  State init(Array<double> x0) const { return {std::move(x0)}; }
  void step(State& s) const {
    const Array<double> before = s.x;
    scale<double>(s.x, factor);
    s.residual = relative_change(s.x, before);
  }
  const Array<double>& solution(const State& s) const { return s.x; }
  double objective(const State& s) const { return dot(s.x, s.x); }
  const char* name() const { return "exploding"; }
};

}  // namespace

TEST_CASE("every algorithm resumes from its saved state bit for bit") {
  const Index n = 23;
  const auto f = quadratic(n);
  const auto x0 = random_normal({n}, "start");
  check_resume(ForwardBackward<double>(f, L1{0.05}), x0);
  check_resume(AcceleratedForwardBackward<double>(f, L1{0.05}), x0);
  check_resume(AcceleratedForwardBackward<double>(f), x0);
  check_resume(SafeguardedAcceleratedGradient<double>(Wavy{f.y, 0.7}), x0);
  check_resume(LimitedMemoryBfgs<double>(f), x0);
  check_resume(LimitedMemoryBfgs<double>(Wavy{f.y, 1.7}, 3), x0);
  check_resume(PnpForwardBackward<double>(f, Shrink{0.9}, {.sigma = 0.1}), x0);
  check_resume(PnpDouglasRachford<double>(L1{0.05}, Shrink{0.9}, {.sigma = 0.1, .step = 3}), x0);
  check_resume(GradientStepPnp<double>(L1{0.05}, Wavy{f.y, 1.7}, {.lambda = 1, .first_step = 9}),
               x0);
  check_resume(ProxPnpForwardBackward<double>(f, Wavy{f.y, 0.1}, {.relaxation = 0.05}), x0);
  check_resume(
      ProxPnpDouglasRachford<double>(L1{0.05}, Wavy{f.y, 0.1}, {.relaxation = 0.1, .step = 0.3}),
      x0);
  check_resume(
      HalfQuadraticSplitting<double>(L1{1e-4}, Shrink{0.9}, {.noise_level = 0.1, .turned = false}),
      x0);
  check_resume(ConjugateGradient<double>(Dense{random_normal({9, n}, "matrix")},
                                         random_normal({9}, "y"), 0.1),
               x0);
}

TEST_CASE("run leaves the starting point alone and converges from the second iteration on") {
  const auto f = quadratic(5);
  const Array<double> x0 = f.y;
  const auto result = run(ForwardBackward<double>(f), x0, {.tolerance = 1e-9});
  CHECK(result.status == Status::converged);
  CHECK(result.iterations == 2);
  CHECK(distance_of(x0, f.y) == 0);
  CHECK(result.objective == 0);
  CHECK(result.history.size() == 2);
}

TEST_CASE("verdicts") {
  const Array<double> x0(Shape{3}, 1.0);
  SUBCASE("max_iterations, with the cause") {
    const auto r = run(ForwardBackward<double>(quadratic(30)), Array<double>(Shape{30}),
                       {.max_iterations = 3, .tolerance = 1e-14});
    CHECK(r.status == Status::max_iterations);
    CHECK(r.iterations == 3);
    CHECK(r.cause.find("after 3 iterations") != std::string::npos);
  }
  SUBCASE("an observer stops") {
    Index seen = 0;
    const auto r = run(ForwardBackward<double>(quadratic(3)), x0, {.tolerance = 0},
                       {[&](const Iteration& i, ConstView<double>) {
                         seen = i.iteration;
                         return i.iteration == 4 ? Control::stop : Control::proceed;
                       }});
    CHECK(r.status == Status::stopped);
    CHECK(seen == 4);
    CHECK(r.iterations == 4);
  }
  SUBCASE("not finite") {
    const auto r = run(Exploding{std::numeric_limits<double>::infinity()}, x0, {.tolerance = 0});
    CHECK(r.status == Status::diverged);
    CHECK(r.cause.find("no longer finite at iteration 1") != std::string::npos);
  }
  SUBCASE("objective rises far") {
    const auto r = run(Exploding{1.5}, x0, {.tolerance = 0, .objective_every = 1});
    CHECK(r.status == Status::diverged);
    CHECK(r.iterations < 10);
  }
  SUBCASE("objective ends above its start") {
    const auto r = run(Exploding{1.01}, x0, {.max_iterations = 3, .tolerance = 0});
    CHECK(r.status == Status::diverged);
    CHECK(r.cause.find("ended above its start") != std::string::npos);
  }
  SUBCASE("a start that is not finite is misuse") {
    const Array<double> bad(Shape{3}, std::nan(""));
    CHECK_THROWS_WITH_AS(run(Exploding{1}, bad), doctest::Contains("not finite"), ArgumentError);
  }
}

TEST_CASE("no state file is left where none was asked for, and a missing one is an error") {
  const ScratchFolder folder;
  const auto f = quadratic(3);
  CHECK_THROWS_AS(run(ForwardBackward<double>(f), Array<double>(Shape{3}),
                      {.state_file = folder / "none.h5", .resume = true}),
                  FormatError);
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("a state of another algorithm or shape is refused") {
  const ScratchFolder folder;
  const auto f = quadratic(3);
  RunOptions options{.max_iterations = 2, .state_file = folder / "s.h5"};
  run(ForwardBackward<double>(f), Array<double>(Shape{3}), options);
  options.resume = true;
  CHECK_THROWS_WITH_AS(run(AcceleratedForwardBackward<double>(f), Array<double>(Shape{3}), options),
                       doctest::Contains("forward-backward"), FormatError);
  CHECK_THROWS_AS(run(ForwardBackward<double>(quadratic(4)), Array<double>(Shape{4}), options),
                  FormatError);
}

TEST_CASE("run_each gives each sample the bits of a run of its own") {
  const auto f = quadratic(6);
  std::vector<ForwardBackward<double>> algorithms(2, ForwardBackward<double>(f, L1{0.1}));
  const auto a = random_normal({6}, "a");
  const auto b = random_normal({6}, "b");
  const auto results = run_each(algorithms, {a, b});
  const auto alone = run(algorithms[1], b);
  REQUIRE(results.size() == 2);
  CHECK(results[1].iterations == alone.iterations);
  for (Index i = 0; i < 6; ++i) CHECK(results[1].x[i] == alone.x[i]);
}
