#include "learned_wavelets.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <functional>

#include <fejer/files.hpp>
#include <fejer/metrics.hpp>

#include "console.hpp"
#include "drawing.hpp"
#include "record.hpp"
#include "text.hpp"
#include "training.hpp"

namespace fejer::learned_wavelets {
namespace {

using Json = nlohmann::ordered_json;

constexpr Index taped = 10, blocks = 11;  // K, T
/// Where PSNR is taken on the way: of the compared strategies, and of the norms.
const std::vector<Index> long_way{1, 2, 5, 10, 20, 50, 110, 200, 350, 500},
    depths{1, taped, taped*blocks};

struct Settings {
  std::vector<std::string> tasks{"denoise", "line_blur", "inpaint_50", "inpaint_10", "grey_blur"},
      compared{"line_blur", "inpaint_50"};
  std::string train = "out/photographs/train_colour.h5",
              test = "out/photographs/validation_colour.h5";
  double passes = 30000;         ///< of the trainings of the comparison of strategies
  Index patch = 64, size = 128;  ///< of training and test images
  bool five_bases = true;
  double prior_passes() const { return 0.4 * passes; }
};

Settings read_settings(const experiments::Context& context) {
  Settings s;
  std::vector<std::string> known;
  for (const Task& task : experiments::photograph_tasks()) known.push_back(task.name);
  if (context.smoke) {
    s.train = "dead-leaves:4x32", s.test = "dead-leaves:1x32:2";
    s.passes = 60, s.patch = s.size = 16;
    s.tasks = {"denoise", "grey_blur"}, s.compared = {"denoise"};
  }
  s.tasks = experiments::selected(context, "tasks", known, s.tasks);
  s.compared = experiments::selected(context, "compare", known, s.compared);
  if (context.set.count("bases") > 0) {
    command::require_known("--set bases", context.set.at("bases"), {"one", "five"});
    s.five_bases = context.set.at("bases") == "five";
  }
  if (context.set.count("train") > 0) s.train = context.set.at("train");
  if (context.set.count("test") > 0) s.test = context.set.at("test");
  if (context.set.count("passes") > 0)
    s.passes = command::parse_number("--set passes", context.set.at("passes"));
  for (const std::string& file : {s.train, s.test})
    if (!file.starts_with("dead-leaves:") && !std::filesystem::exists(file))
      throw ArgumentError("experiment learned_wavelets: " + file +
                          ": no such file; scripts/make-photographs makes it, or name others by "
                          "--set train=, test=");
  return s;
}

/// Training and test images of a task; no test images where there is no Set12.
struct Images {
  std::vector<Array<float>> train, test;
};

Images images_of(const Task& task, const Settings& s, const experiments::Context& context) {
  Images images;
  images.train = experiments::windows(open_images(s.train), s.patch, task.channels, false);
  if (task.channels > 1) {
    images.test = experiments::windows(open_images(s.test), s.size, task.channels, true);
  } else if (const std::string set12 = context.data + "/set12";
             std::filesystem::is_directory(set12)) {
    images.test = experiments::windows(open_images(set12), s.size, 1, true);
    if (context.smoke) images.test.resize(1);
  }
  return images;
}

/// What was learned, on the training images and on the test images.
Json judged(const Problem& train, const Problem& test, const Learned& learned,
            const std::vector<Index>& at) {
  Json row = {{"parameters", learned.theta.size()},
              {"theta", std::vector<double>(learned.theta.begin(), learned.theta.end())},
              {"steps", learned.steps},
              {"passes", learned.passes},
              {"cpu_seconds", learned.cpu_seconds},
              {"unsettled", learned.unsettled}};
  if (!learned.agreement.empty()) {
    row["cosine"] = Json::array(), row["relative_error"] = Json::array();
    for (const Agreement& a : learned.agreement) {
      row["cosine"].push_back(a.cosine);
      row["relative_error"].push_back(a.relative_error);
    }
  }
  row["train_loss"] = follow(train, learned.theta, {}).loss;
  const Path path = follow(test, learned.theta, at);
  row["depths"] = at;
  row["psnr"] = path.psnr;
  row["psnr_start"] = path.start;
  row["psnr_settled"] = path.settled;
  row["passes_settled"] = path.passes;
  return row;
}

/// Kept in the folder's cells, one for each training.
Json cell(const experiments::Context& context, const Task& task, const std::string& name,
          const std::function<Json()>& make) {
  std::string file = task.name + "-";
  for (const char c : name) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (plain || file.back() != '_') file += plain ? c : '_';
  }
  while (file.back() == '_') file.pop_back();
  command::note("experiment learned_wavelets: " + task.name + ", " + name);
  return experiments::kept(context, context.out + "/cells/" + file + ".json", [&] {
    Json row = {{"smoke", context.smoke}, {"name", name}};
    row.update(make());
    return row;
  });
}

/// Every gradient strategy on the prior with a weight for each band of each channel.
Json compare_methods(const Task& task, const Images& images, const Settings& s, double start,
                     const experiments::Context& context) {
  Json rows = Json::array();
  const auto all = priors();
  const Prior& prior = *std::find_if(all.begin(), all.end(),
                                     [](const Prior& p) { return p.name == "bands of channels"; });
  const Problem train = make_problem(task, prior, images.train, "train"),
                test = make_problem(task, prior, images.test, "test");
  for (const Method& method : methods(taped, blocks))
    rows.push_back(cell(context, task, method.name, [&] {
      Learning learning;
      learning.passes = method.share * s.passes, learning.start = start, learning.compare = true;
      return judged(train, test, learn(train, method, learning), long_way);
    }));
  return rows;
}

/// The first test image: truth, data, one tuned weight, and the norm with the smallest loss on the
/// training images.
void draw_images(const std::string& path, const Task& task, const Images& images,
                 const Json& rows) {
  const auto best = std::min_element(rows.begin(), rows.end(), [](const Json& a, const Json& b) {
    return a["train_loss"] < b["train_loss"];
  });
  const std::vector<Array<float>> first{images.test.front()};
  std::vector<command::Panel> panels;
  const auto add = [&](const std::string& title, const Array<float>& image) {
    char text[40];
    std::snprintf(text, sizeof text, "%.2f dB", psnr(image, first[0], 1.0));
    panels.push_back({title, command::as_rgb(image, 1), 0, title == "truth" ? "" : text});
  };
  add("truth", first[0]);
  for (const Json& row : {rows[0], *best})
    for (const Prior& prior : priors()) {
      const bool tuned = row == rows[0];
      if (prior.name != (tuned ? "one weight" : row["name"].get<std::string>())) continue;
      const Problem p = make_problem(task, prior, first, "test");
      if (tuned) add("data", p.samples[0].data);
      const auto values = row["theta"].get<std::vector<double>>();
      Array<double> theta(Shape{std::ssize(values)});
      std::copy(values.begin(), values.end(), theta.begin());
      add(row["name"], follow(p, theta, {}).images[0]);
    }
  command::draw_panels(path, panels);
}

/// One weight, found by trial.
Json tuned_weight(const Task& task, const Images& images, const experiments::Context& context) {
  const Prior one = priors().front();
  const Problem train = make_problem(task, one, images.train, "train"),
                test = make_problem(task, one, images.test, "test");
  return cell(context, task, "one tuned weight",
              [&] { return judged(train, test, tune(train), depths); });
}

/// A first visit takes about 1600 passes a sample for total variation and five bases, 300 to 500
/// where a tenth of the pixels is known, 116 to 350 elsewhere.
double budget_factor(const Task& task, const Prior& prior) {
  if (prior.variation) return 15;
  return prior.five_bases ? 5 : task.name == "inpaint_10" ? 4 : 1;
}

/// The tuned weight, then every norm by restarted JFB from there; total variation likewise.
Json compare_priors(const Task& task, const Images& images, const Settings& s, const Json& tuned,
                    const experiments::Context& context) {
  Json rows = Json::array({tuned});
  const Method method = restarted_warm(taped);
  double start = std::exp(tuned["theta"][0].get<double>());
  for (const Prior& prior : priors()) {
    if ((prior.colour && task.channels == 1) || (prior.five_bases && !s.five_bases)) continue;
    if (prior.variation && !task.name.ends_with("denoise")) continue;
    const bool by_trial = prior.variation && prior.variation->tuned;
    const Problem train = make_problem(task, prior, images.train, "train"),
                  test = make_problem(task, prior, images.test, "test");
    rows.push_back(cell(context, task, prior.name, [&] {
      if (by_trial) return judged(train, test, tune(train), depths);
      Learning learning;
      learning.passes = budget_factor(task, prior) * s.prior_passes(), learning.start = start;
      return judged(train, test, learn(train, method, learning), depths);
    }));
    if (by_trial) start = std::exp(rows.back()["theta"][0].get<double>());
  }
  draw_images(context.out + "/" + task.name + ".png", task, images, rows);
  return rows;
}

/// PSNR on the way, for each strategy.
void draw_way(const std::string& path, const std::string& title, const Json& rows) {
  std::vector<command::Curve> curves;
  for (const Json& row : rows) {
    command::Curve curve{row["name"].get<std::string>() + ", dB", {}, 0};
    for (std::size_t k = 0; k < row["depths"].size(); ++k)
      curve.points.emplace_back(row["depths"][k].get<double>(), row["psnr"][k].get<double>());
    curves.push_back(std::move(curve));
  }
  command::draw_curves(path, title, curves, "passes");
}

}  // namespace

