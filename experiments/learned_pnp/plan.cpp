#include "plan.hpp"

#include <algorithm>
#include <filesystem>

#include "data_folder.hpp"
#include "text.hpp"

namespace fejer::learned_pnp {
namespace {

/// Of `all`, those that --set key=NAME,... lists; of `otherwise` without it.
template <class X>
std::vector<X> chosen(const experiments::Context& context, const std::string& key,
                      const std::vector<X>& all, const std::vector<std::string>& otherwise) {
  std::vector<std::string> known;
  for (const X& x : all) known.push_back(x.name);
  const auto names =
      experiments::selected(context, key, known, otherwise.empty() ? known : otherwise);
  std::vector<X> result;
  for (const X& x : all)
    if (std::find(names.begin(), names.end(), x.name) != names.end()) result.push_back(x);
  return result;
}

void require_file(const std::string& key, const std::string& file, const std::string& makes) {
  if (!experiments::images_exist(file))
    throw ArgumentError("experiment learned_pnp: " + file + ": no such file; " + makes +
                        " makes it, or name another by --set " + key + "=");
}

void require_files(const Settings& s) {
  require_file("train", s.train, "scripts/make-photographs");
  require_file("test", s.test, "scripts/make-photographs");
  for (const Learned& what : s.learned)
    for (const Task& task : s.tasks) {
      if (what.name == "spline") {
        require_file("spline", s.spline, "scripts/results lipschitz_denoisers");
      } else if (what.name == "wcrr") {
        require_file("wcrr", s.wcrr, "scripts/train-default-model wcrr");
      } else if (!s.smoke || !s.denoiser(task, what).empty()) {
        const bool grey = task.channels == 1;
        require_file(
            grey ? "grey_denoiser" : "denoiser", s.denoiser(task, what),
            std::string("scripts/train-default-model drunet_") + (grey ? "grey" : "colour"));
      }
    }
}

}  // namespace

std::vector<Strategy> strategies() {
  // As many passes in all as restarted (10, 5): unrolled_60, one-step.
  return {{"unrolled_10", "unrolled", 10},    {"unrolled_60", "unrolled", 60},
          {"one-step", "one-step", 1, 59},    {"restarted", "restarted", 10, 5},
          {"warm", "restarted", 10, 0, true}, {"implicit", "implicit"}};
}

std::vector<Learned> learned() {
  return {{"parameters", "pnp-drunet"},
          {"levels", "pnp-drunet", 10},
          {"weights", "pnp-drunet"},
          {"spline", "pnp-lipschitz-cnn"},
          {"wcrr", "pnp-wcrr"}};
}

const std::string& Settings::denoiser(const Task& task, const Learned& what) const {
  if (what.name == "spline") return spline;
  if (what.name == "wcrr") return wcrr;
  return task.channels == 1 ? grey : colour;
}

bool Settings::has(const Learned& what, const Strategy& strategy) const {
  const bool few = what.levels > 1 || (smoke && what.name == "wcrr");
  return !few || strategy.name == "unrolled_10" || strategy.name == "restarted";
}

Settings read_settings(const experiments::Context& context) {
  Settings s;
  const std::string source = command::source_folder();
  const auto file = [&](const char* key, const std::string& otherwise) {
    return experiments::given(context, key, otherwise);
  };
  if (context.smoke) {
    s.passes = s.wcrr_passes = 100;
    s.train = "dead-leaves:4x32", s.test = "dead-leaves:1x32:2";
    s.batch = 1, s.patch = s.size = 16, s.most = 5;
    s.settling = 20, s.power_iterations = 3, s.smoke = true;
  }
  std::vector<std::string> tasks{"denoise", "line_blur", "inpaint_50", "inpaint_10", "grey_blur"};
  if (context.smoke) tasks = {"line_blur"};
  s.tasks = chosen(context, "tasks", experiments::photograph_tasks(), tasks);
  s.learned = chosen(context, "learned", learned(), {});
  s.strategies = chosen(context, "strategies", strategies(), {});
  const std::string weights = source + "/models/weights/";
  s.colour = file("denoiser", context.smoke ? "" : weights + "drunet_colour_photographs.h5");
  s.grey = file("grey_denoiser", context.smoke ? "" : weights + "drunet_grey_photographs.h5");
  s.spline = file("spline", source + "/docs/results/lipschitz_denoisers/models/spline.h5");
  s.wcrr = file("wcrr", weights + "wcrr_photographs.h5");
  s.train = file("train", s.train);
  s.test = file("test", s.test);
  if (context.set.count("passes") > 0) {
    s.passes = command::parse_number("--set passes", context.set.at("passes"));
    s.wcrr_passes = s.passes / 10;
  }
  if (context.set.count("wcrr_passes") > 0)
    s.wcrr_passes = command::parse_number("--set wcrr_passes", context.set.at("wcrr_passes"));
  if (context.set.count("size") > 0)
    s.size = command::parse_count("--set size", context.set.at("size"), 16);
  if (context.set.count("most") > 0)
    s.most = command::parse_count("--set most", context.set.at("most"), 1);
  require_files(s);
  return s;
}

std::vector<Array<float>> training_images(const Task& task, const Settings& s) {
  return experiments::windows(open_images(s.train), s.patch, task.channels, false);
}

std::vector<Array<float>> test_images(const Task& task, const Settings& s,
                                      const experiments::Context& context) {
  const std::string set12 = context.data + "/set12";
  const bool here = task.channels == 1 && !context.smoke && std::filesystem::is_directory(set12);
  return experiments::windows(open_images(here ? set12 : s.test), s.size, task.channels, true);
}

}  // namespace fejer::learned_pnp
