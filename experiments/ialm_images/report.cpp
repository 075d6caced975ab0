#include "report.hpp"

#include <sstream>

#include "../sparse_training/problem.hpp"

namespace fejer::ialm_images {
namespace {

using Json = nlohmann::ordered_json;
using sparse_training::cell;
using sparse_training::number;
using sparse_training::shares;

/// An empty cell where a training did not get there.
void table(std::ostream& out, const Json& run) {
  out << "\n## " << run["name"].get<std::string>()
      << "\n\n| trained by | objective | test accuracy | zero columns | small columns | max abs h "
         "| "
         "KKT residual | last F | last F_P | gradients | sweeps | CPU s "
         "|\n|---|---|---|---|---|---|---|---|---|---|---|---|\n";
  for (const auto& [name, way] : run["ways"].items())
    out << "| " << name << " | " << cell(way, "objective", "%.5f") << " | "
        << cell(way, "accuracy", "%.4f") << " | "
        << (way.contains("zero_columns") ? shares(way["zero_columns"]) : "") << " | "
        << (way.contains("small_columns") ? shares(way["small_columns"]) : "") << " | "
        << cell(way, "feasibility", "%.1e") << " | " << cell(way, "kkt_residual", "%.1e") << " | "
        << cell(way, "last_objective", "%.5f") << " | "
        << cell(way, "last_lifted_objective", "%.5f") << " | "
        << cell(way, "gradient_evaluations", "%.0f") << " | " << cell(way, "sweeps", "%.0f")
        << " | " << cell(way, "cpu_seconds", "%.1f") << " |\n";
  const Json& pruned = run["pruned"];
  out << "\nPruned after `adam_then_ialm`: widths " << pruned["widths"].dump()
      << ", values differ by " << number(pruned["largest_difference"]) << " at most.\n";
}

void tuning(std::ostream& out, const Json& run) {
  if (run["tuning"].empty()) return;
  out << "\nTried on " << run["name"].get<std::string>() << " with a quarter of the budget:\n\n";
  for (const auto& [name, tried] : run["tuning"].items()) {
    out << "- " << name << ":";
    for (const Json& t : tried) {
      out << (t.contains("rho") ? " rho " + number(t["rho"]) +
                                      (t["dual_start"].get<bool>() ? " with dual start" : "") +
                                      (t.value("level_room", 0.0) > 0 ? " and room" : "")
                                : " rate " + number(t["rate"]))
          << " " << (t["objective"].is_number() ? number(t["objective"], "%.5g") : "diverged")
          << (&t == &tried.back() ? "" : ",");
    }
    out << "\n";
  }
}

}  // namespace

std::string report(const Json& record) {
  const std::string name = record["experiment"];
  std::ostringstream out;
  out << "# Sparse networks that tell pictures apart: " << name
      << "\n\nMade by `fejer experiment run " << name
      << "`. The method follows Liu, Liu and Chen, JMLR 24(212), 2023, whose figures could not be "
         "had; none are compared with.\n";
  if (record.contains("skipped")) {
    out << "\nSkipped: " << record["skipped"].get<std::string>() << ".\n";
    return out.str();
  }
  out << "\nThe first pictures of the training set, 784-30-10, leaky ReLU, squared loss, "
         "lambda_w = 2e-3, lambda_b = 1e-3; accuracy on the whole test set. One thread, CPU "
         "seconds of one training with the settings shown last; gradients count passes over all "
         "samples. Zero columns are exact zeros, layer by layer (inputs first), small ones are "
         "below 1e-3 of the layer's largest. The KKT residual of `ialm` is that of its last "
         "state, of the others that of their forward pass with the multipliers of one "
         "back-propagation. Objectives are F of a forward pass; last F and last F_P are those of "
         "the "
         "method's last state, by a forward pass and of the lifted problem: the best state seen is "
         "what counts. `adam_half` is Adam with half of the epochs, from which both finishers "
         "start; its seconds are not part of theirs.\n";
  for (const Json& run : record["runs"]) table(out, run);
  out << "\n## How they were tuned\n";
  for (const Json& run : record["runs"]) tuning(out, run);
  return out.str();
}

}  // namespace fejer::ialm_images
