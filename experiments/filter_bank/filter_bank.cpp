// A trained ridge regulariser with fewer filters: which ones, and what it costs.
#include "filter_bank.hpp"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <numeric>
#include <optional>
#include <utility>

#include <fejer/files.hpp>
#include <fejer/models/model_file.hpp>
#include <fejer/models/ridge_denoiser.hpp>
#include <fejer/parallel.hpp>

#include "console.hpp"
#include "data_folder.hpp"
#include "evaluation.hpp"
#include "filter_finisher.hpp"
#include "record.hpp"
#include "text.hpp"

namespace fejer::filter_bank {
namespace {

using Json = nlohmann::ordered_json;
using command::FilterSamples;
using command::FinishedRidge;
using command::FinishOptions;
using command::LinearisedFilters;

struct Settings {
  std::string model, train, test;
  Index patch = 40, samples = 64, sweeps = 100;
  std::vector<double> lambdas = {1e-5, 3e-5, 1e-4, 3e-4};
  std::vector<double> grey_levels = {5, 15, 25};
  int timings = 5;
};

Settings settings(const experiments::Context& context) {
  Settings s;
  const bool smoke = context.smoke;
  s.model = experiments::given(
      context, "model",
      command::source_folder() + (smoke ? "/models/weights/wcrr_photographs.h5"
                                        : "/docs/results/trained_ridges/models/wcrr.h5"));
  s.train = experiments::given(
      context, "train", smoke ? "dead-leaves:4x48" : context.data + "/train/bsd400.h5:/images");
  s.test =
      experiments::given(context, "test", smoke ? "dead-leaves:1x48:2" : context.data + "/set12");
  if (smoke) {
    s.patch = 20, s.samples = 4, s.sweeps = 10;
    s.lambdas = {1e-4};
    s.grey_levels = {25};
    s.timings = 1;
  }
  if (context.set.count("samples") > 0)
    s.samples = command::parse_count("--set samples", context.set.at("samples"), 1);
  return s;
}

RidgeParameters ridge_of(const std::string& file) {
  const Model<float> model = load_model<float>(file);
  const auto* ridge = std::get_if<RidgeRegulariser<float>>(&model.value);
  if (ridge == nullptr)
    throw ArgumentError(file + ": expected a ridge regulariser with noise scaling");
  return ridge->parameters();
}

class Comparison {
 public:
  Comparison(const experiments::Context& context, Settings s)
      : context_(context),
        s_(std::move(s)),
        ridge_(ridge_of(s_.model)),
        train_images_(open_images(s_.train)),
        test_images_(open_images(s_.test)),
        train_(samples(train_images_, s_.samples, 1)),
        test_(samples(test_images_, std::max<Index>(s_.samples / 4, 1), 2)) {}

  Json rows() {
    Json rows = Json::array();
    rows.push_back(cell("trained", [&] {
      Json row = of_ridge("trained", "trained", ridge_);
      const double error = denoising_error(ridge_, test_);
      row["denoising_error"] = {error, error};
      return row;
    }));
    for (const double lambda : s_.lambdas) {
      const std::string of = "-" + sparse_training::number(Json(lambda));
      rows.push_back(cell("ialm" + of, [&] { return chosen("ialm" + of, lambda); }));
      const Index left = rows.back()["filters"];
      rows.push_back(cell("largest" + of, [&] { return largest("largest" + of, left); }));
    }
    time(rows);
    return rows;
  }
  Json data() const {
    return {{"train", train_images_.sha256()},
            {"test", test_images_.sha256()},
            {"patches", train_.sigmas.size()}};
  }

