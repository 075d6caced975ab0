#include <cstdio>
#include <map>

#include "reconstruction.hpp"

namespace fejer::reconstruction {
namespace {

using Json = nlohmann::ordered_json;

const std::map<std::string, std::string>& titles() {
  static const std::map<std::string, std::string> all = {
      {"start", "start value"},
      {"tv", "TV"},
      {"crr", "CRR"},
      {"wcrr", "WCRR"},
      {"unrolled", "unrolled PGD, trained here for this task"},
      {"pnp_relu", "PnP-FBS, certified ReLU CNN"},
      {"pnp_spline", "PnP-FBS, certified spline CNN"},
      {"pnp_relu_forced", "PnP-FBS, ReLU CNN as published, no guarantee"},
      {"pnp_spline_forced", "PnP-FBS, spline CNN as published, no guarantee"}};
  return all;
}

std::string title(const Json& cell) {
  const std::string method = cell["method"];
  if (const auto known = titles().find(method); known != titles().end()) return known->second;
  return (cell["prior"] == "pnp" ? "PnP-FBS, certified, our " : "our ") +
         method.substr(method.find('_') + 1);
}

std::string fixed(double value, int digits) {
  char text[40];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

/// Mean of a key over the cases; empty where a case has none.
std::string mean(const Json& cell, const char* key, int digits) {
  double sum = 0;
  for (const Json& c : cell["cases"]) {
    if (c[key].is_null()) return "";
    sum += c[key].get<double>();
  }
  return fixed(sum / static_cast<double>(cell["cases"].size()), digits);
}

std::string parameters(const Json& cell) {
  if (!cell.contains("tuned")) return "";
  char text[80];
  const double a = cell["tuned"][0], b = cell["tuned"][1];
  if (cell["prior"] == "tv")
    std::snprintf(text, sizeof text, "lambda %.3g", a);
  else if (cell["prior"] == "model")
    std::snprintf(text, sizeof text, "lambda %.3g, sigma %.1f/255", a, 255 * b);
  else
    std::snprintf(text, sizeof text, "relaxation %.3g", a);
  return text;
}

std::string verdicts(const Json& cell) {
  if (!cell.contains("tuned")) return "";
  std::map<std::string, int> count;
  int rose = 0;
  for (const Json& c : cell["cases"]) {
    ++count[c["status"].get<std::string>()];
    rose += c["change_never_rose"].get<bool>() ? 0 : 1;
  }
  std::string text;
  for (const auto& [status, n] : count) {
    if (!text.empty()) text += ", ";
    text += status;
    text += ' ';
    text += std::to_string(n);
  }
  if (cell["prior"] == "pnp") {
    text += rose == 0 ? "; change never rose" : "; change rose in ";
    if (rose > 0) text += std::to_string(rose);
  }
  return text;
}

}  // namespace

std::string report(const Json& record) {
  std::string text =
      "# Reconstruction: priors compared\n\nMade by `fejer experiment run reconstruction`; every "
      "figure is the mean over the test cases.\nPSNR in dB and SSIM before any clipping. "
      "Parameters "
      "were tuned on other images by a compass\nsearch, at most 18 trials on the first and 6 on "
      "all of them. Stopped at a relative change of 5e-5\nor after 1500 iterations. Seconds are "
      "those of this machine, which may have had other work. Where the order of a table is not\n"
      "that of the others, experiments/reconstruction/README.md says what is known of the "
      "cause. \"Change\nnever rose\": ||x+ - x|| was at every step at most 1.001 times that of the "
      "step before plus 1e-6 ||x||.\n\n";
  text += "Fejér " + record.value("version", "") + ", " + record.value("compiler", "") + "\n";
  for (const Json& task : record["tasks"]) {
    text += "\n## " + task["title"].get<std::string>() + "\n" + task["remark"].get<std::string>() +
            "\n\n| method | PSNR | SSIM | data fit | iterations | seconds | parameters | verdicts "
            "|\n|---|---|---|---|---|---|---|---|\n";
    for (const Json& cell : record["cells"]) {
      if (cell["task"] != task["name"]) continue;
      text += "| " + title(cell) + " | " + mean(cell, "psnr", 2) + " | " + mean(cell, "ssim", 4) +
              " | " + mean(cell, "data_fit", 4) + " | " + mean(cell, "iterations", 0) + " | " +
              mean(cell, "seconds", 1) + " | " + parameters(cell) + " | " + verdicts(cell) + " |\n";
    }
  }
  return text;
}

}  // namespace fejer::reconstruction
