#include <doctest/doctest.h>

#include <barrier>
#include <cmath>
#include <fstream>
#include <sstream>
#include <thread>

#include <fejer/error.hpp>
#include <fejer/files.hpp>
#include <fejer/hdf5.hpp>
#include <fejer/models/training/checkpoint.hpp>
#include <fejer/models/training/trainer.hpp>

#include "../../data.hpp"
#include "small_learner.hpp"

using namespace fejer;
using fejer_test::ScratchFolder;
using fejer_test::SmallLearner;

namespace {

const TrainingIdentity identity = {{"configuration", "c"}, {"data", "d"}};

TrainingOptions small_options() {
  TrainingOptions o;
  o.seed = 7;
  o.steps = 12;
  o.batch = 20;  // shards of 8, 8 and 4
  o.noise_high = 0.1;
  o.loss.kind = LossKind::l2;
  o.optimiser.rate = 0.02;
  o.optimiser.group_rates = {{"bias", 0.001}};
  o.schedule = {.kind = Schedule::Kind::step, .decay = 0.5, .every = 5};
  o.clip = 30;
  o.average = 0.9;
  o.validate_every = 3;
  o.validation_noise = {0.05, 0.1};
  o.checkpoint_every = 4;
  return o;
}

PatchSource small_patches() {
  return PatchSource(dead_leaves(4, 24, 1),
                     {.size = 9, .stride = 5, .scales = {1, 0.8}, .seed = 7});
}

const Dataset& held_out() {
  static const Dataset set = dead_leaves(2, 20, 2);
  return set;
}

/// A training from `state`, stopped after the step `stop` (0: never), whose states are kept in
/// `file`.
TrainingResult run_small(TrainingState state, const std::string& file, Index stop = 0) {
  PatchSource patches = small_patches();
  const TrainingHooks hooks{
      .after_step =
          [&](const TrainingRow& row) {
            return row.step == stop ? Control::stop : Control::proceed;
          },
      .keep = [&](const TrainingState& s) { save_checkpoint(file, s, identity); }};
  return train(SmallLearner{0.1}, patches, &held_out(), small_options(), std::move(state), hooks);
}

TrainingState fresh() { return initial_state(SmallLearner{0.1}, small_options()); }

bool same(const Parameters& a, const Parameters& b) {
  if (a.entries().size() != b.entries().size()) return false;
  for (std::size_t e = 0; e < a.entries().size(); ++e) {
    const auto &x = a.entries()[e].value, &y = b.entries()[e].value;
    if (!(x.shape() == y.shape()) || !std::equal(x.begin(), x.end(), y.begin())) return false;
  }
  return true;
}

void check_same(const TrainingState& a, const TrainingState& b) {
  CHECK(same(a.parameters, b.parameters));
  CHECK(same(a.average, b.average));
  CHECK(same(a.optimiser.first, b.optimiser.first));
  CHECK(same(a.optimiser.second, b.optimiser.second));
  CHECK(same(a.best, b.best));
  CHECK(a.optimiser.step == b.optimiser.step);
  CHECK(a.best_psnr == b.best_psnr);
  CHECK(a.best_step == b.best_step);
  CHECK(a.without_gain == b.without_gain);
  REQUIRE(a.warm.size() == b.warm.size());
  for (const auto& [key, state] : a.warm) {
    REQUIRE(state.shape() == b.warm.at(key).shape());
    CHECK(std::equal(state.begin(), state.end(), b.warm.at(key).begin()));
  }
  REQUIRE(a.history.size() == b.history.size());
  for (std::size_t i = 0; i < a.history.size(); ++i) {
    CHECK(a.history[i].loss == b.history[i].loss);
    CHECK(a.history[i].figures == b.history[i].figures);
    CHECK((a.history[i].psnr == b.history[i].psnr || std::isnan(a.history[i].psnr)));
  }
}

}  // namespace