 private:
  Json cell(const std::string& name, const std::function<Json()>& make) {
    command::note("experiment filter_bank: " + name);
    return experiments::kept(context_, context_.out + "/cells/" + name + ".json", [&] {
      Json made = make();
      made["name"] = name;
      made["smoke"] = context_.smoke;
      return made;
    });
  }
  FilterSamples samples(const Dataset& images, Index most, std::uint64_t seed) const {
    PatchSource source(images, {.size = s_.patch, .stride = 10, .seed = seed});
    return command::filter_samples(source, 0, most, 0, 30.0 / 255, Rng(seed));
  }
  const LinearisedFilters& effects() {
    if (!effects_) effects_ = linearise_filters(ridge_, train_, test_);
    return *effects_;
  }
  Json refitted(const std::string& name, const std::string& way, FinishedRidge end) const {
    refit_filters(end, RidgeRegulariser<float>(ridge_).weak_convexity().value, train_, test_);
    Json row = of_ridge(name, way, end.ridge);
    row.update(end.record);
    return row;
  }
  Json chosen(const std::string& name, double lambda) {
    FinishOptions o;
    o.lambda_w = lambda;
    o.sweeps = s_.sweeps;
    return refitted(name, "ialm",
                    choose_filters(ridge_, effects(), "ialm", o, context_.out + "/cells/state.h5",
                                   context_.resume));
  }
  /// The filters with the largest effects, as many as the method kept.
  Json largest(const std::string& name, Index count) {
    std::vector<double> energy;
    for (Index c = 0; c < effects().x.shape()[0]; ++c) {
      const auto row = effects().x.slice(c);
      energy.push_back(std::inner_product(row.begin(), row.end(), row.begin(), 0.0));
    }
    std::vector<Index> order(energy.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) {
      return energy[static_cast<std::size_t>(a)] > energy[static_cast<std::size_t>(b)];
    });
    order.resize(static_cast<std::size_t>(count));
    return refitted(name, "largest effects", command::keep_filters(ridge_, order));
  }
  std::string model_file(const std::string& name) const {
    return context_.out + "/models/" + name + ".h5";
  }
  /// Kept as a model file; PSNR on the test images and constants of the regulariser.
  Json of_ridge(const std::string& name, const std::string& way, const RidgeParameters& p) const {
    const RidgeRegulariser<float> ridge(p);
    const Model<float> model{ridge, {"fejer experiment run filter_bank", name}};
    save_model(model_file(name), model);
    Json row = {{"way", way},
                {"filters", ridge.channels()},
                {"weak_convexity", ridge.weak_convexity().value},
                {"lipschitz_bound", ridge.lipschitz_bound().value}};
    for (const double level : s_.grey_levels)
      row["levels"].push_back(command::evaluate_denoiser(model, test_images_, level / 255));
    return row;
  }
  /// CPU milliseconds of a gradient on the first test image at 25/255, and CPU seconds of denoising
  /// it, the least of some rounds over all models.
  void time(Json& rows) const {
    constexpr double sigma = 25.0 / 255;
    Array<float> noisy = test_images_.image(0), out(noisy.shape());
    add_normal<float>(noisy, sigma, Rng(3).stream("noise"));
    const auto cpu_seconds = [](const std::function<void()>& work) {
      const std::clock_t start = std::clock();
      work();
      return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    };
    for (int round = 0; round < s_.timings; ++round)
      for (Json& row : rows) {
        const auto model = load_model<float>(model_file(row["name"].get<std::string>()));
        const auto& ridge = std::get<RidgeRegulariser<float>>(model.value);
        const RidgeDenoiser<float> denoiser(ridge);
        ridge.gradient(noisy, sigma, out);
        const double gradient = cpu_seconds([&] { ridge.gradient(noisy, sigma, out); });
        const double denoise = cpu_seconds([&] { denoiser.denoise(noisy, sigma, out); });
        const auto least = [&](const char* key, double now) {
          row[key] = round == 0 ? now : std::min(now, row[key].get<double>());
        };
        least("gradient_ms", 1e3 * gradient);
        least("denoising_seconds", denoise);
      }
  }

