#include <fejer/models/training/trainer.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <utility>

#include <fejer/error.hpp>
#include <fejer/metrics.hpp>
#include <fejer/parallel.hpp>
#include <fejer/rng.hpp>

namespace fejer {
namespace {

void require(bool fits, const std::string& what) {
  if (!fits) throw ArgumentError("TrainingOptions: " + what);
}

void add(const Figures& from, Figures& to) {
  for (const auto& [name, value] : from) to[name] += value;
}

/// The samples of a step, and what they are views of.
struct Batch {
  std::vector<Array<float>> inputs, targets;
  std::vector<std::uint64_t> keys;
  std::vector<Array<float>> states;  ///< with options.warm
  std::vector<Shard<float>> shards;
};

Batch draw_batch(const Learner<float>& learner, PatchSource& patches, const TrainingOptions& o,
                 const TrainingState& state) {
  Batch batch;
  const Index step = state.optimiser.step, per_epoch = patches.size() / o.batch;
  for (Index j = 0; j < o.batch; ++j) {
    const Index epoch = step / per_epoch, i = step % per_epoch * o.batch + j;
    batch.targets.push_back(patches.draw(epoch, i));
    batch.keys.push_back(
        static_cast<std::uint64_t>(o.warm ? patches.number(epoch, i) : step * o.batch + j));
  }
  batch.inputs.resize(batch.targets.size());
  const Rng rng(o.seed);
  const std::string number = std::to_string(step);
  const RandomStream levels = rng.stream(o.warm ? "noise level of patch" : "noise level/" + number);
  const auto sigma = [&](std::size_t j) {
    const std::uint64_t which = o.warm ? batch.keys[j] : static_cast<std::uint64_t>(j);
    return o.noise_low + (o.noise_high - o.noise_low) * levels.uniform(which);
  };
  parallel_for(o.batch, 1, [&](Index begin, Index end) {
    for (auto j = static_cast<std::size_t>(begin); j < static_cast<std::size_t>(end); ++j) {
      const std::string name = o.warm ? "noise of patch/" + std::to_string(batch.keys[j])
                                      : "noise/" + number + "/" + std::to_string(j);
      batch.inputs[j] = learner.measure(batch.targets[j], sigma(j), rng.stream(name));
    }
  });
  if (o.warm) batch.states.resize(batch.targets.size());
  for (std::size_t j = 0; j < batch.targets.size(); ++j) {
    if (j % shard_size == 0) batch.shards.emplace_back();
    Array<float>* kept = nullptr;
    if (o.warm) {
      kept = &batch.states[j];
      if (const auto found = state.warm.find(batch.keys[j]); found != state.warm.end())
        *kept = found->second;
    }
    batch.shards.back().push_back(
        {batch.inputs[j], batch.targets[j], sigma(j), batch.keys[j], kept});
  }
  return batch;
}

/// What a process left in the states of a shard, as bytes, and back. Their shapes may be new.
std::string packed_states(const Shard<float>& shard) {
  std::string bytes;
  for (const Sample<float>& sample : shard) {
    if (sample.state == nullptr) return bytes;
    const Shape& shape = sample.state->shape();
    for (int k = -1; k < shape.rank(); ++k) {
      const Index value = k < 0 ? shape.rank() : shape[k];
      bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    bytes.append(reinterpret_cast<const char*>(sample.state->data()),
                 static_cast<std::size_t>(sample.state->size()) * sizeof(float));
  }
  return bytes;
}
void unpack_states(const std::string& bytes, const Shard<float>& shard) {
  std::size_t at = 0;
  const auto take = [&](void* to, std::size_t length) {
    if (length > bytes.size() - at) throw Error("train: processes disagree about the model");
    std::memcpy(to, bytes.data() + at, length);
    at += length;
  };
  for (const Sample<float>& sample : shard) {
    if (sample.state == nullptr) return;
    Index rank = 0;
    take(&rank, sizeof rank);
    if (rank < 0 || rank > Shape::max_rank)
      throw Error("train: processes disagree about the model");
    std::vector<Index> extents(static_cast<std::size_t>(rank));
    take(extents.data(), extents.size() * sizeof(Index));
    *sample.state = Array<float>(Shape(extents.begin(), extents.end()));
    take(sample.state->data(), static_cast<std::size_t>(sample.state->size()) * sizeof(float));
  }
  if (at != bytes.size()) throw Error("train: processes disagree about the model");
}

struct ShardResult {
  double loss = 0;
  Parameters effective;
  Figures figures;
};

/// Objective and gradient at the parameters, for one batch.
struct Evaluation {
  double loss = 0, penalty = 0;
  Parameters gradient;
  Figures figures;
};

/// The numbers of a result and the names of its figures, as bytes.
std::string packed(const ShardResult& r) {
  std::string bytes;
  const auto append = [&](const double* values, Index n) {
    bytes.append(reinterpret_cast<const char*>(values),
                 static_cast<std::size_t>(n) * sizeof(double));
  };
  append(&r.loss, 1);
  for (const Parameters::Entry& e : r.effective.entries()) append(e.value.data(), e.value.size());
  for (const auto& [name, value] : r.figures) {
    append(&value, 1);
    bytes.append(name.c_str(), name.size() + 1);
  }
  return bytes;
}

/// `r.effective` has its layout.
void unpack(const std::string& bytes, ShardResult& r) {
  std::size_t at = 0;
  const auto take = [&](double* values, Index n) {
    const std::size_t length = static_cast<std::size_t>(n) * sizeof(double);
    if (length > bytes.size() - at) throw Error("train: processes disagree about the model");
    std::memcpy(values, bytes.data() + at, length);
    at += length;
  };
  take(&r.loss, 1);
  for (Parameters::Entry& e : r.effective.entries()) take(e.value.data(), e.value.size());
  while (at < bytes.size()) {
    double value = 0;
    take(&value, 1);
    const std::string name = bytes.c_str() + at;
    at += name.size() + 1;
    r.figures[name] = value;
  }
}

/// What every process has after each computed its own of `results`.
void share(const Processes& processes, std::vector<ShardResult>& results) {
  if (processes.count == 1) return;
  std::vector<std::string> parts(results.size());
  const auto own = [&](std::size_t s) {
    return static_cast<Index>(s) % processes.count == processes.rank;
  };
  for (std::size_t s = 0; s < results.size(); ++s)
    if (own(s)) parts[s] = packed(results[s]);
  processes.share(parts);
  for (std::size_t s = 0; s < results.size(); ++s)
    if (!own(s)) unpack(parts[s], results[s]);
}

void share_states(const Processes& processes, const std::vector<Shard<float>>& shards) {
  std::vector<std::string> parts;
  for (const auto& shard : shards) parts.push_back(packed_states(shard));
  processes.share(parts);
  for (std::size_t s = 0; s < shards.size(); ++s) unpack_states(parts[s], shards[s]);
}

/// Whether any process says so.
bool any(const Processes& processes, bool mine) {
  if (processes.count == 1) return mine;
  std::vector<std::string> parts(static_cast<std::size_t>(processes.count), mine ? "1" : "0");
  processes.share(parts);
  return std::find(parts.begin(), parts.end(), "1") != parts.end();
}

Evaluation evaluate(const Learner<float>& learner, const Parameters& parameters, const Batch& batch,
                    const TrainingOptions& o, const Processes& processes) {
  const auto prepared = learner.prepare(parameters);
  std::vector<ShardResult> results(batch.shards.size());
  parallel_for(static_cast<Index>(results.size()), 1, [&](Index begin, Index end) {
    for (Index s = begin; s < end; ++s) {
      ShardResult& r = results[static_cast<std::size_t>(s)];
      r.effective = learner.effective_zeros(prepared);
      if (s % processes.count != processes.rank) continue;
      r.loss = learner.shard_gradient(prepared, batch.shards[static_cast<std::size_t>(s)], o.loss,
                                      r.effective, r.figures);
    }
  });
  share(processes, results);
  if (processes.count > 1 && o.warm) share_states(processes, batch.shards);
  Evaluation e;
  const double weight = 1 / static_cast<double>(o.batch);
  Parameters sum = std::move(results[0].effective);
  for (std::size_t s = 0; s < results.size(); ++s) {
    e.loss += results[s].loss;
    add(results[s].figures, e.figures);
    if (s > 0) axpy(1.0, results[s].effective, sum);
  }
  e.loss *= weight;
  scale(sum, weight);
  for (auto& [name, value] : e.figures) value *= weight;
  e.gradient = learner.pull_back(parameters, prepared, sum);
  e.penalty = learner.penalty(parameters, prepared, e.gradient);
  return e;
}

/// One step; false where loss or gradient are not finite (the state is then as before).
bool advance(const Learner<float>& learner, const Optimiser& optimiser, PatchSource& patches,
             const TrainingOptions& o, const Processes& processes, TrainingState& state,
             TrainingRow& row) {
  const Index step = state.optimiser.step;
  Batch batch = draw_batch(learner, patches, o, state);
  Evaluation e = evaluate(learner, state.parameters, batch, o, processes);
  row.step = step + 1;
  row.loss = e.loss;
  row.penalty = e.penalty;
  row.figures = std::move(e.figures);
  row.rate_factor = o.schedule.factor(step);
  if (!std::isfinite(e.loss) || !std::isfinite(e.penalty) || !all_finite(e.gradient)) return false;
  row.gradient_norm = clip_norm(e.gradient, o.clip);
  optimiser.step(e.gradient, row.rate_factor, state.optimiser, state.parameters);
  learner.project(state.parameters);
  if (!state.average.entries().empty())
    update_average(o.average, step, state.parameters, state.average);
  for (std::size_t j = 0; j < batch.states.size(); ++j)
    state.warm[batch.keys[j]] = std::move(batch.states[j]);
  return all_finite(state.parameters);
}

/// Validates the state; whether it is the best so far.
bool validate(const Learner<float>& learner, const Dataset& images, const TrainingOptions& o,
              const Processes& processes, TrainingState& state, TrainingRow& row) {
  const Parameters& now = state.average.entries().empty() ? state.parameters : state.average;
  row.psnr = validation_psnr(learner, now, images, o.validation_noise, o.seed, processes);
  if (!(row.psnr > state.best_psnr)) {
    ++state.without_gain;
    return false;
  }
  state.best = now;
  state.best_psnr = row.psnr;
  state.best_step = row.step;
  state.without_gain = 0;
  return true;
}

std::string stopping_cause(const TrainingState& s) {
  return "no gain in " + std::to_string(s.without_gain) + " validations since step " +
         std::to_string(s.best_step);
}

}  // namespace

void TrainingOptions::require_batch(Index patches) const {
  require(patches >= batch, "the data set has " + std::to_string(patches) +
                                " patches, fewer than a batch of " + std::to_string(batch));
}

void TrainingOptions::require_fixed(const PatchSource& patches) const {
  require(!warm || !patches.moves(),
          "warm states are those of patches that stay as they are; leave flips and turns out");
}

void TrainingOptions::require_valid() const {
  require(steps >= 1, "steps must be at least 1");
  require(batch >= 1, "batch must be at least 1");
  require(noise_low >= 0 && noise_high >= noise_low && noise_high <= largest_noise,
          "noise levels must be in [0,1], in the image's unit, the lower one first");
  require(clip >= 0 && std::isfinite(clip), "clip must be 0 or more");
  require(average >= 0 && average < 1, "average must be in [0,1)");
  require(validate_every >= 1, "validate_every must be at least 1");
  require(!validation_noise.empty(), "validation_noise needs at least one level");
  for (const double s : validation_noise)
    require(s >= 0 && s <= largest_noise, "validation_noise must be in [0,1], in the image's unit");
  require(patience >= 0, "patience must be 0 or more");
  require(checkpoint_every >= 1, "checkpoint_every must be at least 1");
  require(schedule.every >= 1 && schedule.at_most >= 0 && schedule.over >= 1 &&
              schedule.warm_up >= 0 && schedule.decay > 0 && std::isfinite(schedule.decay),
          "schedule: every and over must be at least 1, decay positive, the others 0 or more");
  loss.require_valid();
}

const Parameters& TrainingState::result() const {
  if (!best.entries().empty()) return best;
  return average.entries().empty() ? parameters : average;
}

TrainingState initial_state(const Learner<float>& learner, const TrainingOptions& options) {
  options.require_valid();
  TrainingState state;
  state.parameters = learner.initial(Rng(options.seed));
  state.optimiser = Optimiser(options.optimiser, state.parameters).initial(state.parameters);
  if (options.average > 0) state.average = state.parameters;
  return state;
}

TrainingResult train(const Learner<float>& learner, PatchSource& patches, const Dataset* validation,
                     const TrainingOptions& options, TrainingState state,
                     const TrainingHooks& hooks) {
  options.require_valid();
  options.require_batch(patches.size());
  options.require_fixed(patches);
  const Optimiser optimiser(options.optimiser, state.parameters);
  TrainingResult result{std::move(state), TrainingStatus::finished, "all steps are done"};
  TrainingState& s = result.state;
  const double before = s.history.empty() ? 0 : s.history.back().seconds;
  const auto start = std::chrono::steady_clock::now();
  const auto stop = [&](TrainingStatus status, const std::string& cause) {
    result.status = status;
    result.cause = cause;
  };
  const auto patience_is_over = [&] {
    return options.patience > 0 && s.without_gain >= options.patience;
  };
  if (patience_is_over()) stop(TrainingStatus::stopped_early, stopping_cause(s));
  while (result.status == TrainingStatus::finished && s.optimiser.step < options.steps) {
    TrainingRow row;
    bool finite = advance(learner, optimiser, patches, options, hooks.processes, s, row);
    bool best = false;
    if (finite && validation != nullptr &&
        (row.step % options.validate_every == 0 || row.step == options.steps)) {
      best = validate(learner, *validation, options, hooks.processes, s, row);
      finite = !std::isnan(row.psnr);
    }
    if (!finite) {
      stop(TrainingStatus::not_finite,
           "step " + std::to_string(row.step) + ": the loss or its gradient is not finite");
      return result;
    }
    row.seconds =
        before + std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    s.history.push_back(row);
    const bool enough =
        any(hooks.processes, hooks.after_step && hooks.after_step(row) == Control::stop);
    if (patience_is_over())
      stop(TrainingStatus::stopped_early, stopping_cause(s));
    else if (enough && s.optimiser.step < options.steps)
      stop(TrainingStatus::interrupted, "stopped after step " + std::to_string(row.step));
    const bool last =
        s.optimiser.step == options.steps || result.status != TrainingStatus::finished;
    if (hooks.keep && hooks.processes.rank == 0 &&
        (last || best || row.step % options.checkpoint_every == 0))
      hooks.keep(s);
  }
  return result;
}

double validation_psnr(const Learner<float>& learner, const Parameters& parameters,
                       const Dataset& images, const std::vector<double>& noise, std::uint64_t seed,
                       const Processes& processes) {
  const auto prepared = learner.prepare(parameters);
  const auto levels = static_cast<Index>(noise.size());
  std::vector<double> values(static_cast<std::size_t>(images.size() * levels));
  parallel_for(static_cast<Index>(values.size()), 1, [&](Index begin, Index end) {
    for (Index k = begin; k < end; ++k) {
      if (k % processes.count != processes.rank) continue;
      const double sigma = noise[static_cast<std::size_t>(k % levels)];
      const Array<float> truth = images.image(k / levels);
      const Array<float> input = learner.measure(
          truth, sigma, Rng(seed).stream("validation/" + std::to_string(k / levels)));
      Array<float> out(truth.shape());
      learner.estimate(prepared, {input, truth, sigma, static_cast<std::uint64_t>(k)}, out);
      values[static_cast<std::size_t>(k)] = psnr(out, truth, 1);
    }
  });
  if (processes.count > 1) {
    std::vector<std::string> parts;
    for (const double& v : values)
      parts.emplace_back(reinterpret_cast<const char*>(&v), sizeof(double));
    processes.share(parts);
    for (std::size_t k = 0; k < values.size(); ++k)
      std::memcpy(&values[k], parts[k].data(), sizeof(double));
  }
  double sum = 0;
  for (const double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

}  // namespace fejer
