#pragma once
/// The training loop. A step is a pure function of the state before it, the options, the data and
/// the learner: a training that was stopped anywhere and goes on from a kept state gives the bits
/// of one that was not, for any number of threads.
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <fejer/algorithms/run.hpp>
#include <fejer/models/training/learner.hpp>
#include <fejer/models/training/loss.hpp>
#include <fejer/models/training/optimiser.hpp>
#include <fejer/models/training/patches.hpp>

namespace fejer {

/// Defaults: the published training of the weakly convex ridge regularisers, where they have one.
struct TrainingOptions {
  std::uint64_t seed = 42;
  Index steps = 6000, batch = 128;
  /// Each sample has its own noise level, uniform in [low, high], in the image's unit.
  double noise_low = 0, noise_high = 30.0 / 255;
  /// What no level may exceed: people who write 25 mean 25/255. Data of an operator know no such
  /// limit.
  double largest_noise = 1;
  Loss loss{};
  OptimiserOptions optimiser{};
  Schedule schedule{};
  double clip = 0;     ///< gradients of a larger norm are scaled down to it; 0: never
  double average = 0;  ///< decay of the averaged parameters that are validated; 0: none
  Index validate_every = 500;
  std::vector<double> validation_noise = {25.0 / 255};
  Index patience = 0;  ///< stop after so many validations in a row without gain; 0: never
  Index checkpoint_every = 100;
  /// Every patch keeps its noise, and its next iteration starts where the last one ended. Memory:
  /// one state for every patch that was seen; patches must not be moved by chance.
  bool warm = false;

  /// Throws ArgumentError for values out of range.
  void require_valid() const;
  /// Throws ArgumentError where a data set of so many patches does not fill one batch.
  void require_batch(Index patches) const;
  /// Throws ArgumentError where states are to be kept of patches that are moved by chance.
  void require_fixed(const PatchSource& patches) const;
};

struct TrainingRow {
  Index step = 0;                ///< 1 is the first
  double loss = 0, penalty = 0;  ///< mean over the batch; what depends on the parameters alone
  double gradient_norm = 0;      ///< before clipping
  double rate_factor = 0;        ///< of the schedule
  double seconds = 0;            ///< since the start, interruptions left out
  Figures figures{};             ///< means over the batch
  double psnr = std::numeric_limits<double>::quiet_NaN();  ///< where the step was validated
};

/// All that a training goes on from.
struct TrainingState {
  Parameters parameters;
  Parameters average;          ///< no entries where there is none
  Optimiser::State optimiser;  ///< with the number of steps taken
  Parameters best;             ///< no entries before the first validation
  double best_psnr = -std::numeric_limits<double>::infinity();
  Index best_step = 0, without_gain = 0;
  std::vector<TrainingRow> history;
  std::map<std::uint64_t, Array<float>> warm;  ///< states, by the number of the patch

  /// The best validated parameters, or where none were the last (averaged) ones.
  const Parameters& result() const;
};

enum class TrainingStatus { finished, stopped_early, interrupted, not_finite };

struct TrainingResult {
  TrainingState state;
  TrainingStatus status = TrainingStatus::finished;
  std::string cause;  ///< one line
};

/// Processes that train the same model together, each with the same data and options. Shards and
/// validation images are dealt out in turn; what each computed is shared and added in order, so
/// that the bits are those of one process.
struct Processes {
  Index rank = 0, count = 1;
  /// Replaces parts[i] by those of process i % count, for all i, in every process. Unused where
  /// count is 1.
  std::function<void(std::vector<std::string>& parts)> share{};
};

struct TrainingHooks {
  /// After each step; Control::stop (of any process) ends the training once the state is kept.
  std::function<Control(const TrainingRow&)> after_step{};
  /// Called (in process 0) every checkpoint_every steps, with each new best, and at the end; never
  /// with a state that is not finite.
  std::function<void(const TrainingState&)> keep{};
  Processes processes{};
};

TrainingState initial_state(const Learner<float>& learner, const TrainingOptions& options);

/// Trains from `state` (from initial_state, or kept) until options.steps steps are done:
/// gradient of 1/B sum of losses + penalty, clipped, optimiser, average. Sample j of step k is
/// number (k mod m) B + j of epoch k / m, m = floor(patches / B), measured (see Learner) with noise
/// that Philox draws from (seed, "noise", k, j), with options.warm from (seed, "noise of patch",
/// number of the patch). `validation`: images whose mean PSNR (range 1,
/// before clipping) over the noise levels decides what is best; noise keyed by the image; null:
/// none.
TrainingResult train(const Learner<float>& learner, PatchSource& patches, const Dataset* validation,
                     const TrainingOptions& options, TrainingState state,
                     const TrainingHooks& hooks = {});

/// Mean PSNR of the learner's estimates, as above.
double validation_psnr(const Learner<float>& learner, const Parameters& parameters,
                       const Dataset& images, const std::vector<double>& noise, std::uint64_t seed,
                       const Processes& processes = {});

}  // namespace fejer
