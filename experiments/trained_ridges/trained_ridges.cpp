// Trains by `fejer train` with its configurations, evaluates by `fejer evaluate`'s means.
#include "trained_ridges.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <sstream>

#include <fejer/files.hpp>
#include <fejer/models/import.hpp>
#include <fejer/models/model_file.hpp>
#include <fejer/models/training/dataset.hpp>

#include "console.hpp"
#include "evaluation.hpp"
#include "model_pictures.hpp"
#include "record.hpp"
#include "text.hpp"

namespace fejer::trained_ridges {
namespace {

using Json = nlohmann::ordered_json;

/// A model that is trained here, and the published weights of the same kind, if there are any.
struct Row {
  std::string name, what, config;
  std::vector<std::string> settings;  ///< of `fejer train`
  std::string weights, architecture;  ///< published
  std::vector<int> grey_levels;
};

/// To compare gradients: by the linear system, or by K passes of restarted JFB.
Row short_wcrr(const std::string& name, const std::string& what, int passes,
               const std::vector<std::string>& more = {}) {
  Row row{name,
          what,
          "train_wcrr/wcrr.toml",
          {"training.batch=16", "training.steps=500", "schedule.every=40", "validation.every=100",
           "model.jfb_passes=" + std::to_string(passes)},
          "",
          "",
          {15, 25}};
  row.settings.insert(row.settings.end(), more.begin(), more.end());
  return row;
}

std::vector<Row> rows() {
  const std::string wcrr = "train_wcrr/wcrr.toml", crr = "train_crr/crr.toml";
  return {{"wcrr", "WCRR", wcrr, {"training.batch=32"}, "wcrr_nn.h5", "ridge", {5, 15, 25}},
          {"crr",
           "CRR (rho = 0)",
           wcrr,
           {"training.batch=32", "model.rho=0", "training.steps=3000", "schedule.every=250"},
           "crr_nn.h5",
           "ridge",
           {5, 15, 25}},
          {"crr_t1",
           "CRR, t = 1",
           crr,
           {"model.steps=1", "training.steps=8000", "schedule.every=800"},
           "",
           "",
           {25}},
          {"crr_t10",
           "CRR, t = 10",
           crr,
           {"model.steps=10", "training.steps=4000", "schedule.every=400"},
           "crr_nn_original_sigma_25_t_10.h5",
           "crr-tstep",
           {25}},
          {"relu_t1",
           "ReLU ridges, t = 1",
           "train_crr/relu.toml",
           {"training.steps=8000", "schedule.every=800"},
           "",
           "",
           {25}},
          short_wcrr("wcrr_500", "WCRR, 500 steps, exact gradients", 0),
          // As many iterations as the published solver has, which does not look at what is left.
          short_wcrr("wcrr_500_50", "WCRR, 500 steps, 50 iterations of the linear system", 0,
                     {"model.backward_tolerance=1e-30", "model.backward_max_iterations=50"}),
          short_wcrr("wcrr_500_jfb_5", "WCRR, 500 steps, JFB(5)", 5),
          short_wcrr("wcrr_500_jfb_10", "WCRR, 500 steps, JFB(10)", 10),
          short_wcrr("wcrr_500_jfb_20", "WCRR, 500 steps, JFB(20)", 20)};
}

Json levels(const Model<float>& model, const Row& row, const experiments::Context& context) {
  const Dataset set12 =
      open_images(context.data + (context.smoke ? "/set12/set12.h5:/images/01" : "/set12"), {});
  Json result = Json::array();
  for (const int level : row.grey_levels) {
    result.push_back(command::evaluate_denoiser(model, set12, level / 255.0));
    result.back()["grey_level"] = level;
    if (context.smoke) break;
  }
  return result;
}

Json train_row(const Row& row, const experiments::Context& context) {
  const std::string folder = context.out + "/trainings/" + row.name;
  std::vector<std::string> settings = row.settings;
  if (context.set.count("steps") > 0)
    settings.push_back("training.steps=" + context.set.at("steps"));
  if (context.smoke)
    for (const char* setting :
         {"training.steps=2", "training.batch=8", "model.channels=[1,2,4]", "validation.data=\"\""})
      settings.emplace_back(setting);
  const command::Outcome trained =
      experiments::trained(context, "trained_ridges", row.name, row.config, std::move(settings));
  const std::string kept = context.out + "/models/" + row.name + ".h5";
  std::filesystem::create_directories(context.out + "/models");
  std::filesystem::copy_file(folder + "/model.h5", kept,
                             std::filesystem::copy_options::overwrite_existing);
  return {{"name", row.name},
          {"what", row.what},
          {"settings", row.settings},
          {"training", trained.json},
          {"levels", levels(load_model<float>(kept), row, context)}};
}

Model<float> published_model(const Row& row, const experiments::Context& context) {
  return import_model<float>(context.data + "/reference_models/" + row.weights, row.architecture);
}

/// What the learned profiles look like: slopes, and how many of them differ from the one before.
Json profile_facts(const Model<float>& model) {
  const RidgeParameters& p = model.ridge().parameters();
  const Index channels = p.profile.shape()[0], knots = p.profile.shape()[1];
  const LinearSpline<double> phi(p.profile, p.x_min, p.x_max);
  const double step = (p.x_max - p.x_min) / static_cast<double>(knots - 1);
  Index jumps = 0;
  for (Index c = 0; c < channels; ++c) {
    const auto slope = [&](Index k) {
      return (p.profile[c * knots + k + 1] - p.profile[c * knots + k]) / step;
    };
    for (Index k = 1; k + 1 < knots; ++k) jumps += std::abs(slope(k) - slope(k - 1)) > 1e-3;
  }
  return {{"profiles", channels},
          {"knots", knots},
          {"least_slope", phi.min_slope()},
          {"largest_slope", phi.max_slope()},
          {"tv2", phi.tv2()},
          {"jumps", jumps}};
}

/// Profiles and pictures of the models that there are, trained here or published.
void describe_models(const Row& row, const experiments::Context& context, Json& cell) {
  const std::string file = context.out + "/models/" + row.name + ".h5";
  if (std::filesystem::exists(file)) {
    const Model<float> model = load_model<float>(file);
    cell["profile"] = profile_facts(model);
    const std::string pictures = context.out + "/pictures/" + row.name;
    std::filesystem::create_directories(pictures);
    command::write_model_pictures(pictures, model);
  }
  if (!row.weights.empty())
    cell["published_profile"] = profile_facts(published_model(row, context));
}

std::string figure(const Json& value, const char* format) {
  if (!value.is_number()) return "";
  char text[40];
  std::snprintf(text, sizeof text, format, value.get<double>());
  return text;
}

std::string report(const Json& record) {
  std::ostringstream out;
  out << "# Ridge regularisers trained from scratch\n\nMade by `fejer experiment run "
         "trained_ridges`: trained on BSD400, the best of the validated steps (Set12, 25/255), "
         "mean PSNR on Set12 in dB before any clipping, beside the published weights under the "
         "same command and the same noise.\n\nFejér "
      << record.value("version", "") << ", " << record.value("compiler", "")
      << "\n\n| model | settings | best step | minutes | sigma | PSNR | SSIM | published weights | "
         "difference |\n|---|---|---|---|---|---|---|---|---|\n";
  for (const Json& r : record["results"]) {
    const Json& t = r["training"];
    std::string settings;
    for (const Json& s : r["settings"])
      settings += (settings.empty() ? "" : ", ") + s.get<std::string>();
    for (std::size_t k = 0; k < r["levels"].size(); ++k) {
      const Json& level = r["levels"][k];
      const Json published = r["published"].is_array() && k < r["published"].size()
                                 ? r["published"][k]["psnr"]
                                 : Json();
      out << "| " << (k == 0 ? r["what"].get<std::string>() : "") << " | "
          << (k == 0 ? settings : "") << " | "
          << (k == 0 && !t["best_step"].is_null() ? t["best_step"].dump() : "") << " | "
          << (k == 0 ? figure(t["seconds"].get<double>() / 60, "%.1f") : "") << " | "
          << level["grey_level"].get<int>() << "/255 | " << figure(level["psnr"], "%.3f") << " | "
          << figure(level["ssim"], "%.4f") << " | " << figure(published, "%.3f") << " | "
          << (published.is_number()
                  ? figure(level["psnr"].get<double>() - published.get<double>(), "%+.3f")
                  : "")
          << " |\n";
    }
  }
  out << "\n## Profiles\n\nSlopes of phi, TV2 (its slopes' total variation), and slopes that "
         "differ "
         "from the one before by more than 1e-3, over all channels.\n\n| model | profiles x knots "
         "| "
         "slopes | TV2 | jumps |\n|---|---|---|---|---|\n";
  for (const Json& r : record["results"])
    for (const char* which : {"profile", "published_profile"}) {
      if (!r.contains(which)) continue;
      const Json& p = r[which];
      out << "| " << r["what"].get<std::string>() << (which[1] == 'u' ? ", published" : "") << " | "
          << p["profiles"] << " x " << p["knots"] << " | " << figure(p["least_slope"], "%.3f")
          << " to " << figure(p["largest_slope"], "%.3f") << " | " << figure(p["tv2"], "%.3f")
          << " | " << p["jumps"] << " |\n";
    }
  out << "\nMinutes are those of one core of this machine, which did other work.\n";
  return out.str();
}

}  // namespace

Json run(const experiments::Context& context) {
  if (!std::filesystem::is_directory(context.data))
    throw ArgumentError("experiment trained_ridges: no data in " + context.data +
                        "; set FEJER_DATA to the folder of the data sets");
  std::filesystem::create_directories(context.out + "/cells");
  std::vector<std::string> names;
  for (const Row& row : rows()) names.push_back(row.name);
  const auto wanted = experiments::selected(context, "models", names, names);
  Json record = command::environment_json();
  record["experiment"] = "trained_ridges";
  record["smoke"] = context.smoke;
  record["results"] = Json::array();
  for (const Row& row : rows()) {
    if (std::find(wanted.begin(), wanted.end(), row.name) == wanted.end()) continue;
    command::note("experiment trained_ridges: " + row.name);
    record["results"].push_back(
        experiments::kept(context, context.out + "/cells/" + row.name + ".json", [&] {
          Json cell = train_row(row, context);
          cell["published"] =
              row.weights.empty() ? Json() : levels(published_model(row, context), row, context);
          cell["smoke"] = context.smoke;
          return cell;
        }));
    describe_models(row, context, record["results"].back());
    write_text(context.out + "/record.json", record.dump(1) + "\n");
    write_text(context.out + "/report.md", report(record));
  }
  return record;
}

}  // namespace fejer::trained_ridges
