// What the sparse trainings reach on the made-up problem S1: KKT points, zeros, beside Adam.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <fejer/parallel.hpp>

#include "../../experiments/ialm_synthetic/problem.hpp"
#include "../../experiments/sparse_training/trainers.hpp"
#include "data.hpp"

using namespace fejer_test;
using fejer::sparse_training::by_batches;
using fejer::sparse_training::by_ialm;
using fejer::sparse_training::Trained;
using SparseProblem = fejer::sparse_training::Problem;

namespace {

SparseProblem s1(std::uint64_t seed, double lambda_w, std::vector<fejer::Index> hidden = {20}) {
  fejer::SparseFitOptions o;
  o.hidden = std::move(hidden);
  o.lambda_w = lambda_w;
  return fejer::ialm_synthetic::make_problem(seed, o);
}

fejer::Array<double> random_start(const SparseProblem& problem, std::uint64_t seed) {
  return problem.fit.initial(fejer::Rng(seed));
}

/// Adam, the best of three rates.
Trained tuned_adam(const SparseProblem& problem, std::uint64_t seed, fejer::Index steps) {
  Trained best;
  for (const double rate : {3e-3, 1e-2, 3e-2}) {
    Trained now =
        by_batches(problem, random_start(problem, seed), {{.rate = rate}}, steps, fejer::Rng(seed));
    CHECK(now.record["gradient_evaluations"] ==
          doctest::Approx(static_cast<double>(steps) * 64 / 500));
    CHECK(now.record["cpu_seconds"].get<double>() > 0);
    if (best.p.size() == 0 || now.objective() < best.objective()) best = std::move(now);
  }
  return best;
}

/// From parameters with their own multipliers, as after a warm start.
Trained finished_after(const SparseProblem& problem, const Trained& warm, fejer::Index sweeps) {
  const ScratchFolder folder;
  Trained end = by_ialm(problem, warm.p, fejer::ialm_synthetic::finishing(), sweeps,
                        folder / "state.h5", false);
  CHECK(end.objective() <= 1.0005 * warm.objective());
  return end;
}

Trained from_scratch(const SparseProblem& problem, double rho, fejer::Index sweeps) {
  const ScratchFolder folder;
  return by_ialm(problem, random_start(problem, 1), {.rho = rho, .growth = 1.001}, sweeps,
                 folder / "state.h5", false);
}

void check_kkt_point(const Trained& t, double lambda_w) {
  const auto& kkt = t.record["kkt"];
  CHECK(t.record["feasibility"].get<double>() <= 1e-6);
  CHECK(kkt["weights"].get<double>() <= 0.01 * lambda_w);
  CHECK(kkt["pairs"].get<double>() <= 2e-3);
  CHECK(kkt["pairs_outside"].get<double>() <= 1e-3);
  CHECK(kkt["mean_slack"] == 0);
  CHECK(kkt["certificate"].get<double>() < 50);
  // F of a forward pass and the lifted objective meet where h = 0.
  const double lifted = t.record["last_lifted_objective"], plain = t.record["last_objective"];
  CHECK(std::abs(lifted - plain) <= 1e-6 * plain);
  MESSAGE("weights " << kkt["weights"].get<double>() / lambda_w << " lambda_w, feasibility "
                     << t.record["feasibility"].get<double>() << ", F " << t.objective());
}

}  // namespace

TEST_CASE("S1: KKT points from scratch and after Adam, at objectives as good as Adam's") {
  const fejer::ScopedThreads one(1);  // CPU seconds are those of one
  const double lambda_w = 1e-3;
  for (const std::uint64_t seed : {1u, 2u}) {
    const SparseProblem problem = s1(seed, lambda_w);
    const Trained adam = tuned_adam(problem, seed, 8000);
    const Trained end = finished_after(problem, adam, 3000);
    check_kkt_point(end, lambda_w);
    CHECK(end.record["zero_columns"][1].get<double>() >= 0.5);
    if (seed > 1) continue;
    const Trained scratch = finished_after(problem, from_scratch(problem, 0.5, 6000), 2000);
    check_kkt_point(scratch, lambda_w);
    CHECK(scratch.objective() <= 1.05 * adam.objective());
    CHECK(scratch.record["zero_columns"][1].get<double>() >= 0.5);
  }
}