TEST_CASE("a training learns, and stopped anywhere it goes on with the same bits") {
  const ScratchFolder folder;
  const TrainingResult whole = run_small(fresh(), folder / "whole.h5");
  CHECK(whole.status == TrainingStatus::finished);
  REQUIRE(whole.state.history.size() == 12);
  CHECK(whole.state.history.back().loss < 0.5 * whole.state.history.front().loss);
  CHECK(whole.state.best_psnr > validation_psnr(SmallLearner{}, fresh().parameters, held_out(),
                                                small_options().validation_noise, 7));
  CHECK(std::isnan(whole.state.history[0].psnr));
  CHECK(whole.state.history[2].psnr > 0);
  CHECK(whole.state.history[5].rate_factor == 0.5);
  const double sigma = whole.state.history[0].figures.at("sigma");
  CHECK(sigma > 0.02);
  CHECK(sigma < 0.08);
  check_same(load_checkpoint(folder / "whole.h5", fresh(), identity), whole.state);
  for (const Index stop : {1, 4, 6, 11}) {
    const std::string file = folder / "part.h5";
    const TrainingResult part = run_small(fresh(), file, stop);
    CHECK(part.status == TrainingStatus::interrupted);
    CHECK(part.state.optimiser.step == stop);
    const TrainingResult rest = run_small(load_checkpoint(file, fresh(), identity), file);
    CHECK(rest.status == TrainingStatus::finished);
    check_same(rest.state, whole.state);
  }
}

TEST_CASE("the bits do not depend on the number of threads") {
  const ScratchFolder folder;
  const ScopedThreads one(1);
  const TrainingResult reference = run_small(fresh(), folder / "1.h5");
  for (const int threads : {2, 4}) {
    const ScopedThreads several(threads);
    check_same(run_small(fresh(), folder / "n.h5").state, reference.state);
  }
}

namespace {

/// Two threads in the place of processes, which meet wherever they share.
void in_two_processes(const std::function<void(const Processes&)>& process) {
  std::vector<std::string> offered[2];
  std::barrier meeting(2);
  const auto start = [&](Index rank) {
    process({rank, 2, [&, rank](std::vector<std::string>& parts) {
               offered[rank] = parts;
               meeting.arrive_and_wait();
               for (std::size_t i = 0; i < parts.size(); ++i) parts[i] = offered[i % 2][i];
               meeting.arrive_and_wait();
             }});
  };
  std::thread second([&] { start(1); });
  start(0);
  second.join();
}

}  // namespace

TEST_CASE("two processes compute what one does") {
  const ScratchFolder folder;
  const TrainingResult reference = run_small(fresh(), folder / "1.h5");
  TrainingResult results[2];
  in_two_processes([&](const Processes& p) {
    PatchSource patches = small_patches();
    TrainingHooks hooks;
    hooks.processes = p;
    results[p.rank] =
        train(SmallLearner{0.1}, patches, &held_out(), small_options(), fresh(), hooks);
  });
  check_same(results[0].state, reference.state);
  check_same(results[1].state, reference.state);
}

namespace {

/// A learner whose samples remember: (visits, sum of the input) of each, which have to go on.
struct Remembering : SmallLearner {
  double shard_gradient(const Prepared& q, const Shard<float>& shard, LossGradient<float> loss,
                        Parameters& effective, Figures& figures) const {
    for (const Sample<float>& s : shard) {
      float input = 0;
      for (const float v : s.input) input += v;
      if (s.state->size() != 2) *s.state = Array<float>(Shape{2});
      Array<float>& state = *s.state;
      if (state[0] > 0) figures["another sample"] += state[1] == input ? 0 : 1;
      state[0] += 1;
      state[1] = input;
      figures["visits"] += static_cast<double>(state[0]);
      effective["bias"][0] += 1e-3 * static_cast<double>(state[0]);
    }
    return SmallLearner::shard_gradient(q, shard, loss, effective, figures);
  }
};

/// 40 patches in batches of 20: every patch is seen every second step.
TrainingResult run_warm(TrainingState state, const std::string& file, Index stop = 0,
                        const Processes& processes = {}) {
  PatchSource patches(dead_leaves(10, 18, 1), {.size = 9, .stride = 9, .scales = {1}, .seed = 7});
  REQUIRE(patches.size() == 40);
  TrainingOptions o = small_options();
  o.warm = true;
  const TrainingHooks hooks{.after_step =
                                [&](const TrainingRow& row) {
                                  return row.step == stop ? Control::stop : Control::proceed;
                                },
                            .keep =
                                [&](const TrainingState& s) {
                                  if (!file.empty()) save_checkpoint(file, s, identity);
                                },
                            .processes = processes};
  return train(Remembering{{0.1}}, patches, &held_out(), o, std::move(state), hooks);
}

}  // namespace

