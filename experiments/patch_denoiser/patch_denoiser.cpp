// Adam, then the inexact augmented Lagrangian method: fewer units at nearly the same PSNR.
#include "patch_denoiser.hpp"

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <functional>
#include <limits>
#include <numeric>
#include <utility>

#include <fejer/eigen.hpp>
#include <fejer/files.hpp>
#include <fejer/models/model_file.hpp>
#include <fejer/models/training/patch_denoiser_learner.hpp>
#include <fejer/parallel.hpp>

#include "console.hpp"
#include "evaluation.hpp"
#include "finisher.hpp"
#include "record.hpp"
#include "text.hpp"

namespace fejer::patch_pruning {
namespace {

using Json = nlohmann::ordered_json;
using command::FinishOptions;

constexpr double adam_lambda_w = 1e-2, lambda_b = 1e-4;

struct Settings {
  std::string train, test;
  Index size = 8, steps = 4000, samples = 8000, sweeps = 60, refit_sweeps = 40;
  std::vector<Index> units = {64, 32, 16, 8};  ///< the first is what is pruned
  std::vector<double> lambdas = {0.1, 0.2, 0.4};
  int timings = 5;
};

Settings settings(const experiments::Context& context) {
  Settings s;
  const bool smoke = context.smoke;
  s.train = experiments::given(
      context, "train", smoke ? "dead-leaves:6x48" : context.data + "/train/bsd400.h5:/images");
  s.test =
      experiments::given(context, "test", smoke ? "dead-leaves:2x48:2" : context.data + "/set12");
  if (smoke) {
    s.size = 4, s.steps = 20, s.samples = 500, s.sweeps = 10, s.refit_sweeps = 5;
    s.units = {12, 4};
    s.lambdas = {0.5};
    s.timings = 1;
  }
  if (context.set.count("steps") > 0)
    s.steps = command::parse_count("--set steps", context.set.at("steps"), 1);
  if (context.set.count("sweeps") > 0)
    s.sweeps = command::parse_count("--set sweeps", context.set.at("sweeps"), 1);
  return s;
}

/// A network of so many hidden units, by `fejer train`.
PatchDenoiserParameters trained(const experiments::Context& context, const Settings& s,
                                Index units) {
  const std::string name = "adam-" + std::to_string(units);
  const std::string pixels = std::to_string(s.size);
  std::vector<std::string> settings = {"data.train=" + s.train,
                                       "validation.data=\"\"",
                                       "data.patch=" + pixels,
                                       "model.size=" + pixels,
                                       "model.hidden=[" + std::to_string(units) + "]",
                                       "training.steps=" + std::to_string(s.steps),
                                       "loss.reference_pixels=" + std::to_string(s.size * s.size)};
  if (context.smoke) settings.emplace_back("training.batch=16");
  experiments::trained(context, "patch_denoiser", name, "train_patch_denoiser/photographs.toml",
                       std::move(settings));
  const Model<float> model = load_model<float>(context.out + "/trainings/" + name + "/model.h5");
  return std::get<PatchDenoiser<float>>(model.value).parameters();
}

/// The `count` hidden units with the largest product of the norms of what comes in and goes out.
PatchDenoiserParameters largest_units(PatchDenoiserParameters p, Index count) {
  auto first = as_matrix(View<double>(p.network.weights[0]));
  auto second = as_matrix(View<double>(p.network.weights[1]));
  std::vector<Index> order(static_cast<std::size_t>(first.rows()));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) {
    return first.row(a).norm() * second.col(a).norm() > first.row(b).norm() * second.col(b).norm();
  });
  for (std::size_t i = static_cast<std::size_t>(count); i < order.size(); ++i)
    second.col(order[i]).setZero();
  return prune(p);
}

class Comparison {
 public:
  Comparison(const experiments::Context& context, Settings s)
      : context_(context),
        s_(std::move(s)),
        train_(open_images(s_.train)),
        test_(open_images(s_.test)),
        network_(trained(context, s_, s_.units.front())),
        train_patches_(patches(train_, s_.samples)),
        test_patches_(patches(test_, s_.samples / 4)) {}

  Json rows() {
    Json rows = Json::array();
    for (const Index units : s_.units) {
      const std::string name = "adam-" + std::to_string(units);
      rows.push_back(cell(name, [&] {
        const bool first = units == s_.units.front();
        return of_network(name, "adam", first ? network_ : trained(context_, s_, units));
      }));
    }
    for (const double lambda : s_.lambdas) {
      const std::string of = "-" + sparse_training::number(Json(lambda));
      for (const std::string& method : command::finisher_names())
        rows.push_back(cell(method + of, [&] { return finished(method + of, method, lambda); }));
      const Index left = rows[rows.size() - command::finisher_names().size()]["widths"][1];
      rows.push_back(cell("magnitude" + of, [&] { return by_magnitude("magnitude" + of, left); }));
    }
    rows.push_back(cell("scratch", [&] { return from_scratch(); }));
    time(rows);
    return rows;
  }
  Json data() const {
    return {{"train", train_.sha256()},
            {"test", test_.sha256()},
            {"patches", train_patches_.x.shape()[1]}};
  }