TEST_CASE("S1: lambda_w is a dial for zero columns, and finds the inputs that do not matter") {
  const fejer::ScopedThreads one(1);
  double before = 0;
  for (const double lambda : {3e-4, 1e-3, 3e-3, 1e-2, 3e-2}) {
    const SparseProblem problem = s1(1, lambda);
    const Trained adam =
        by_batches(problem, random_start(problem, 1), {{.rate = 1e-2}}, 8000, fejer::Rng(1));
    const Trained end = finished_after(problem, adam, 1000);
    const double units = end.record["zero_columns"][1];
    INFO(lambda);
    CHECK(units >= before - 0.051);
    before = units;
    if (lambda < 5e-4) CHECK(units <= 0.35);
    if (lambda < 2e-2) continue;
    CHECK(units >= 0.8);
    const auto w = problem.fit.weights(fejer::ConstView<double>(end.p), 1);
    int irrelevant = 0;
    for (fejer::Index j = 0; j < 20; ++j) {
      bool zero = true;
      for (fejer::Index i = 0; i < 20; ++i) zero = zero && w[i * 20 + j] == 0;
      if (j < 5) CHECK_FALSE(zero);  // the five that the teacher sees
      if (j >= 5) irrelevant += zero;
    }
    CHECK(irrelevant >= 14);
  }
}

TEST_CASE("S1: no sweep of a whole run raises the augmented Lagrangian") {
  const fejer::ScopedThreads one(1);
  for (const std::vector<fejer::Index>& hidden : {std::vector<fejer::Index>{20}, {16, 12}}) {
    const SparseProblem problem = s1(1, 1e-3, hidden);
    const fejer::InexactAugmentedLagrangian ialm(problem.fit, {.rho = 0.5, .growth = 1.001});
    auto s = ialm.init(random_start(problem, 1));
    double worst = 0;
    for (; s.iteration < 1000; ++s.iteration) {
      auto t = s;
      const double before = ialm.augmented_lagrangian(t);
      ialm.sweep(t);
      worst = std::max(worst, (ialm.augmented_lagrangian(t) - before) / std::abs(before));
      ialm.step(s);
    }
    CHECK(worst <= 1e-10);
  }
}

TEST_CASE("S1: below the certificate beta leaves slack; what is pruned was zero") {
  const fejer::ScopedThreads one(1);
  const SparseProblem problem = s1(1, 1e-3);
  const ScratchFolder folder;
  const Trained cheap =
      by_ialm(problem, random_start(problem, 1), {.rho = 0.5, .growth = 1.001, .beta = 0.1}, 3000,
              folder / "cheap.h5", false);
  CHECK(cheap.record["kkt"]["mean_slack"].get<double>() > 1e-4);
  const Trained adam =
      by_batches(problem, random_start(problem, 1), {{.rate = 1e-2}}, 8000, fejer::Rng(1));
  const Trained end = finished_after(problem, adam, 1000);
  const auto pruned =
      fejer::sparse_training::prune_and_save(problem, end.p, "a test", folder / "pruned.h5");
  CHECK(pruned["widths"][1].get<int>() < 12);
  CHECK(pruned["largest_difference"].get<double>() <= 1e-13);
}

TEST_CASE("S1: where the method loses from scratch, as its report says") {
  const fejer::ScopedThreads one(1);
  const SparseProblem weak = s1(1, 1e-4);
  const Trained adam = tuned_adam(weak, 1, 8000);
  CHECK(from_scratch(weak, 0.5, 1500).objective() > 1.2 * adam.objective());
  const SparseProblem deep = s1(1, 1e-3, {16, 12});
  CHECK(from_scratch(deep, 4, 1500).objective() > 1.1 * from_scratch(deep, 0.5, 1500).objective());
}

TEST_CASE("D4000: patches without their mean; the middle can be told from them") {
  const SparseProblem problem = fejer::ialm_synthetic::make_patches(1, {});
  const auto &x = problem.fit.x(), &y = problem.fit.y();
  REQUIRE(x.shape() == fejer::Shape{49, 4000});
  double largest_mean = 0, middle = 0, targets = 0, same = 0;
  for (fejer::Index n = 0; n < 4000; ++n) {
    double mean = 0;
    for (fejer::Index i = 0; i < 49; ++i) mean += x[i * 4000 + n] / 49;
    largest_mean = std::max(largest_mean, std::abs(mean));
    middle += std::pow(x[24 * 4000 + n] - y[n], 2) / 4000;
    targets += y[n] * y[n] / 4000;
    same += x[n] == problem.test_x[n] ? 1 : 0;
  }
  CHECK(largest_mean < 1e-12);
  CHECK(middle == doctest::Approx(1).epsilon(0.1));  // the noise of that pixel
  CHECK(targets > 0.3);
  CHECK(same == 0);
}

TEST_CASE("proximal steps with momentum, whose threshold would not fit, are refused") {
  const SparseProblem problem = s1(1, 1e-3);
  const fejer::sparse_training::Stochastic how{
      {.kind = fejer::OptimiserKind::sgd, .rate = 0.1, .momentum = 0.9}, true};
  CHECK_THROWS_AS(by_batches(problem, random_start(problem, 1), how, 10, fejer::Rng(1)),
                  fejer::ArgumentError);
}
