#include <doctest/doctest.h>

#include <cmath>

#include <fejer/error.hpp>
#include <fejer/models/training/optimiser.hpp>

using namespace fejer;

namespace {

Parameters two(double a, double b) {
  Parameters p;
  p.add("a", "slow", Array<double>(Shape{1}, a));
  p.add("b", "fast", Array<double>(Shape{1}, b));
  return p;
}

/// Values of a after two steps with the gradients 2 and -1 at rate 0.1 from 1.
std::pair<double, double> steps(OptimiserOptions options) {
  options.rate = 0.1;
  Parameters p = two(1, 1);
  const Optimiser optimiser(options, p);
  auto state = optimiser.initial(p);
  optimiser.step(two(2, 0), 1, state, p);
  const double first = p["a"][0];
  optimiser.step(two(-1, 0), 1, state, p);
  CHECK(state.step == 2);
  CHECK(p["b"][0] == 1);
  return {first, p["a"][0]};
}

}  // namespace

TEST_CASE("steps computed by hand") {
  // adam: m = 0.2, v = 0.004, both corrected to 2 and 4; then m = 0.08, v = 0.004996.
  const auto adam = steps({.kind = OptimiserKind::adam, .epsilon = 1e-10});
  CHECK(adam.first == doctest::Approx(0.9).epsilon(1e-9));
  CHECK(adam.second ==
        doctest::Approx(0.9 - 0.1 * (0.08 / 0.19) / std::sqrt(0.004996 / 0.001999)).epsilon(1e-9));
  // adamax: u = 2, then max(0.999 * 2, 1).
  const auto adamax = steps({.kind = OptimiserKind::adamax, .epsilon = 1e-12});
  CHECK(adamax.first == doctest::Approx(0.9).epsilon(1e-9));
  CHECK(adamax.second == doctest::Approx(0.9 - 0.1 / 0.19 * 0.08 / 1.998).epsilon(1e-9));
  // adagrad: v = 4, then 5.
  const auto adagrad = steps({.kind = OptimiserKind::adagrad, .epsilon = 1e-12});
  CHECK(adagrad.first == doctest::Approx(0.9).epsilon(1e-9));
  CHECK(adagrad.second == doctest::Approx(0.9 + 0.1 / std::sqrt(5.0)).epsilon(1e-9));
  // sgd: m = 2, then 0.5 * 2 - 1 = 0.
  const auto sgd = steps({.kind = OptimiserKind::sgd, .momentum = 0.5});
  CHECK(sgd.first == doctest::Approx(0.8).epsilon(1e-12));
  CHECK(sgd.second == doctest::Approx(0.8).epsilon(1e-12));
  const auto plain = steps({.kind = OptimiserKind::sgd});
  CHECK(plain.second == doctest::Approx(0.9).epsilon(1e-12));
}

TEST_CASE("every optimiser finds the bottom of a bowl") {
  for (const std::string& name : optimiser_names()) {
    Parameters p = two(1, -2);
    const Optimiser optimiser({.kind = optimiser_from(name), .rate = 0.1}, p);
    auto state = optimiser.initial(p);
    for (Index k = 0; k < 3000; ++k) {
      Parameters g = p;
      g["a"][0] -= 3;
      optimiser.step(g, std::pow(0.999, static_cast<double>(k)), state, p);
    }
    CHECK_MESSAGE(p["a"][0] == doctest::Approx(3).epsilon(1e-3), name);
    CHECK_MESSAGE(std::abs(p["b"][0]) < 1e-3, name);
  }
}

TEST_CASE("groups have rates of their own, the factor scales all") {
  Parameters p = two(0, 0);
  const Optimiser optimiser({.kind = OptimiserKind::sgd, .rate = 1, .group_rates = {{"fast", 10}}},
                            p);
  auto state = optimiser.initial(p);
  optimiser.step(two(-1, -1), 0.5, state, p);
  CHECK(p["a"][0] == 0.5);
  CHECK(p["b"][0] == 5);
  CHECK_THROWS_WITH_AS(Optimiser({.group_rates = {{"fats", 1}}}, p),
                       doctest::Contains("did you mean fast?"), ArgumentError);
  CHECK_THROWS_AS(Optimiser({.rate = -1}, p), ArgumentError);
  CHECK_THROWS_AS(Optimiser({.beta1 = 1}, p), ArgumentError);
  CHECK_THROWS_WITH_AS(optimiser_from("adan"), doctest::Contains("did you mean adam?"),
                       ArgumentError);
}

TEST_CASE("schedules") {
  CHECK(Schedule{}.factor(1000) == 1);
  const Schedule step{.kind = Schedule::Kind::step, .decay = 0.5, .every = 10, .at_most = 2};
  CHECK(step.factor(9) == 1);
  CHECK(step.factor(10) == 0.5);
  CHECK(step.factor(29) == 0.25);
  CHECK(step.factor(1000) == 0.25);
  const Schedule cosine{.kind = Schedule::Kind::cosine, .over = 100};
  CHECK(cosine.factor(0) == 1);
  CHECK(cosine.factor(50) == doctest::Approx(0.5));
  CHECK(std::abs(cosine.factor(100)) < 1e-15);
  CHECK(std::abs(cosine.factor(200)) < 1e-15);
  const Schedule warm{.warm_up = 4};
  CHECK(warm.factor(0) == 0.25);
  CHECK(warm.factor(2) == 0.75);
  CHECK(warm.factor(3) == 1);
}

TEST_CASE("clipping and averages") {
  Parameters g = two(3, 4);
  CHECK(clip_norm(g, 0) == 5);
  CHECK(g["b"][0] == 4);
  CHECK(clip_norm(g, 10) == 5);
  CHECK(g["b"][0] == 4);
  CHECK(clip_norm(g, 1) == 5);
  CHECK(std::sqrt(dot(g, g)) == doctest::Approx(1));
  CHECK(g["a"][0] == doctest::Approx(0.6));
  Parameters average = two(1, 1);
  update_average(0.9, 0, two(2, 0), average);  // 1/10 of the old
  CHECK(average["a"][0] == doctest::Approx(1.9));
  update_average(0.9, 1000, two(2, 0), average);
  CHECK(average["b"][0] == doctest::Approx(0.09));
}
