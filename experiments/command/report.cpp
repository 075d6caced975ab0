#include "report.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>

#include <fejer/files.hpp>
#include <fejer/image_io.hpp>

#include "drawing.hpp"
#include "record.hpp"
#include "text.hpp"

namespace fejer::command {
namespace {

namespace fs = std::filesystem;

/// The channels as a picture: all of 1 or 3, else the first.
Array<float> showable(const AnyArray& image) {
  Array<float> shown = magnitude(image);
  const Index channels = shown.shape()[0];
  if (channels == 1 || channels == 3) return shown;
  return Array<float>(shown.slice(0)).reshaped({1, shown.shape()[1], shown.shape()[2]});
}

Array<float> difference(const Array<float>& x, const Array<float>& reference) {
  Array<float> d(x.shape());
  for (Index i = 0; i < d.size(); ++i) d[i] = x[i] - reference[i];
  return d;
}

/// 1, 2 or 5 times a power of ten that covers 99.5 % of the moduli.
double round_range(const Array<float>& values) {
  std::vector<float> moduli(static_cast<std::size_t>(values.size()));
  std::transform(values.begin(), values.end(), moduli.begin(), [](float v) { return std::abs(v); });
  const auto at =
      moduli.begin() + static_cast<std::ptrdiff_t>(0.995 * static_cast<double>(moduli.size() - 1));
  std::nth_element(moduli.begin(), at, moduli.end());
  const double target = std::max(static_cast<double>(*at), 1e-12);
  const double power = std::pow(10.0, std::floor(std::log10(target)));
  for (const double m : {1.0, 2.0, 5.0})
    if (m * power >= target) return m * power;
  return 10 * power;
}

std::string file_name(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) {
    return c == ' ' ? '-' : static_cast<char>(std::tolower(c));
  });
  return name + ".png";
}

void write_pictures(const std::string& folder, const Report& r) {
  std::vector<Panel> panels;
  const auto picture = [&](const std::string& name, const std::string& title,
                           const std::string& subtitle, const AnyArray& image) {
    const Array<float> rgb = as_rgb(showable(image), r.white);
    const Array<float> grey = Array<float>(rgb.slice(0));
    const bool colour = shape_of(image)[0] == 3;
    write_png(folder + "/" + file_name(name),
              colour ? ConstView<float>(rgb) : ConstView<float>(grey));
    panels.push_back({title, rgb, 0, subtitle});
  };
  const auto figures = [](const std::optional<Quality>& quality) {
    const std::string text = quality_text(quality);
    return text.empty() ? text : text.substr(2);
  };
  const std::string intensities = "0 to " + short_number(r.white);
  if (r.truth) picture("truth", "truth", intensities, *r.truth);
  picture(r.start_name, r.start_name, r.start_quality ? figures(r.start_quality) : intensities,
          r.start);
  picture("reconstruction", r.method, figures(r.quality), r.reconstruction);
  if (r.truth) {
    const Array<float> error = difference(showable(r.reconstruction), showable(*r.truth));
    const double range = round_range(error);
    const Panel panel{"error", diverging_colours(error, range), range, r.method + " - truth"};
    draw_panels(folder + "/error.png", {panel});
    panels.push_back(panel);
  }
  draw_panels(folder + "/overview.png", panels);
}

void write_convergence(const std::string& path, const Report& r) {
  Curve residual{"relative change", {}, r.tolerance}, objective{"objective", {}, 0},
      psnr{"PSNR (dB)", {}, 0};
  for (const Iteration& row : r.history) {
    residual.points.emplace_back(static_cast<double>(row.iteration), row.residual);
    if (std::isfinite(row.objective))
      objective.points.emplace_back(static_cast<double>(row.iteration), row.objective);
  }
  for (const auto& [iteration, value] : r.psnr_history)
    psnr.points.emplace_back(static_cast<double>(iteration), value);
  std::vector<Curve> curves = {residual};
  if (objective.points.size() > 1) curves.push_back(objective);
  if (psnr.points.size() > 1) curves.push_back(psnr);
  draw_curves(path, r.verdict, curves);
}

}  // namespace

void require_report_folder(const std::string& folder) {
  std::error_code error;
  const fs::path path(folder);
  if (fs::exists(path, error)) {
    if (!fs::is_directory(path, error))
      throw ArgumentError("--report: " + folder + " is a file, expected a folder");
    require_writable((path / "run.json").string());
  } else {
    require_writable((path.has_filename() ? path : path.parent_path()).string());
  }
}

void write_report(const std::string& folder, const Report& report) {
  std::error_code error;
  fs::create_directory(folder, error);
  if (!fs::is_directory(folder))
    throw ArgumentError("--report: cannot make the folder " + folder + ": " + error.message());
  write_pictures(folder, report);
  if (!report.history.empty()) write_convergence(folder + "/convergence.png", report);
  release_fonts();
  write_text(folder + "/metrics.csv", history_csv(report.history, report.psnr_history));
  write_text(folder + "/run.json", json_text(report.record) + "\n");
}

}  // namespace fejer::command
