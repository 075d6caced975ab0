#include <algorithm>
#include <cstdio>

#include <fejer/array.hpp>

#include "learned_wavelets.hpp"

namespace fejer::learned_wavelets {
namespace {

using Json = nlohmann::ordered_json;

std::string figure_of(const Json& value, const char* format) {
  char text[40];
  std::snprintf(text, sizeof text, format, value.get<double>());
  return text;
}

std::string after(const Json& row, Index depth) {
  for (std::size_t k = 0; k < row["depths"].size(); ++k)
    if (row["depths"][k] == depth) return figure_of(row["psnr"][k], "%.2f");
  return "";
}

std::string listed(const Json& values, const char* format) {
  std::string text;
  for (const Json& v : values) text += (text.empty() ? "" : " / ") + figure_of(v, format);
  return text;
}

double least_loss(const Json& rows) {
  double best = rows[0]["train_loss"];
  for (const Json& row : rows) best = std::min(best, row["train_loss"].get<double>());
  return best;
}

std::string methods_table(const Json& task, Index K, Index T, double batch) {
  const Json& rows = task["methods"];
  const double best = least_loss(rows);
  const std::string deep = std::to_string(K * T);
  std::string out =
      "\n### " + task["task"].get<std::string>() + ": " + task["what"].get<std::string>() +
      "\n\n| gradient | steps | passes per gradient | not settled | s | training loss at the fixed "
      "point, 1e-3 | "
      "above the least | cosine to the exact gradient, start / middle / end | relative error | "
      "PSNR start | 1 pass | " +
      std::to_string(K) + " | " + deep + " | fixed point |\n" +
      "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n";
  for (const Json& row : rows) {
    const double loss = row["train_loss"], steps = row["steps"];
    out += "| " + row["name"].get<std::string>() + " | " + row["steps"].dump() + " | " +
           figure_of(row["passes"].get<double>() / steps / batch, "%.0f") + " | " +
           figure_of(row["unsettled"], "%.0f") + " | " + figure_of(row["cpu_seconds"], "%.0f") +
           " | " + figure_of(1e3 * loss, "%.4f") + " | " +
           figure_of(100 * (loss / best - 1), "%.2f %%") + " | " + listed(row["cosine"], "%.4f") +
           " | " + listed(row["relative_error"], "%.2g") + " | " +
           figure_of(row["psnr_start"], "%.2f") + " | " + after(row, 1) + " | " + after(row, K) +
           " | " + after(row, K * T) + " | " + figure_of(row["psnr_settled"], "%.2f") + " |\n";
  }
  return out + "\n![PSNR after so many passes](" + task["task"].get<std::string>() +
         "_passes.png)\n";
}

std::string priors_table(const Json& task, Index K, Index T) {
  const Json& rows = task["priors"];
  const double tuned = rows[0]["psnr_settled"];
  std::string out =
      "\n### " + task["task"].get<std::string>() + ": " + task["what"].get<std::string>() +
      "\n\n| norm | weights learned | steps | s | training loss, 1e-3 | PSNR start | 1 pass | " +
      std::to_string(K) + " | " + std::to_string(K * T) +
      " | fixed point | beside the tuned weight | passes to it |\n" +
      "|---|---|---|---|---|---|---|---|---|---|---|---|\n";
  for (const Json& row : rows)
    out += "| " + row["name"].get<std::string>() + " | " + row["parameters"].dump() + " | " +
           row["steps"].dump() + " | " + figure_of(row["cpu_seconds"], "%.0f") + " | " +
           figure_of(1e3 * row["train_loss"].get<double>(), "%.4f") + " | " +
           figure_of(row["psnr_start"], "%.2f") + " | " + after(row, 1) + " | " + after(row, K) +
           " | " + after(row, K * T) + " | " + figure_of(row["psnr_settled"], "%.2f") + " | " +
           figure_of(row["psnr_settled"].get<double>() - tuned, "%+.2f") + " | " +
           figure_of(row["passes_settled"], "%.0f") + " |\n";
  return out + "\n![The first test image](" + task["task"].get<std::string>() + ".png)\n";
}

}  // namespace

std::string report(const Json& record) {
  const Index K = record["K"], T = record["T"];
  const std::string batch = record["batch"].dump(), k = std::to_string(K),
                    deep = std::to_string(K * T);
  std::string out =
      "# Weights of wavelet norms learned at equilibrium\n\nMade by `fejer experiment run "
      "learned_wavelets`. Trainings are counted in passes: products with B*B of one sample, "
      "forward "
      "and back. Batches of " +
      batch +
      ", Adam with rate 0.1 that falls to 0 with the passes that are left, all weights at the "
      "tuned one at the start, single precision. Losses are mean squared errors at the fixed point "
      "on the training images; PSNR (dB, peak 1) is the mean over the test images of what was "
      "measured (start), after 1, " +
      k + " and " + deep +
      " passes, and at the fixed point. s: CPU seconds of the gradients.\n\nFejér " +
      record.value("version", "") + ", " + record.value("compiler", "") + "\n";
  out += "\n## Gradient strategies at equal cost\n\nA weight for each band of each channel, " +
         figure_of(record["passes"], "%.0f") + " passes. DEQ solves its two systems to " +
         figure_of(record["tolerances"][0], "%g") + " and " +
         figure_of(record["tolerances"][1], "%g") +
         " of their right-hand sides, times 1 - q; not settled: gradients for which that took more "
         "than the passes or products allowed. Cosine and relative error are against the gradient "
         "solved ten times as exactly, on two samples.\n";
  for (const Json& task : record["tasks"])
    if (task.contains("methods")) out += methods_table(task, K, T, record["batch"]);
  out +=
      "\n## Norms\n\nOne weight, tuned by golden-section search on the training images; then norms "
      "learned by RJFB(" +
      k + ", 0) warm from there, " + figure_of(record["prior_passes"], "%.0f") +
      " passes each, 5 times as many in five bases and 4 times as many with a tenth of the pixels, "
      "where a first visit takes longer to settle. Denoising: total variation (TV), too, with 15 "
      "times the passes (which are cheaper), anisotropic unless it says otherwise, by a "
      "primal-dual layer, from its own tuned weight; a pass is a product with A*A and with D and "
      "its adjoint.\n";
  for (const Json& task : record["tasks"]) out += priors_table(task, K, T);
  return out;
}

}  // namespace fejer::learned_wavelets
