// Trains by `fejer train` with kind pnp-drunet, then iterates the layer that was learned.
#include "learned_pnp.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <sstream>
#include <variant>

#include <fejer/files.hpp>
#include <fejer/metrics.hpp>
#include <fejer/models/model_file.hpp>
#include <fejer/models/pnp_layer.hpp>
#include <fejer/models/training/dataset.hpp>
#include <fejer/models/training/pnp_learner.hpp>
#include <fejer/operators/mask.hpp>
#include <fejer/operators/measurement.hpp>
#include <fejer/resample.hpp>
#include <fejer/vector.hpp>

#include "console.hpp"
#include "data_folder.hpp"
#include "record.hpp"
#include "start.hpp"
#include "text.hpp"
#include "training_run.hpp"

namespace fejer::learned_pnp {
namespace {

using Json = nlohmann::ordered_json;

constexpr Index batch = 4, patch = 64;
constexpr double tolerance = 1e-5;  // of the search for a fixed point

struct Strategy {
  std::string name;
  Index depth, restarts;
  /// Passes of the network for one gradient of one sample; a pass back counts as two.
  Index passes() const { return (restarts + 1) * depth + 2 * depth; }
};

std::vector<Strategy> strategies() {
  return {{"unrolled", 10, 0}, {"one-step", 1, 50}, {"restarted", 10, 5}};
}

struct Settings {
  std::vector<std::string> tasks{"line_blur", "inpaint_50"},
      learned{"parameters", "weights", "spline", "wcrr"}, names;
  double passes = 20000;
  std::string denoiser, spline, wcrr, train = "out/photographs/train.h5",
                                      test = "out/photographs/validation.h5";
  Index size = 256;  ///< of test images
  Index most = 500;  ///< passes to a fixed point
};

/// The operators for images of any size. Blur: the mean of 25 pixels of a column.
Measurement measurement_of(const std::string& task, Index size) {
  Measurement m;
  m.data = Array<float>(Shape{1, size, size});
  if (task == "line_blur") {
    m.setup = BlurSetup{Array<double>(Shape{25, 1}, 1.0 / 25), Boundary::reflect};
    m.noise_level = 0.05;
  } else {
    m.setup = InpaintSetup{random_mask<float>(Shape{size, size}, 0.5, Rng(3).stream("mask"))};
    m.noise_level = 0.01;
  }
  return m;
}

Settings read(const experiments::Context& context) {
  Settings s;
  for (const Strategy& strategy : strategies()) s.names.push_back(strategy.name);
  s.tasks = experiments::selected(context, "tasks", s.tasks, s.tasks);
  s.learned = experiments::selected(context, "learned", s.learned, s.learned);
  s.names = experiments::selected(context, "strategies", s.names, s.names);
  const auto text = [&](const char* key, std::string& value) {
    if (context.set.count(key) > 0) value = context.set.at(key);
  };
  s.denoiser = command::source_folder() + "/models/weights/drunet_grey_photographs.h5";
  text("denoiser", s.denoiser);
  s.spline = command::source_folder() + "/docs/results/lipschitz_denoisers/models/spline.h5";
  text("spline", s.spline);
  s.wcrr = command::source_folder() + "/models/weights/wcrr_photographs.h5";
  text("wcrr", s.wcrr);
  text("train", s.train);
  text("test", s.test);
  if (context.set.count("passes") > 0)
    s.passes = command::parse_number("--set passes", context.set.at("passes"));
  if (context.set.count("size") > 0)
    s.size = command::parse_count("--set size", context.set.at("size"), 16);
  if (context.set.count("most") > 0)
    s.most = command::parse_count("--set most", context.set.at("most"), 1);
  if (!context.smoke) return s;
  s.passes = 100;
  s.train = "dead-leaves:4x64", s.test = "dead-leaves:1x64:2";
  s.size = 64, s.most = 5;
  if (context.set.count("tasks") == 0) s.tasks = {"line_blur"};
  return s;
}

/// A few steps' worth of a network for smoke runs, which have none.
std::string smoke_denoiser(const experiments::Context& context) {
  const std::string folder = context.out + "/trainings/denoiser";
  std::filesystem::remove_all(folder);
  command::train_model(
      {command::source_folder() + "/experiments/train_drunet/smoke.toml", folder, {}, false});
  return folder + "/model.h5";
}

/// The layer on one test image, passed on to its fixed point: PSNR at the start, after each of
/// `depths` passes and at the end, with the residual there; `residuals`: of every pass.
template <class Layer>
Json iterate(const Layer& layer, Array<float> x, const Array<float>& truth,
             const std::vector<Index>& depths, Index most, Json& residuals) {
  const auto quality = [&] { return psnr(x, truth, 1.0); };
  Json row = {{"start", quality()}};
  Array<float> next(x.shape());
  double residual = 1;
  Index passes = 0;
  while (passes < most && residual > tolerance) {
    layer.forward(x, next, nullptr);
    axpy<float>(-1.0f, next, x);
    residual = norm(x) / norm(next);
    std::swap(x, next);
    ++passes;
    residuals.push_back(residual);
    if (std::find(depths.begin(), depths.end(), passes) != depths.end())
      row["after_" + std::to_string(passes)] = quality();
    if (!std::isfinite(residual)) break;
    command::stop_if_interrupted();
  }
  for (const Index depth : depths)  // it was at its fixed point before
    if (passes < depth) row["after_" + std::to_string(depth)] = quality();
  row["fixed_point"] = quality();
  row["passes"] = passes;
  row["residual"] = residual;
  return row;
}

/// What was learned, for gamma.
using Denoiser = std::variant<DrunetAtLevel<float>, RelaxedCnn<float>, RidgeProx<float>>;
Denoiser denoiser_of(const Model<float>& model, const Json& found, double gamma) {
  if (const auto* cnn = std::get_if<LipschitzCnn<float>>(&model.value))
    return RelaxedCnn<float>(*cnn, found["lambda"]);
  if (model.is_ridge())
    return RidgeProx<float>(model.ridge(), gamma * found["lambda"].get<double>(), found["sigma"]);
  return DrunetAtLevel<float>(std::get<Drunet<float>>(model.value), found["sigma"]);
}

/// Means of the above over the test images, `residuals` of the first one.
Json evaluate(const std::string& task, const Model<float>& model, const Json& found,
              const std::vector<Index>& depths, const Settings& s, Json& residuals) {
  const Dataset set = open_images(s.test, {});
  const Measurement m = measurement_of(task, s.size);
  const LinearOperator<float> A = make_operator<float>(m);
  const double bound = A.norm_interval().upper;
  const double gamma = found["step_times_squared_norm"].get<double>() / (bound * bound);
  const Denoiser denoiser = denoiser_of(model, found, gamma);
  Json mean = Json::object();
  for (Index i = 0; i < set.size(); ++i) {
    const Array<float> image = set.image(i);
    const Index top = (image.shape()[1] - s.size) / 2, left = (image.shape()[2] - s.size) / 2;
    const Array<float> truth = crop(image, top, left, s.size, s.size);
    Array<float> y = A.apply(truth);
    add_noise<float>(m, m.noise_level, Rng(0).stream("test/" + std::to_string(i)), y);
    Json curve = Json::array();
    const Json row = std::visit(
        [&](const auto& d) {
          return iterate(PnpLayer(d, A, y, gamma), command::start_from<float>(m.setup, A, y), truth,
                         depths, s.most, curve);
        },
        denoiser);
    if (i == 0) residuals = std::move(curve);
    for (const auto& [key, value] : row.items())
      mean[key] = mean.value(key, 0.0) + value.get<double>() / static_cast<double>(set.size());
  }
  return mean;
}

/// What is trained, and by which file of experiments/.
struct Kind {
  std::string config;
  std::vector<std::string> settings;
};
Kind kind_of(const std::string& learned, const Settings& s) {
  if (learned == "spline")
    return {"train_pnp_frozen/lipschitz_cnn.toml", {"model.denoiser=" + s.spline}};
  if (learned == "wcrr") return {"train_pnp_frozen/wcrr.toml", {"model.denoiser=" + s.wcrr}};
  return {"train_pnp_drunet/deblur.toml",
          {"model.denoiser=" + s.denoiser,
           std::string("model.learn_weights=") + (learned == "weights" ? "true" : "false")}};
}

/// One training, and what its layer does on the test images.
Json train_and_evaluate(const std::string& task, const std::string& learned,
                        const Strategy& strategy, const Settings& s,
                        const experiments::Context& context) {
  const std::string name = task + "_" + learned + "_" + strategy.name;
  const std::string folder = context.out + "/trainings/" + name;
  const std::string measurement = context.out + "/trainings/" + task + ".h5";
  save_measurement(measurement, measurement_of(task, patch));
  const double per_step = static_cast<double>(batch * strategy.passes());
  const auto steps = static_cast<Index>(std::max(1.0, std::round(s.passes / per_step)));
  Kind kind = kind_of(learned, s);
  for (const std::string& setting :
       {"model.measurement=" + measurement, "model.strategy=" + strategy.name,
        "model.depth=" + std::to_string(strategy.depth),
        "model.restarts=" + std::to_string(strategy.restarts), "data.train=" + s.train,
        std::string("validation.data=\"\""), "training.steps=" + std::to_string(steps),
        "training.batch=" + std::to_string(batch)})
    kind.settings.push_back(setting);
  if (context.smoke && learned == "wcrr") kind.settings.push_back("model.prox_max_iterations=3");
  const command::Outcome trained =
      experiments::trained(context, "learned_pnp", name, kind.config, kind.settings);
  const auto model = load_model<float>(folder + "/model.h5");
  const Json& found = trained.json["learned"];
  Json residuals;
  const Json quality = evaluate(task, model, found, {1, 10, 60}, s, residuals);
  Json cell = {{"smoke", context.smoke},
               {"task", task},
               {"learned", learned},
               {"strategy", strategy.name},
               {"depth", strategy.depth},
               {"restarts", strategy.restarts},
               {"steps", steps},
               {"seconds", trained.json["seconds"]},
               {"last_loss", trained.json["loss"]},
               {"step", found["step_times_squared_norm"]},
               {"psnr", quality},
               {"residuals", residuals}};
  for (const char* key : {"sigma", "lambda"})
    if (found.contains(key)) cell[key] = found[key];
  return cell;
}

/// ||x+ - x|| / ||x+|| of the first test image on the way, where the cell has it.
std::string residual_table(const Json& results) {
  const std::vector<std::size_t> passes{1, 2, 5, 10, 20, 40, 60, 100, 150, 250, 500};
  std::ostringstream out;
  out << "\n## Residuals\n\n||x+ - x|| / ||x+|| on the first test image. Of a DRUNet no Lipschitz "
         "constant is known, so that nothing promises that it falls; a pass with the spline "
         "network "
         "is averaged, one with the WCRR lowers an objective. A dash: the iteration had "
         "ended.\n\n| task | learned | strategy |";
  for (const std::size_t k : passes) out << ' ' << k << " |";
  out << "\n|---|---|---|";
  for (std::size_t i = 0; i < passes.size(); ++i) out << "---|";
  out << '\n';
  for (const Json& r : results) {
    if (!r.contains("residuals")) continue;
    out << "| " << r["task"].get<std::string>() << " | " << r["learned"].get<std::string>() << " | "
        << r["strategy"].get<std::string>() << " |";
    for (const std::size_t k : passes) {
      char text[20] = "-";
      if (k <= r["residuals"].size() && r["residuals"][k - 1].is_number())
        std::snprintf(text, sizeof text, "%.1e", r["residuals"][k - 1].get<double>());
      out << ' ' << text << " |";
    }
    out << '\n';
  }
  return out.str();
}

std::string report(const Json& record) {
  std::ostringstream out;
  out << "# Plug-and-play, learned by each gradient strategy\n\nMade by `fejer "
         "experiment run learned_pnp`. Every training has the same number of passes of the "
         "denoiser "
         "(a pass back counts as two). Learned: step and noise level of a DRUNet (parameters), its "
         "weights as well, step and relaxation lambda of a Lipschitz CNN with splines (spline), "
         "step, weight lambda and noise level of the prox of a WCRR (wcrr). Mean PSNR in dB over "
         "the test images of the start, after 1, "
         "10 and 60 passes, and at the fixed point (residual below 1e-5, or "
      << record["most_passes"] << " passes); " << record["passes"]
      << " passes a training, test images " << record["size"] << " pixels wide.\n\nFejér "
      << record.value("version", "") << ", " << record.value("compiler", "")
      << "\n\n| task | learned | strategy (K, R) | steps | s | step | sigma | lambda | start | 1 | "
         "10 | 60 "
         "| "
         "fixed point | passes | residual "
         "|\n|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n";
  for (const Json& r : record["results"]) {
    const Json& p = r["psnr"];
    const auto number = [&](const char* key) {
      char text[20] = "-";
      if (r.contains(key)) std::snprintf(text, sizeof text, "%.4f", r[key].get<double>());
      return std::string(text);
    };
    char line[400];
    std::snprintf(
        line, sizeof line,
        "| %s | %s | %s (%td, %td) | %td | %.0f | %.3f | %s | %s | %.2f | %.2f | %.2f | %.2f | "
        "%.2f | %.0f | %.1e |\n",
        r["task"].get<std::string>().c_str(), r["learned"].get<std::string>().c_str(),
        r["strategy"].get<std::string>().c_str(), r["depth"].get<Index>(),
        r["restarts"].get<Index>(), r["steps"].get<Index>(), r["seconds"].get<double>(),
        r["step"].get<double>(), number("sigma").c_str(), number("lambda").c_str(),
        p["start"].get<double>(), p["after_1"].get<double>(), p["after_10"].get<double>(),
        p["after_60"].get<double>(), p["fixed_point"].get<double>(), p["passes"].get<double>(),
        p["residual"].get<double>());
    out << line;
  }
  out << residual_table(record["results"]);
  return out.str();
}

}  // namespace

Json run(const experiments::Context& context) {
  Settings s = read(context);
  const bool makes_denoiser = context.smoke && context.set.count("denoiser") == 0;
  for (const std::string& file : {s.denoiser, s.spline, s.wcrr, s.train, s.test})
    if (!file.starts_with("dead-leaves:") && !std::filesystem::exists(file) &&
        !(makes_denoiser && file == s.denoiser))
      throw ArgumentError("experiment learned_pnp: " + file +
                          ": no such file; scripts/train-default-model drunet_grey makes the "
                          "DRUNet and the photographs, or "
                          "name others by --set denoiser=, train=, test=");
  std::filesystem::create_directories(context.out + "/cells");
  std::filesystem::create_directories(context.out + "/trainings");
  if (makes_denoiser) s.denoiser = smoke_denoiser(context);
  Json record = command::environment_json();
  record["experiment"] = "learned_pnp";
  record["smoke"] = context.smoke;
  record["passes"] = s.passes;
  record["most_passes"] = s.most;
  record["size"] = s.size;
  record["results"] = Json::array();
  for (const std::string& task : s.tasks)
    for (const std::string& learned : s.learned)
      for (const Strategy& strategy : strategies()) {
        if (std::find(s.names.begin(), s.names.end(), strategy.name) == s.names.end()) continue;
        const std::string name = task + "_" + learned + "_" + strategy.name;
        command::note("experiment learned_pnp: " + name);
        record["results"].push_back(experiments::kept(
            context, context.out + "/cells/" + name + ".json",
            [&] { return train_and_evaluate(task, learned, strategy, s, context); }));
        write_text(context.out + "/record.json", record.dump(1) + "\n");
        write_text(context.out + "/report.md", report(record));
      }
  return record;
}

}  // namespace fejer::learned_pnp