 private:
  Json cell(const std::string& name, const std::function<Json()>& make) {
    command::note("experiment patch_denoiser: " + name);
    return experiments::kept(context_, context_.out + "/cells/" + name + ".json", [&] {
      Json made = make();
      made["name"] = name;
      made["smoke"] = context_.smoke;
      return made;
    });
  }
  command::NoisyPatches patches(const Dataset& images, Index most) const {
    PatchSource source(images, {.size = s_.size, .stride = 3, .seed = 1});
    return command::noisy_patches(network_, source, most, 1);
  }
  FinishOptions options(double lambda) const {
    FinishOptions o;
    o.lambda_w = lambda;
    o.lambda_b = lambda_b;
    o.samples = s_.samples;
    o.sweeps = s_.sweeps;
    o.refit_sweeps = s_.refit_sweeps;
    return o;
  }
  /// Two to three gradients cost what a sweep does.
  FinishOptions options(const std::string& method, double lambda) const {
    FinishOptions o = options(lambda);
    if (method == "ialm") return o;
    o.sweeps *= 3;
    o.refit_sweeps *= 3;
    return o;
  }
  std::string state() const { return context_.out + "/cells/state.h5"; }

  Json finished(const std::string& name, const std::string& method, double lambda) {
    const FinishOptions o = options(method, lambda);
    const auto problem = patch_problem(network_, train_patches_, test_patches_, o);
    const auto end = finish_denoiser(network_, problem, method, o, state(), context_.resume);
    Json row = of_network(name, "adam, then " + method, end.denoiser);
    row.update(end.record);
    return row;
  }
  /// As many sweeps for what magnitude leaves as the method takes in all.
  Json by_magnitude(const std::string& name, Index units) {
    FinishOptions o = options(FinishOptions().refit_lambda_w);
    o.sweeps += o.refit_sweeps;
    o.refit_sweeps = 0;
    const PatchDenoiserParameters small = largest_units(network_, units);
    const auto problem = patch_problem(small, train_patches_, test_patches_, o);
    const auto end = finish_denoiser(small, problem, "ialm", o, state(), context_.resume);
    Json row = of_network(name, "adam, largest units, then ialm", end.denoiser);
    row.update(end.record);
    return row;
  }
  /// The objective that Adam had, from random weights.
  Json from_scratch() {
    FinishOptions o = options(adam_lambda_w);
    o.sweeps *= 2;
    o.refit_sweeps = 0;
    PatchDenoiserOptions start;
    start.noise_level = network_.noise_level;
    start.size = s_.size;
    start.hidden = {s_.units.front()};
    const PatchDenoiserLearner<float> learner(start);
    const PatchDenoiserParameters random = learner.parameters(learner.initial(Rng(42)));
    const auto problem = patch_problem(random, train_patches_, test_patches_, o);
    const auto end = finish_denoiser(random, problem, "ialm", o, state(), context_.resume);
    Json row = of_network("scratch", "ialm from scratch", end.denoiser);
    row.update(end.record);
    const auto adam = finish_denoiser(
        network_, problem, "proximal-gradient",
        [&] {
          FinishOptions none = o;
          none.sweeps = 1;  // evaluates, moves nothing
          return none;
        }(),
        state(), false);
    row["adam_objective"] = adam.record["start_objective"];
    return row;
  }
  std::string model_file(const std::string& name) const {
    return context_.out + "/models/" + name + ".h5";
  }
  /// PSNR on the test images, and what the network is; kept as a model file.
  Json of_network(const std::string& name, const std::string& way,
                  const PatchDenoiserParameters& p) const {
    const Model<float> model{PatchDenoiser<float>(p),
                             {"fejer experiment run patch_denoiser", name}};
    save_model(model_file(name), model);
    const Json evaluated = command::evaluate_denoiser(model, test_, p.noise_level);
    Json widths = {p.inputs.size()};
    for (const auto& w : p.network.weights) widths.push_back(w.shape()[0]);
    return {{"way", way},
            {"widths", widths},
            {"multiply_adds", PatchDenoiser<float>(p).multiply_adds()},
            {"psnr", evaluated["psnr"]},
            {"noisy_psnr", evaluated["noisy_psnr"]}};
  }
  /// CPU seconds of the first test image, the least of some rounds over all networks.
  void time(Json& rows) const {
    const Array<float> image = test_.image(0);
    Array<float> out(image.shape());
    for (int round = 0; round < s_.timings; ++round)
      for (Json& row : rows) {
        const auto model = load_model<float>(model_file(row["name"].get<std::string>()));
        const auto& denoiser = std::get<PatchDenoiser<float>>(model.value);
        const std::clock_t start = std::clock();
        denoiser.denoise(image, denoiser.noise_level(), out);
        const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
        row["cpu_seconds_an_image"] =
            round == 0 ? seconds : std::min(seconds, row["cpu_seconds_an_image"].get<double>());
      }
  }

