#include "training_run.hpp"

#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <utility>

#include <fejer/files.hpp>
#include <fejer/models/model_file.hpp>

#include "console.hpp"
#include "data_folder.hpp"
#include "evaluation.hpp"
#include "filter_finisher.hpp"
#include "processes.hpp"
#include "record.hpp"
#include "text.hpp"
#include "training_plan.hpp"
#include "training_report.hpp"

namespace fejer::command {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// What a training writes, and where.
struct Files {
  std::string model, checkpoint, metrics, record, report, finished, finish_state;
  explicit Files(const std::string& folder)
      : model(folder + "/model.h5"),
        checkpoint(folder + "/checkpoint.h5"),
        metrics(folder + "/metrics.csv"),
        record(folder + "/run.json"),
        report(folder + "/report"),
        finished(folder + "/finished.h5"),
        finish_state(folder + "/finish_state.h5") {}
};

/// One line on a terminal, nothing elsewhere.
class TrainingProgress {
 public:
  explicit TrainingProgress(Index steps) : steps_(steps), terminal_(isatty(STDERR_FILENO) != 0) {}
  ~TrainingProgress() { clear(); }
  TrainingProgress(const TrainingProgress&) = delete;
  TrainingProgress& operator=(const TrainingProgress&) = delete;
  void show(const TrainingRow& row) {
    if (first_ == 0) first_ = row.step, first_seconds_ = row.seconds;
    mean_ = row.step == first_ ? row.loss : 0.98 * mean_ + 0.02 * row.loss;
    if (!std::isnan(row.psnr)) {
      clear();
      char line[120];
      std::snprintf(line, sizeof line, "step %td: loss %.4g, validation %.3f dB, %.0f s", row.step,
                    mean_, row.psnr, row.seconds);
      note(line);
    }
    if (!terminal_ || row.seconds - shown_at_ < 0.2) return;
    shown_at_ = row.seconds;
    constexpr Index width = 24;
    const double each =
        (row.seconds - first_seconds_) / static_cast<double>(std::max<Index>(row.step - first_, 1));
    std::string bar(static_cast<std::size_t>(width * row.step / steps_), '#');
    bar.resize(width, '.');
    std::fprintf(stderr, "\r\033[K[%s] step %td of %td, loss %.4g, about %.0f s left", bar.c_str(),
                 row.step, steps_, mean_, each * static_cast<double>(steps_ - row.step));
    std::fflush(stderr);
  }
  void clear() {
    if (terminal_ && shown_at_ >= 0) std::fputs("\r\033[K", stderr);
  }

 private:
  Index steps_, first_ = 0;
  bool terminal_;
  double shown_at_ = -1, first_seconds_ = 0, mean_ = 0;
};

Json data_json(const std::string& name, const Dataset& set) {
  return {
      {"name", name}, {"images", set.size()}, {"how", set.how()}, {"pixels_sha256", set.sha256()}};
}

void prepare_folder(const TrainingRequest& f, const Files& files) {
  std::error_code error;
  fs::create_directories(f.out, error);
  if (!fs::is_directory(f.out))
    throw ArgumentError("--out: cannot make the folder " + f.out + ": " + error.message());
  require_writable(files.checkpoint);
  if (!f.resume && fs::exists(files.checkpoint))
    throw ArgumentError("--out: " + f.out +
                        " already holds a training; go on with --resume, or choose another folder");
}

/// The best model, in the ordinary format, with where it comes from.
void write_model(const std::string& path, const TrainingPlan& plan, const Parameters& parameters,
                 const TrainingIdentity& identity) {
  Model<float> model = plan.trainable.to_model(parameters);
  model.origin.name = plan.kind;
  model.origin.source = "fejer train, configuration " + identity.at("configuration") + ", data " +
                        identity.at("data");
  save_model(path, model);
}

const char* to_string(TrainingStatus status) {
  switch (status) {
    case TrainingStatus::finished:
      return "finished";
    case TrainingStatus::stopped_early:
      return "stopped_early";
    case TrainingStatus::interrupted:
      return "interrupted";
    default:
      return "not_finite";
  }
}

Json result_json(const TrainingResult& result) {
  const TrainingState& s = result.state;
  const auto number = [](double value) {
    return std::isfinite(value) ? Json(value) : Json(nullptr);
  };
  return {{"status", to_string(result.status)},
          {"cause", result.cause},
          {"steps", s.optimiser.step},
          {"best_step", s.best_step > 0 ? Json(s.best_step) : Json(nullptr)},
          {"best_psnr", number(s.best_psnr)},
          {"loss", s.history.empty() ? Json(nullptr) : number(s.history.back().loss)},
          {"seconds", s.history.empty() ? 0.0 : s.history.back().seconds}};
}

/// All that a training needs, opened and checked.
struct Session {
  TrainingPlan plan;
  Files files;
  Dataset data;
  std::optional<Dataset> validation;
  PatchSource patches;
  TrainingIdentity identity;

