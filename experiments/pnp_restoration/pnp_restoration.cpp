#include "pnp_restoration.hpp"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <sstream>
#include <tuple>
#include <utility>

#include <fejer/files.hpp>
#include <fejer/hdf5.hpp>
#include <fejer/image_io.hpp>
#include <fejer/metrics.hpp>
#include <fejer/models/model_file.hpp>
#include <fejer/models/training/dataset.hpp>
#include <fejer/operators/measurement.hpp>
#include <fejer/resample.hpp>

#include "console.hpp"
#include "data_folder.hpp"
#include "defaults.hpp"
#include "drawing.hpp"
#include "record.hpp"
#include "solver.hpp"
#include "start.hpp"
#include "text.hpp"

namespace fejer::pnp_restoration {
namespace {

using Json = nlohmann::ordered_json;

/// Standard deviations of the noise.
constexpr double levels[] = {2.55 / 255, 7.65 / 255, 12.75 / 255};
constexpr Index drawn_level = 1;

struct Entry {
  std::string name, prior, algorithm, model;
};

const std::vector<std::string> all_methods{"wcrr", "dpir", "gs-pnp", "prox-pnp", "prox-drs"},
    all_levels{"1", "2", "3"};

bool among(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

struct Settings {
  std::vector<std::string> methods, levels;
  std::string grey, colour, denoiser_grey, denoiser_colour, proximal, wcrr;
  std::vector<Index> kernels;
  Index size = 128, most = 0;  ///< iterations; 0: as published

  /// Methods for images of so many channels; the gradient-step network is for grey ones.
  std::vector<Entry> entries(Index channels) const {
    std::vector<Entry> list;
    for (const std::string& name : all_methods) {
      if (name == "wcrr")
        list.push_back({name, "model", "auto", wcrr});
      else if (name == "dpir")
        list.push_back({name, "pnp", name, channels == 1 ? denoiser_grey : denoiser_colour});
      else if (channels == 1)
        list.push_back({name, "pnp", name, proximal});
    }
    return list;
  }
};

Settings read(const experiments::Context& context) {
  Settings s;
  const std::string weights = command::source_folder() + "/models/weights/";
  const auto given = [&](const char* key, const std::string& otherwise) {
    return experiments::given(context, key, otherwise);
  };
  s.methods = experiments::selected(context, "methods", all_methods, all_methods);
  s.levels = experiments::selected(context, "levels", all_levels,
                                   context.smoke ? std::vector<std::string>{"2"} : all_levels);
  s.grey = given("grey", context.smoke ? "dead-leaves:1x48:2" : context.data + "/set12");
  s.colour = given("colour", context.smoke ? "" : "out/photographs/validation_colour.h5");
  s.denoiser_grey = given("denoiser_grey", weights + "drunet_grey_photographs.h5");
  s.denoiser_colour = given("denoiser_colour", weights + "drunet_colour_photographs.h5");
  s.proximal = given("proximal", "out/photographs/proximal_drunet_grey/model.h5");
  s.wcrr = given("wcrr", weights + "wcrr_photographs.h5");
  s.size = command::parse_count("--set size", given("size", "128"), 16);
  if (!context.smoke && std::filesystem::exists(context.data + "/kernels/levin09.h5"))
    s.kernels = {0, 1, 2, 3, 4, 5, 6, 7};
  s.kernels.insert(s.kernels.end(), {8, 9});
  if (!context.smoke && s.kernels.size() == 2)
    command::note("experiment pnp_restoration: without the kernels of Levin et al.: no " +
                  context.data + "/kernels/levin09.h5");
  if (!context.smoke) return s;
  s.size = 32, s.most = 3;
  return s;
}

/// Kernel k: eight of Levin et al. 2009, 9 x 9 means, a Gaussian of 1.6 pixels (25 x 25).
Array<double> kernel(const std::string& data, Index k) {
  if (k < 8)
    return Hdf5Reader(data + "/kernels/levin09.h5").read<double>("kernel_" + std::to_string(k));
  return k == 8 ? Array<double>(Shape{9, 9}, 1.0 / 81) : gaussian_kernel<double>(1.6, 25);
}
std::string kernel_name(Index k) {
  return k < 8 ? std::string(1, static_cast<char>('a' + k)) : k == 8 ? "box" : "gauss";
}

/// Image k mod n behind kernel k, circular.
Measurement simulated(const Dataset& images, Index k, double noise, const Settings& s,
                      const std::string& data) {
  const Array<float> image = images.image(k % images.size());
  const Index rows = std::min(s.size, image.shape()[1]),
              columns = std::min(s.size, image.shape()[2]);
  const Array<float> truth =
      crop(image, (image.shape()[1] - rows) / 2, (image.shape()[2] - columns) / 2, rows, columns);
  Measurement m;
  m.setup = BlurSetup{kernel(data, k), Boundary::circular};
  m.data = truth;
  m.noise_level = noise;
  Array<float> y = make_operator<float>(m).apply(truth);
  add_noise<float>(m, noise, Rng(0).stream("kernel/" + std::to_string(k)), y);
  m.data = std::move(y);
  m.truth = truth;
  return m;
}

/// As `fejer reconstruct` does without further flags.
command::Method method_of(const Entry& entry, const Model<float>& model, double noise,
                          const Settings& s) {
  const command::Situation situation{entry.prior, "blur", noise, model.noise_level(),
                                     entry.prior == "pnp" ? entry.algorithm : ""};
  command::Method method;
  method.prior = entry.prior, method.algorithm = entry.algorithm;
  method.force = entry.prior == "pnp";
  method.sigma = command::default_sigma(situation);
  method.lambda = command::default_lambda(situation, method.sigma);
  method.step = command::default_step(situation);
  method.run.tolerance = command::default_tolerance(situation);
  method.run.max_iterations = command::default_max_iterations(situation);
  if (s.most > 0) method.run.max_iterations = s.most;
  method.run.objective_every = 1;
  return method;
}

struct Restored {
  Array<float> image;
  Json row;
};

Restored restore(const Measurement& m, const Entry& entry, const Model<float>& model,
                 const Settings& s) {
  const command::Method method = method_of(entry, model, m.noise_level, s);
  const LinearOperator<float> A = make_operator<float>(m);
  const auto problem =
      command::posed<float>(m, A, command::start_value<float>(m, A, "").image, m.scale);
  Index rises = 0;
  double last = std::nan("");
  const auto watch = [&](const Iteration& it, ConstView<float>) {
    if (it.objective > last + 1e-5 * std::abs(last)) ++rises;  // rounding of single precision
    last = it.objective;
    return command::interrupted() ? Control::stop : Control::proceed;
  };
  const std::clock_t begin = std::clock();
  auto solution = command::solve<float>(problem, &model, method, {watch});
  const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  command::stop_if_interrupted();
  const Array<float> truth = elements_as<float>(*m.truth);
  Restored r{std::move(solution.result.x), {}};
  r.row = {{"psnr", psnr(r.image, truth, 1.0)},
           {"psnr_data", psnr(elements_as<float>(m.data), truth, 1.0)},
           {"iterations", solution.result.iterations},
           {"converged", solution.result.status == Status::converged},
           {"cpu_seconds", seconds},
           {"residual", solution.result.residual}};
  if (std::isfinite(last)) r.row["rises"] = rises;
  return r;
}

/// Means over the kernels, and each PSNR.
Json summed(const std::vector<Json>& rows) {
  Json sum = {{"psnr", Json::array()}};
  const auto n = static_cast<double>(rows.size());
  for (const Json& row : rows) {
    sum["psnr"].push_back(row["psnr"]);
    for (const char* key : {"psnr", "psnr_data", "iterations", "cpu_seconds"}) {
      const std::string mean = std::string("mean_") + key;
      sum[mean] = sum.value(mean, 0.0) + row[key].get<double>() / n;
    }
    sum["converged"] = sum.value("converged", 0) + (row["converged"].get<bool>() ? 1 : 0);
    if (row.contains("rises")) sum["rises"] = sum.value("rises", 0) + row["rises"].get<int>();
  }
  return sum;
}

class Comparison {
 public:
  Comparison(const experiments::Context& context, Settings s)
      : context_(context), s_(std::move(s)) {}

  Json run(const std::string& name, const std::string& source) {
    const Dataset images = open_images(source);
    const Index channels = images.shape(0)[0];
    Json rows = Json::array();
    for (const Entry& entry : s_.entries(channels)) {
      if (!std::filesystem::exists(entry.model)) {
        command::note("experiment pnp_restoration: " + entry.name + " is left out: no " +
                      entry.model);
        continue;
      }
      const auto model = load_model<float>(entry.model);
      for (const std::string& level : all_levels) {
        const auto noise = static_cast<std::size_t>(std::stoi(level)) - 1;
        const std::string cell = name + "_" + entry.name + "_" + level;
        const std::string file = context_.out + "/cells/" + cell + ".json";
        // A run that resumes shows what is there, whatever it was told to make.
        const bool chosen = among(s_.methods, entry.name) && among(s_.levels, level);
        if (!chosen && !(context_.resume && std::filesystem::exists(file))) continue;
        command::note("experiment pnp_restoration: " + cell);
        rows.push_back(experiments::kept(context_, file, [&] {
          Json row = {{"smoke", context_.smoke},
                      {"images", name},
                      {"method", entry.name},
                      {"noise", levels[noise]}};
          std::vector<Json> each;
          for (const Index k : s_.kernels)
            each.push_back(
                restore(simulated(images, k, levels[noise], s_, context_.data), entry, model, s_)
                    .row);
          row.update(summed(each));
          return row;
        }));
      }
    }
    draw(name, images);
    return rows;
  }

 private:
  void draw(const std::string& name, const Dataset& images) {
    const Measurement m = simulated(images, s_.kernels[1], levels[drawn_level], s_, context_.data);
    const Array<float> truth = elements_as<float>(*m.truth);
    std::vector<command::Panel> panels;
    const auto add = [&](const std::string& title, const Array<float>& image) {
      char text[40];
      std::snprintf(text, sizeof text, "%.2f dB", psnr(image, truth, 1.0));
      panels.push_back({title, command::as_rgb(image, 1), 0, title == "truth" ? "" : text});
    };
    add("truth", truth);
    add("data", elements_as<float>(m.data));
    for (const Entry& entry : s_.entries(images.shape(0)[0]))
      if (among(s_.methods, entry.name) && std::filesystem::exists(entry.model))
        add(entry.name, restore(m, entry, load_model<float>(entry.model), s_).image);
    command::draw_panels(context_.out + "/" + name + ".png", panels);
  }

  const experiments::Context& context_;
  Settings s_;
};

/// Means over the ten kernels of CBSD10, circular, in GS-PnP's table 2 (arXiv 2110.03220).
constexpr struct {
  const char* method;
  const char* psnr[3];
} published[] = {{"EPLL", {"27.34", "25.16", "24.04"}},
                 {"RED", {"29.17", "25.26", "22.84"}},
                 {"IRCNN", {"31.97", "28.58", "26.94"}},
                 {"DPIR", {"32.50", "28.91", "27.42"}},
                 {"GS-PnP", {"32.33", "28.90", "27.44"}}};

std::string report(const Json& record) {
  std::ostringstream out;
  out << "# Plug-and-play restoration with its published defaults\n\nMade by `fejer experiment run "
         "pnp_restoration`: deblurring with the ten kernels of GS-PnP's table (a to h: Levin et "
         "al. "
         "2009; means of 9 x 9; a Gaussian of 1.6 pixels), circular, the middles of the images, "
      << record["size"]
      << " pixels wide, image k behind kernel k. PSNR in dB (peak 1, before any clipping), means "
         "over "
         "the kernels; iterations and CPU seconds an image; rises: iterations after which the "
         "objective was higher by more than 1e-5 of it, of all images.\n\nFejér "
      << record.value("version", "") << ", " << record.value("compiler", "") << "\n";
  for (const Json& set : record["sets"]) {
    out << "\n## " << set["what"].get<std::string>()
        << "\n\n| method | noise x 255 | data | PSNR |";
    for (const Json& k : record["kernels"]) out << ' ' << kernel_name(k) << " |";
    out << " iterations | converged | s | rises |\n|";
    for (std::size_t k = 0; k < record["kernels"].size() + 8; ++k) out << "---|";
    out << '\n';
    for (const Json& r : set["rows"]) {
      char text[120];
      std::snprintf(text, sizeof text, "| %s | %.2f | %.2f | **%.2f** |",
                    r["method"].get<std::string>().c_str(), 255 * r["noise"].get<double>(),
                    r["mean_psnr_data"].get<double>(), r["mean_psnr"].get<double>());
      out << text;
      for (const Json& one : r["psnr"]) {
        std::snprintf(text, sizeof text, " %.2f |", one.get<double>());
        out << text;
      }
      const std::string converged = r["method"] == "dpir"
                                        ? "-"
                                        : std::to_string(r["converged"].get<int>()) + " of " +
                                              std::to_string(r["psnr"].size());
      std::snprintf(text, sizeof text, " %.0f | %s | %.1f | %s |\n",
                    r["mean_iterations"].get<double>(), converged.c_str(),
                    r["mean_cpu_seconds"].get<double>(),
                    r.contains("rises") ? r["rises"].dump().c_str() : "-");
      out << text;
    }
    out << "\n![Kernel " << kernel_name(record["kernels"][1]) << ", noise "
        << 255 * levels[drawn_level] << "/255](" << set["name"].get<std::string>() << ".png)\n";
  }
  out << "\n## Published\n\nGS-PnP's table 2: ten colour images of the Berkeley set, networks of "
         "17 to "
         "33 million weights.\n\n| method | 2.55 | 7.65 | 12.75 |\n|---|---|---|---|\n";
  for (const auto& row : published)
    out << "| " << row.method << " | " << row.psnr[0] << " | " << row.psnr[1] << " | "
        << row.psnr[2] << " |\n";
  return out.str();
}

}  // namespace

Json run(const experiments::Context& context) {
  const Settings s = read(context);
  std::filesystem::create_directories(context.out + "/cells");
  Json record = command::environment_json();
  record["experiment"] = "pnp_restoration";
  record["smoke"] = context.smoke;
  record["size"] = s.size;
  record["kernels"] = s.kernels;
  record["sets"] = Json::array();
  Comparison comparison(context, s);
  for (const auto& [name, what, source] :
       {std::tuple{"grey", "Grey images", s.grey}, {"colour", "Colour photographs", s.colour}}) {
    if (source.empty()) continue;
    if (!experiments::images_exist(source)) {
      command::note(std::string("experiment pnp_restoration: ") + what + " are left out: no " +
                    source);
      continue;
    }
    record["sets"].push_back(
        {{"name", name}, {"what", what}, {"rows", comparison.run(name, source)}});
    write_text(context.out + "/record.json", record.dump(1) + "\n");
    write_text(context.out + "/report.md", report(record));
  }
  return record;
}

}  // namespace fejer::pnp_restoration