TEST_CASE("warm states: each patch goes on with its own noise, also after resuming") {
  const ScratchFolder folder;
  const TrainingResult whole = run_warm(fresh(), folder / "whole.h5");
  CHECK(whole.state.warm.size() == 40);
  for (const TrainingRow& row : whole.state.history) {
    CHECK(row.figures.at("visits") == doctest::Approx(static_cast<double>((row.step + 1) / 2)));
    if (row.step > 2) CHECK(row.figures.at("another sample") == 0);
  }
  check_same(load_checkpoint(folder / "whole.h5", fresh(), identity), whole.state);
  const std::string file = folder / "part.h5";
  for (const Index stop : {1, 3, 8}) {
    run_warm(fresh(), file, stop);
    check_same(run_warm(load_checkpoint(file, fresh(), identity), file).state, whole.state);
  }
  const ScopedThreads several(3);
  check_same(run_warm(fresh(), file).state, whole.state);
}

TEST_CASE("warm states of two processes are those of one") {
  const TrainingResult reference = run_warm(fresh(), "");
  TrainingResult results[2];
  in_two_processes([&](const Processes& p) { results[p.rank] = run_warm(fresh(), "", 0, p); });
  check_same(results[0].state, reference.state);
  check_same(results[1].state, reference.state);
}

TEST_CASE("warm states: damaged ones and patches that are moved are refused") {
  const ScratchFolder folder;
  const std::string file = folder / "c.h5";
  TrainingState state = fresh();
  state.warm[3] = Array<float>(Shape{2}, std::nanf(""));
  save_checkpoint(file, state, identity);
  CHECK_THROWS_WITH_AS(load_checkpoint(file, fresh(), identity),
                       doctest::Contains("/states/3 holds a value that is not finite"),
                       FormatError);
  PatchSource moved(dead_leaves(4, 24, 1), {.size = 9, .flips = true});
  TrainingOptions o = small_options();
  o.warm = true;
  CHECK_THROWS_WITH_AS(train(Remembering{{0.1}}, moved, nullptr, o, fresh()),
                       doctest::Contains("flips and turns"), ArgumentError);
}

TEST_CASE("the gradient of a step is that of its objective") {
  // One step of plain descent moves the parameters by the gradient: against central differences.
  TrainingOptions o = small_options();
  o.steps = 1;
  o.optimiser = {.kind = OptimiserKind::sgd, .rate = 1};
  o.schedule = {};
  o.clip = o.average = 0;
  const SmallLearner learner{0.1};
  const auto one_step = [&](TrainingState state) {
    PatchSource patches = small_patches();
    return train(learner, patches, nullptr, o, std::move(state)).state;
  };
  const auto objective = [&](double change) {
    TrainingState s = initial_state(learner, o);
    s.parameters["kernel"][3] += change;
    const TrainingRow row = one_step(s).history.at(0);
    return row.loss + row.penalty;
  };
  const double slope = initial_state(learner, o).parameters["kernel"][3] -
                       one_step(initial_state(learner, o)).parameters["kernel"][3];
  const double h = 1e-2;  // quadratic: exact up to rounding of the float estimates
  CHECK(slope == doctest::Approx((objective(h) - objective(-h)) / (2 * h)).epsilon(1e-5));
}

TEST_CASE("early stopping counts validations without gain, also after resuming") {
  TrainingOptions o = small_options();
  o.optimiser.rate = 0;
  o.optimiser.group_rates.clear();
  o.average = 0;
  o.patience = 2;
  o.validate_every = 2;
  PatchSource patches = small_patches();
  const Learner<float> learner = SmallLearner{};
  const auto result = train(learner, patches, &held_out(), o, initial_state(learner, o));
  CHECK(result.status == TrainingStatus::stopped_early);
  CHECK(result.state.optimiser.step == 6);  // the best at 2, none better at 4 and 6
  CHECK(result.state.best_step == 2);
  CHECK(result.cause == "no gain in 2 validations since step 2");
  const auto again = train(learner, patches, &held_out(), o, result.state);
  CHECK(again.status == TrainingStatus::stopped_early);
  CHECK(again.state.optimiser.step == 6);
}

