#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include <fejer/array.hpp>

#include "learned_pnp.hpp"

namespace fejer::learned_pnp {
namespace {

using Json = nlohmann::ordered_json;

/// "-" where the cell has no such number, or none that is finite.
std::string shown(const Json& cell, const char* key, const char* format) {
  const auto found = cell.find(key);
  if (found == cell.end() || !found->is_number() || !std::isfinite(found->get<double>()))
    return "-";
  char text[40];
  std::snprintf(text, sizeof text, format, found->get<double>());
  return text;
}

/// One level, or those of layers that take turns.
std::string levels(const Json& cell) {
  if (!cell.contains("sigma") || !cell["sigma"].is_array()) return shown(cell, "sigma", "%.4f");
  std::string text;
  for (const Json& sigma : cell["sigma"])
    text += (text.empty() ? "" : " / ") + shown({{"sigma", sigma}}, "sigma", "%.3f");
  return text;
}

std::string name_of(const Json& cell) {
  return "| " + cell["learned"].get<std::string>() + " | " + cell["strategy"].get<std::string>();
}

std::string results_table(const Json& task) {
  std::string out =
      "| learned | strategy | K, R | steps | passes | s | step | sigma | lambda | start | 1 | 10 | "
      "60 | last pass | passes | residual | settled | Lip(D) | Lip(pass) |\n|---|---|---|---|---|"
      "---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n";
  std::string failed;
  for (const Json& r : task["results"]) {
    if (r.contains("failed")) {
      failed += "- " + r["learned"].get<std::string>() + ", " + r["strategy"].get<std::string>() +
                ": " + r["failed"].get<std::string>() + "\n";
      continue;
    }
    const Json& p = r["psnr"];
    out += name_of(r) + " | " + r["depth"].dump() + ", " + r["restarts"].dump() + " | " +
           r["steps"].dump() + " | " + shown(r, "passes", "%.0f") + " | " +
           shown(r, "seconds", "%.0f") + " | " + shown(r, "step", "%.3f") + " | " + levels(r) +
           " | " + shown(r, "lambda", "%.4f") + " | " + shown(p, "start", "%.2f") + " | " +
           shown(p, "after_1", "%.2f") + " | " + shown(p, "after_10", "%.2f") + " | " +
           shown(p, "after_60", "%.2f") + " | " + shown(p, "last", "%.2f") + " | " +
           shown(p, "passes", "%.0f") + " | " + shown(p, "residual", "%.1e") + " | " +
           r["settled"].dump() + " of " + r["images"].dump() + " | " +
           shown(r, "lipschitz_denoiser", "%.3f") + " | " + shown(r, "lipschitz_turn", "%.3f") +
           " |\n";
  }
  return failed.empty() ? out : out + "\nNo result:\n" + failed;
}

/// Means over the gradients of trainings that begin at or near the fixed point.
std::string gradients_table(const Json& task) {
  std::string rows;
  for (const Json& r : task["results"]) {
    const Json figures = r.value("training", Json::object());
    if (figures.empty() || r["strategy"].get<std::string>().starts_with("unrolled")) continue;
    rows += name_of(r) + " | " + shown(figures, "passes", "%.1f") + " | " +
            shown(figures, "residual", "%.1e") + " | " + shown(figures, "unsettled", "%.2f") +
            " | " + shown(figures, "contraction", "%.3f") + " | " +
            shown(figures, "adjoint products", "%.1f") + " | " +
            shown(figures, "adjoint residual", "%.1e") + " |\n";
  }
  if (rows.empty()) return "";
  return "\nGradients, means over the training: passes without a tape, the last residual, the "
         "share "
         "of samples that are not settled (a tolerance was not reached), the contraction that was "
         "seen.\n\n| learned | strategy | passes | residual | not settled | contraction | adjoint "
         "products | adjoint residual |\n|---|---|---|---|---|---|---|---|\n" +
         rows;
}

/// ||x+ - x|| / ||x+|| of the first test image on the way.
std::string residual_table(const Json& task) {
  const std::vector<std::size_t> turns{1, 2, 5, 10, 20, 40, 60, 100, 150, 250, 500};
  std::string out = "\n| learned | strategy |", line = "\n|---|---|";
  for (const std::size_t k : turns) {
    out += " " + std::to_string(k) + " |";
    line += "---|";
  }
  out += line + "\n";
  for (const Json& r : task["results"]) {
    if (!r.contains("residuals")) continue;
    const Json& residuals = r["residuals"];
    out += name_of(r) + " |";
    for (const std::size_t k : turns)
      out += " " + (k <= residuals.size() ? shown({{"r", residuals[k - 1]}}, "r", "%.1e") : "-") +
             " |";
    out += "\n";
  }
  return out;
}

}  // namespace

std::string report(const Json& record) {
  std::string out =
      "# Plug-and-play, learned by each gradient strategy\n\nMade by `fejer experiment run "
      "learned_pnp`. Every training has the same number of passes of the denoiser on one sample, a "
      "pass back counting as two, a product with the transposed derivative as one: " +
      shown(record, "passes", "%.0f") + " (WCRR: " + shown(record, "wcrr_passes", "%.0f") +
      "), as nearly as whole steps with batches of " + record["batch"].dump() +
      " allow. Learned: step and noise level of a DRUNet (parameters), step and ten noise levels "
      "of ten layers that take turns (levels; K and R count layers), step, noise level and weights "
      "(weights), step and relaxation lambda of a Lipschitz CNN with splines (spline), step, "
      "weight lambda and noise level of the prox of a WCRR (wcrr); the last two work plane by "
      "plane. Strategies: unrolled K passes from the start; one-step (JFB) after 59 passes; "
      "restarted (K, R); warm: (K, 0) from where the last step on the same window ended, the first "
      "until it settles or " +
      record["settling"].dump() +
      " passes; implicit: the exact gradient, forward until it settles or " +
      record["settling"].dump() +
      " passes.\n\nMean PSNR in dB over the middles of the test images, " + record["size"].dump() +
      " pixels wide: of the start, after 1, 10 and 60 passes, and after the last of at most " +
      record["most_passes"].dump() +
      "; settled: on how many images the residual ||x+ - x|| / ||x+|| came to 1e-5, which then is "
      "the last pass. Lip(D), Lip(pass): largest singular values of the derivatives of denoiser "
      "and whole pass (with levels: of the largest, and of a turn of all) at the last pass of the "
      "first test image, by " +
      record["power_iterations"].dump() +
      " power iterations: bounds from below, at one point. Where they are 1 or more nothing "
      "promises that residuals go on falling, and where they are less nothing does elsewhere. "
      "Proven are two only: a pass with the spline network is averaged, so that it converges if "
      "there is a fixed point, and one with the WCRR lowers an objective.\n\nFejér " +
      record.value("version", "") + ", " + record.value("compiler", "") + "\n";
  for (const Json& task : record["tasks"])
    out +=
        "\n## " + task["task"].get<std::string>() + ": " + task["what"].get<std::string>() +
        "\n\n" + task["training_images"].dump() + " training windows, " +
        task["test_images"].dump() + " test images.\n\n" + results_table(task) +
        "\n![The first test image](" + task["task"].get<std::string>() + ".png)\n" +
        gradients_table(task) +
        "\nResiduals on the first test image after so many passes (levels: turns of ten); a dash: "
        "the iteration had ended.\n" +
        residual_table(task);
  return out;
}

}  // namespace fejer::learned_pnp