  Session(TrainingPlan planned, const std::string& out)
      : plan(std::move(planned)),
        files(out),
        data(open_images(with_data_folder(plan.data), plan.images)),
        patches(data, plan.patches),
        identity{{"configuration", plan.fingerprint()}, {"data", data.sha256()}} {
    plan.options.require_batch(patches.size());
    plan.options.require_fixed(patches);
    const Trainable& t = plan.trainable;
    if (!t.measurement.empty()) identity["measurement"] = t.measurement_sha256;
    if (!t.denoiser_sha256.empty()) identity["denoiser"] = t.denoiser_sha256;
    if (t.image.rank() > 0 && patches.channels() != t.image[0])
      throw ArgumentError(plan.data + ": colour images, but " + t.measurement +
                          " is of grey ones; set data.grey = true");
    if (plan.validation.empty()) return;
    validation = open_images(with_data_folder(plan.validation), plan.images);
    identity["validation data"] = validation->sha256();
    for (Index i = 0; t.image.rank() > 0 && i < validation->size(); ++i)
      if (!(validation->shape(i) == t.image))
        throw ArgumentError(validation->source(i).name + " of the validation images has shape " +
                            to_string(validation->shape(i)) + ", but " + t.measurement +
                            " is of images " + to_string(t.image));
  }
};

TrainingState first_state(const Session& session, const TrainingRequest& f, bool first_process) {
  TrainingState state = initial_state(session.plan.trainable.learner, session.plan.options);
  stop_if_interrupted();
  if (first_process) prepare_folder(f, session.files);
  if (f.resume && fs::exists(session.files.checkpoint))
    return load_checkpoint(session.files.checkpoint, state, session.identity);
  if (f.resume && first_process)
    note("fejer train: no checkpoint in " + f.out + ": from the start");
  return state;
}

Json record_json(const Session& s, const TrainingState& state, Index processes) {
  Json record = environment_json();
  record["processes"] = processes;
  record["seed"] = s.plan.options.seed;
  record["configuration"] = s.plan.resolved;
  record["configuration_sha256"] = s.identity.at("configuration");
  record["data"] = data_json(s.plan.data, s.data);
  if (s.validation) record["validation_data"] = data_json(s.plan.validation, *s.validation);
  if (!s.plan.trainable.measurement.empty())
    record["measurement"] = {{"name", s.plan.trainable.measurement},
                             {"sha256", s.identity.at("measurement")}};
  record["patches"] = s.patches.size();
  record["parameters"] = state.parameters.size();
  return record;
}

TrainingResult run_training(Session& session, TrainingState state, const ProcessGroup& group) {
  const Files& files = session.files;
  TrainingProgress progress(session.plan.options.steps);
  Index written = 0;  // the step whose parameters model.h5 holds
  TrainingHooks hooks;
  hooks.after_step = [&](const TrainingRow& row) {
    if (group.first()) progress.show(row);
    return interrupted() ? Control::stop : Control::proceed;
  };
  hooks.keep = [&](const TrainingState& s) {
    save_checkpoint(files.checkpoint, s, session.identity);
    write_text(files.metrics, training_csv(s.history));
    if (s.best_step > written) write_model(files.model, session.plan, s.best, session.identity);
    written = s.best_step;
  };
  hooks.processes = group.processes();
  return train(session.plan.trainable.learner, session.patches,
               session.validation ? &*session.validation : nullptr, session.plan.options,
               std::move(state), hooks);
}

/// Writes what a training leaves in the end; throws Interrupted where it was.
Outcome finish(const Session& session, const TrainingResult& result) {
  const Files& files = session.files;
  Outcome outcome;
  outcome.json = result_json(result);
  if (result.status == TrainingStatus::interrupted)
    throw Interrupted{result.cause + "; " + files.checkpoint +
                      " holds it, the same command with --resume goes on"};
  if (result.status == TrainingStatus::not_finite) {
    note("fejer train: " + result.cause + "; lower the learning rates or clip the gradient" +
         (fs::exists(files.checkpoint) ? "; the last good state is in " + files.checkpoint : ""));
    outcome.code = exit_code::not_converged;
    return outcome;
  }
  write_model(files.model, session.plan, result.state.result(), session.identity);
  write_training_report(files.report, session.plan, result);
  outcome.json["model"] = files.model;
  if (session.plan.trainable.learned)
    outcome.json["learned"] = session.plan.trainable.learned(result.state.result());
  outcome.text = files.model + ": " + result.cause + ", " +
                 std::to_string(result.state.optimiser.step) + " steps";
  if (result.state.best_step > 0) {
    char line[80];
    std::snprintf(line, sizeof line, "; best %.3f dB at step %td", result.state.best_psnr,
                  result.state.best_step);
    outcome.text += line;
  }
  outcome.text += "\n";
  return outcome;
}

/// The patches of the finisher, from the images of the training or the validation.
NoisyPatches finish_patches(const Session& s, const PatchDenoiserParameters& denoiser,
                            const Dataset& images, Index most) {
  PatchOptions options = s.plan.patches;
  options.size = denoiser.size;
  options.columns = 0;
  PatchSource source(images, options);
  return noisy_patches(denoiser, source, most, s.plan.options.seed);
}

/// Writes finished.h5, says so, and what became of the validation at `level`.
void keep_finished(const Session& s, const std::string& method, double level,
                   const Model<float>& trained, Model<float> end, Json& record) {
  const std::string source = "fejer train --finish " + method + ", configuration " +
                             s.identity.at("configuration") + ", data " + s.identity.at("data");
  end.origin = {source, s.plan.kind};
  save_model(s.files.finished, end);
  if (s.validation) {
    record["validation_psnr_before"] = evaluate_denoiser(trained, *s.validation, level)["psnr"];
    record["validation_psnr"] = evaluate_denoiser(end, *s.validation, level)["psnr"];
  }
  record["model"] = s.files.finished;
}

/// What became of the filters of a ridge regulariser.
Json finish_filters(const Session& s, const TrainingRequest& f, const TrainingResult& result) {
  constexpr Index test_patches = 32;
  const TrainingOptions& o = s.plan.options;
  const RidgeParameters trained = s.plan.trainable.filters(result.state.result());
  const auto samples = [&](const Dataset& images, Index first, Index most, const Rng& rng) {
    PatchSource source(images, s.plan.patches);
    return filter_samples(source, first, most, o.noise_low, o.noise_high, rng);
  };
  const Index count = s.plan.finish.samples;
  const FilterSamples train = samples(s.data, 0, count, Rng(o.seed));
  const FilterSamples test = s.validation ? samples(*s.validation, 0, test_patches, Rng(o.seed + 1))
                                          : samples(s.data, count, test_patches, Rng(o.seed));
  FinishedRidge end = choose_filters(trained, linearise_filters(trained, train, test), f.finish,
                                     s.plan.finish, s.files.finish_state, f.resume);
  refit_filters(end, RidgeRegulariser<float>(trained).weak_convexity().value, train, test);
  keep_finished(s, f.finish, o.validation_noise.front(), {RidgeRegulariser<float>(trained), {}},
                {RidgeRegulariser<float>(end.ridge), {}}, end.record);
  return end.record;
}

/// What became of objective and units of a network on patches.
Json finish_network(const Session& s, const TrainingRequest& f, const TrainingResult& result) {
  constexpr Index test_patches = 2000;
  const PatchDenoiserParameters trained = s.plan.trainable.patches(result.state.result());
  const Dataset& unseen = s.validation ? *s.validation : s.data;
  const sparse_training::Problem problem =
      patch_problem(trained, finish_patches(s, trained, s.data, s.plan.finish.samples),
                    finish_patches(s, trained, unseen, test_patches), s.plan.finish);
  FinishedDenoiser end =
      finish_denoiser(trained, problem, f.finish, s.plan.finish, s.files.finish_state, f.resume);
  keep_finished(s, f.finish, trained.noise_level, {PatchDenoiser<float>(trained), {}},
                {PatchDenoiser<float>(end.denoiser), {}}, end.record);
  return end.record;
}

std::string finish_text(const Json& r) {
  char line[300];
  std::snprintf(line, sizeof line, "%s: widths %s -> %s, objective %.6g -> %.6g",
                r["model"].get<std::string>().c_str(), r["widths_before"].dump().c_str(),
                r["widths"].dump().c_str(), r["start_objective"].get<double>(),
                r["objective"].get<double>());
  std::string text = line;
  if (r.contains("validation_psnr")) {
    std::snprintf(line, sizeof line, "; %.3f dB -> %.3f dB",
                  r["validation_psnr_before"].get<double>(), r["validation_psnr"].get<double>());
    text += line;
  }
  return text + "\n";
}

}  // namespace