TEST_CASE("a loss that is not finite stops the training and is never kept") {
  TrainingOptions o = small_options();
  o.optimiser = {.kind = OptimiserKind::sgd, .rate = 1e6};
  o.steps = 500;
  o.clip = 0;
  Index kept = 0;
  PatchSource patches = small_patches();
  const Learner<float> learner = SmallLearner{};
  const auto result =
      train(learner, patches, nullptr, o, initial_state(learner, o), {.keep = [&](const auto& s) {
              CHECK(all_finite(s.parameters));
              kept = s.optimiser.step;
            }});
  CHECK(result.status == TrainingStatus::not_finite);
  CHECK(result.cause.find("not finite") != std::string::npos);
  CHECK(kept <= static_cast<Index>(result.state.history.size()));
}

TEST_CASE("checkpoints of other trainings and damaged ones are refused") {
  const ScratchFolder folder;
  const std::string file = folder / "c.h5";
  run_small(fresh(), file, 5);
  CHECK_THROWS_WITH_AS(load_checkpoint(file, fresh(), {{"configuration", "c"}, {"data", "x"}}),
                       doctest::Contains("another data"), FormatError);
  CHECK_THROWS_AS(load_checkpoint(file, fresh(), {{"data", "d"}}), FormatError);
  TrainingState other = fresh();
  other.parameters.add("more", "more", Array<double>(Shape{1}));
  CHECK_THROWS_WITH_AS(load_checkpoint(file, other, identity), doctest::Contains("/parameters"),
                       FormatError);
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  const std::string bytes = text.str();
  for (std::size_t at = 0; at < bytes.size(); at += bytes.size() / 7) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    std::ofstream(file, std::ios::binary) << damaged;
    CHECK_THROWS_AS(load_checkpoint(file, fresh(), identity), FormatError);
  }
  std::ofstream(file, std::ios::binary) << bytes.substr(0, bytes.size() / 2);
  CHECK_THROWS_AS(load_checkpoint(file, fresh(), identity), FormatError);
  TrainingState poisoned = fresh();
  poisoned.parameters["bias"][0] = std::nan("");
  save_checkpoint(file, poisoned, identity);
  CHECK_THROWS_WITH_AS(load_checkpoint(file, fresh(), identity), doctest::Contains("not finite"),
                       FormatError);
}

TEST_CASE("options out of range") {
  PatchSource patches = small_patches();
  const Learner<float> learner = SmallLearner{};
  const auto refused = [&](auto change) {
    TrainingOptions o = small_options();
    change(o);
    CHECK_THROWS_AS(train(learner, patches, nullptr, o, fresh()), ArgumentError);
  };
  refused([](TrainingOptions& o) { o.steps = 0; });
  refused([](TrainingOptions& o) { o.batch = 100000; });
  refused([](TrainingOptions& o) { o.noise_high = 25; });
  refused([](TrainingOptions& o) { o.noise_low = 0.2; });
  refused([](TrainingOptions& o) { o.validation_noise = {25}; });
  refused([](TrainingOptions& o) { o.average = 1; });
  refused([](TrainingOptions& o) { o.optimiser.group_rates = {{"convolutions", 1}}; });
}

TEST_CASE("a figure that is known at no step does not keep a training from going on") {
  const ScratchFolder folder;
  TrainingState state = fresh();
  TrainingRow row;
  row.step = 1, row.figures = {{"passes", 3}, {"contraction", std::nan("")}};
  state.history = {row};
  state.optimiser.step = 1;
  save_checkpoint(folder / "c.h5", state, identity);
  TrainingState back = load_checkpoint(folder / "c.h5", fresh(), identity);
  CHECK(training_csv(back.history) == training_csv(state.history));
  CHECK(back.history[0].figures == Figures{{"passes", 3}});
  // From the step on at which it is known it is there, empty before.
  row.step = 2, row.figures["contraction"] = 0.5;
  state.history.push_back(row), back.history.push_back(row);
  CHECK(training_csv(back.history) == training_csv(state.history));
  CHECK(training_csv(back.history).find(",contraction,") != std::string::npos);
}

TEST_CASE("the history as a table") {
  TrainingRow first, second;
  first.step = 1, first.loss = 0.5, first.figures["iterations"] = 3;
  second.step = 2, second.psnr = 30.25;
  CHECK(training_csv({first, second}) ==
        "step,loss,penalty,gradient_norm,rate_factor,iterations,psnr,seconds\n"
        "1,0.5,0,0,0,3,,0\n2,0,0,0,0,,30.25,0\n");
}