  const experiments::Context& context_;
  Settings s_;
  Dataset train_, test_;
  PatchDenoiserParameters network_;
  command::NoisyPatches train_patches_, test_patches_;
};

}  // namespace

std::string report(const Json& record);

Json run(const experiments::Context& context) {
  const Settings s = settings(context);
  Json record = command::environment_json();
  record["experiment"] = "patch_denoiser";
  record["smoke"] = context.smoke;
  if (!experiments::images_exist(s.train) || !experiments::images_exist(s.test)) {
    const std::string missing = experiments::images_exist(s.train) ? s.test : s.train;
    record["skipped"] = "no photographs in " + std::filesystem::path(missing).filename().string() +
                        "; set FEJER_DATA, or --set train=IMAGES and --set test=IMAGES";
    command::note("experiment patch_denoiser: skipped, no photographs in " + missing);
  } else {
    const ScopedThreads one(1);  // seconds are compared
    for (const char* folder : {"/cells", "/models"})
      std::filesystem::create_directories(context.out + folder);
    Comparison comparison(context, s);
    record["settings"] = {{"steps", s.steps},
                          {"samples", s.samples},
                          {"sweeps", s.sweeps},
                          {"refit_sweeps", s.refit_sweeps},
                          {"size", s.size}};
    record["rows"] = comparison.rows();
    record["data"] = comparison.data();
  }
  write_text(context.out + "/record.json", record.dump(1) + "\n");
  write_text(context.out + "/report.md", report(record));
  return record;
}

std::string report(const Json& record) {
  std::string out =
      "# Sparse denoisers of patches\n\nMade by `fejer experiment run patch_denoiser`. The method "
      "follows Liu, Liu and Chen, JMLR 24(212), 2023, whose figures could not be had; none are "
      "compared with.\n";
  if (record.contains("skipped"))
    return out + "\nSkipped: " + record["skipped"].get<std::string>() + ".\n";
  const Json& s = record["settings"];
  const std::string size = s["size"].dump();
  out +=
      "\nA leaky-ReLU network on all " + size + "x" + size +
      " patches of an image with noise of 25/255, averaged where they overlap. `adam`: " +
      s["steps"].dump() +
      " steps of 256 patches. `adam, then ...`: the first of them, fitted with column groups "
      "and this lambda_w to " +
      record["data"]["patches"].dump() +
      " patches, pruned, and what is left fitted once more with lambda_w = 1e-3 (" +
      s["sweeps"].dump() + " + " + s["refit_sweeps"].dump() +
      " sweeps of the augmented Lagrangian method, three times as many gradients of proximal "
      "gradient with line search). `largest units`: as many units as the method left, by the "
      "norms of their weights, with all sweeps for the second fit. PSNR: mean of the test "
      "images before any clipping. CPU seconds an image: of the first of them, on one thread, the "
      "least of " +
      std::to_string(Settings().timings) +
      " rounds over all networks. Test error: mean square "
      "error of patches over sigma^2. CPU seconds: of the fits on one thread. KKT residual and max "
      "abs h: of "
      "the last state of the last fit but the refit.\n\n"
      "| trained by | lambda_w | widths | multiply-adds a pixel | PSNR (dB) | CPU s an image | "
      "objective | zero columns | max abs h | KKT residual | test error | CPU s |\n"
      "|---|---|---|---|---|---|---|---|---|---|---|---|\n";
  const auto cell = [](const Json& row, const char* key, const char* format = "%.3g") {
    return row.contains(key) && row[key].is_number() ? sparse_training::number(row[key], format)
                                                     : std::string();
  };
  for (const Json& row : record["rows"]) {
    const bool refitted = row.contains("refit");
    const Json& last = refitted ? row["refit"] : row;
    const std::string cpu =
        row.contains("cpu_seconds")
            ? sparse_training::number(
                  Json(row["cpu_seconds"].get<double>() +
                       (refitted ? row["refit"]["cpu_seconds"].get<double>() : 0)),
                  "%.1f")
            : "";
    const std::string before = cell(row, "start_objective", "%.4f");
    out += "| " + row["way"].get<std::string>() + " | " + cell(row, "lambda_w") + " | " +
           row["widths"].dump() + " | " + row["multiply_adds"].dump() + " | " +
           cell(row, "psnr", "%.3f") + " | " + cell(row, "cpu_seconds_an_image", "%.4f") + " | " +
           (before.empty() ? "" : before + " -> " + cell(row, "objective", "%.4f")) + " | " +
           (row.contains("zero_columns") ? sparse_training::shares(row["zero_columns"]) : "") +
           " | " + cell(row, "feasibility", "%.1e") + " | " + cell(row, "kkt_residual", "%.1e") +
           " | " + cell(last, "test_error", "%.4f") + " | " + cpu + " |\n";
  }
  const Json& scratch = record["rows"].back();
  return out + "\nFrom scratch, on the objective that Adam had (lambda_w = 1e-2): " +
         cell(scratch, "objective", "%.4f") + ", after Adam " +
         cell(scratch, "adam_objective", "%.4f") + ".\n";
}

}  // namespace fejer::patch_pruning