Outcome train_model(const TrainingRequest& f) {
  Json config = read_toml(f.config);
  for (const std::string& item : f.set) set_value(config, item);
  TrainingPlan plan = plan_training(f.config, config);
  if (!f.finish.empty()) require_known("--finish", f.finish, finisher_names());
  if (!f.finish.empty() && !plan.trainable.finishable)
    throw ArgumentError("--finish: " + cannot_be_finished(plan.kind));
  const ProcessGroup group;
  Session session(std::move(plan), f.out);
  TrainingState state = first_state(session, f, group.first());
  Json record = record_json(session, state, group.processes().count);
  if (group.first()) write_text(session.files.record, json_text(record) + "\n");
  if (!f.finish.empty()) {
    require_grey(session.patches);
    if (group.first()) fs::remove(session.files.finished);  // what comes out replaces it
  }
  const TrainingResult result = run_training(session, std::move(state), group);
  if (!group.first()) {
    Outcome silent;
    silent.silent = true;
    return silent;
  }
  record["result"] = result_json(result);
  if (session.plan.trainable.learned)
    record["learned"] = session.plan.trainable.learned(result.state.result());
  write_text(session.files.record, json_text(record) + "\n");
  Outcome outcome = finish(session, result);
  if (f.finish.empty() || outcome.code != exit_code::done) return outcome;
  record["finish"] = outcome.json["finish"] = session.plan.trainable.patches
                                                  ? finish_network(session, f, result)
                                                  : finish_filters(session, f, result);
  write_text(session.files.record, json_text(record) + "\n");
  outcome.text += finish_text(record["finish"]);
  return outcome;
}

}  // namespace fejer::command