  const experiments::Context& context_;
  Settings s_;
  RidgeParameters ridge_;
  Dataset train_images_, test_images_;
  FilterSamples train_, test_;
  std::optional<LinearisedFilters> effects_;
};

std::string report(const Json& record) {
  std::string out =
      "# Filter banks of ridge regularisers made smaller\n\nMade by `fejer experiment run "
      "filter_bank`. The method follows Liu, Liu and Chen, JMLR 24(212), 2023, whose figures could "
      "not be had; none are compared with.\n";
  if (record.contains("skipped"))
    return out + "\nSkipped: " + record["skipped"].get<std::string>() + ".\n";
  const Json& rows = record["rows"];
  const Json& settings = record["settings"];
  out += "\nThe filters of " + settings["model"].get<std::string>() +
         ", a column each in the group-sparse fit of what they do to " +
         record["data"]["patches"].dump() + " denoised patches of " + settings["patch"].dump() +
         "x" + settings["patch"].dump() +
         " pixels with noise up to 30/255. `largest effects`: as many filters as the method left, "
         "by the norms of their columns. Of both, what is left is scaled by one factor for all "
         "filters, which brings back the weak convexity that there was, and one for all noise "
         "scalings. PSNR: mean of the test images before any clipping. CPU ms: a gradient on "
         "the first of them, on one thread; CPU s: denoising it; the least of " +
         std::to_string(Settings().timings) +
         " rounds over all. Error: mean square error over sigma of denoised test patches, before "
         "and after the two factors.\n\n| chosen by | lambda_w | filters |";
  for (const Json& level : rows.front()["levels"])
    out += " PSNR at " + sparse_training::number(Json(255 * level["sigma"].get<double>())) +
           "/255 (dB) |";
  out += " CPU ms | CPU s | factor | of the scalings | error | CPU s of the fit |\n|---|---|---|";
  for (std::size_t i = 0; i < rows.front()["levels"].size(); ++i) out += "---|";
  out += "---|---|---|---|---|---|\n";
  for (const Json& row : rows) {
    using sparse_training::cell;
    out += "| " + row["way"].get<std::string>() + " | " + cell(row, "lambda_w") + " | " +
           row["filters"].dump() + " |";
    for (const Json& level : row["levels"]) out += " " + cell(level, "psnr", "%.3f") + " |";
    out += " " + cell(row, "gradient_ms", "%.2f") + " | " + cell(row, "denoising_seconds", "%.3f") +
           " | " + cell(row, "factor", "%.3f") + " | " + cell(row, "scaling_factor", "%.3f") +
           " | " + sparse_training::number(row["denoising_error"][0], "%.5f") + " -> " +
           sparse_training::number(row["denoising_error"][1], "%.5f") + " | " +
           cell(row, "cpu_seconds", "%.2f") + " |\n";
  }
  return out;
}

}  // namespace

Json run(const experiments::Context& context) {
  const Settings s = settings(context);
  Json record = command::environment_json();
  record["experiment"] = "filter_bank";
  record["smoke"] = context.smoke;
  const auto missing = [&]() -> std::string {
    if (!std::filesystem::exists(s.model)) return s.model;
    for (const std::string& images : {s.train, s.test})
      if (!experiments::images_exist(images)) return images;
    return "";
  }();
  if (!missing.empty()) {
    record["skipped"] = "no " + std::filesystem::path(missing).filename().string() +
                        "; set FEJER_DATA, or --set model=FILE, train=IMAGES, test=IMAGES";
    command::note("experiment filter_bank: skipped, there is no " + missing);
  } else {
    const ScopedThreads one(1);  // times are compared
    for (const char* folder : {"/cells", "/models"})
      std::filesystem::create_directories(context.out + folder);
    Comparison comparison(context, s);
    record["settings"] = {{"model", std::filesystem::path(s.model).filename()},
                          {"model_sha256", sha256_of_file(s.model)},
                          {"patch", s.patch},
                          {"samples", s.samples},
                          {"sweeps", s.sweeps}};
    record["rows"] = comparison.rows();
    record["data"] = comparison.data();
  }
  write_text(context.out + "/record.json", record.dump(1) + "\n");
  write_text(context.out + "/report.md", report(record));
  return record;
}

}  // namespace fejer::filter_bank