Json run(const experiments::Context& context) {
  const Settings s = read_settings(context);
  std::filesystem::create_directories(context.out + "/cells");
  Json record = command::environment_json();
  record["experiment"] = "learned_wavelets";
  record["smoke"] = context.smoke;
  record["passes"] = s.passes, record["prior_passes"] = s.prior_passes();
  record["K"] = taped, record["T"] = blocks, record["batch"] = Learning().batch;
  const EquilibriumOptions settle = settle_options();
  record["tolerances"] = {settle.tolerance, settle.adjoint_tolerance};
  record["tasks"] = Json::array();
  for (const Task& task : experiments::photograph_tasks()) {
    if (std::find(s.tasks.begin(), s.tasks.end(), task.name) == s.tasks.end()) continue;
    const Images images = images_of(task, s, context);
    if (images.test.empty()) {
      command::note("experiment learned_wavelets: " + task.name + " is left out: no set12 in " +
                    context.data);
      continue;
    }
    Json entry = {{"task", task.name}, {"what", task.what}, {"channels", task.channels}};
    const Json tuned = tuned_weight(task, images, context);
    if (std::find(s.compared.begin(), s.compared.end(), task.name) != s.compared.end()) {
      entry["methods"] =
          compare_methods(task, images, s, std::exp(tuned["theta"][0].get<double>()), context);
      draw_way(context.out + "/" + task.name + "_passes.png",
               task.name + ": mean PSNR on the test images after so many passes", entry["methods"]);
    }
    entry["priors"] = compare_priors(task, images, s, tuned, context);
    record["tasks"].push_back(std::move(entry));
    write_text(context.out + "/record.json", record.dump(1) + "\n");
    write_text(context.out + "/report.md", report(record));
  }
  return record;
}

}  // namespace fejer::learned_wavelets
