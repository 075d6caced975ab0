#include "training_report.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include <fejer/files.hpp>

#include "drawing.hpp"
#include "model_pictures.hpp"
#include "text.hpp"

namespace fejer::command {
namespace {

/// Means over windows, about 300 points: single batches hide the trend.
Curve smoothed(const std::string& label, const std::vector<TrainingRow>& history,
               const std::function<double(const TrainingRow&)>& value) {
  Curve curve{label, {}, 0};
  const std::size_t window = std::max<std::size_t>(1, history.size() / 300);
  for (std::size_t first = 0; first < history.size(); first += window) {
    const std::size_t end = std::min(first + window, history.size());
    double sum = 0;
    for (std::size_t i = first; i < end; ++i) sum += value(history[i]);
    curve.points.emplace_back(static_cast<double>(history[end - 1].step),
                              sum / static_cast<double>(end - first));
  }
  return curve;
}

std::vector<Curve> curves_of(const std::vector<TrainingRow>& history) {
  std::vector<Curve> curves;
  curves.push_back(smoothed("loss", history, [](const TrainingRow& r) { return r.loss; }));
  Curve psnr{"validation (dB)", {}, 0};
  for (const TrainingRow& row : history)
    if (!std::isnan(row.psnr)) psnr.points.emplace_back(static_cast<double>(row.step), row.psnr);
  if (psnr.points.size() > 1) curves.push_back(psnr);
  if (std::any_of(history.begin(), history.end(), [](const auto& r) { return r.penalty != 0; }))
    curves.push_back(smoothed("penalty", history, [](const TrainingRow& r) { return r.penalty; }));
  curves.push_back(
      smoothed("gradient norm", history, [](const TrainingRow& r) { return r.gradient_norm; }));
  curves.push_back(
      smoothed("rate factor", history, [](const TrainingRow& r) { return r.rate_factor; }));
  if (!history.empty())
    for (const auto& [name, value] : history.front().figures)
      curves.push_back(smoothed(name, history, [&key = name](const TrainingRow& r) {
        const auto found = r.figures.find(key);
        return found == r.figures.end() ? std::nan("") : found->second;
      }));
  return curves;
}

}  // namespace

void write_training_report(const std::string& folder, const TrainingPlan& plan,
                           const TrainingResult& result) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!std::filesystem::is_directory(folder))
    throw ArgumentError(folder + ": cannot be made: " + error.message());
  const TrainingState& s = result.state;
  const std::string title = plan.kind + ": " + result.cause;
  draw_curves(folder + "/curves.png", title, curves_of(s.history), "step");
  const std::vector<std::string> pictures =
      write_model_pictures(folder, plan.trainable.to_model(s.result()));
  release_fonts();
  std::string text = "# Training of " + plan.kind + "\n\n" + std::to_string(s.optimiser.step) +
                     " steps, " + short_number(s.history.empty() ? 0 : s.history.back().seconds) +
                     " s: " + result.cause + ".";
  if (s.best_step > 0)
    text += " Best validation: " + short_number(s.best_psnr) + " dB after step " +
            std::to_string(s.best_step) + ".";
  text += "\n\n![learning curves](curves.png)\n";
  for (const std::string& name : pictures) text += "\n![" + name + "](" + name + ".png)\n";
  text += "\nConfiguration, with every default:\n\n```json\n" + plan.resolved.dump(1) + "\n```\n";
  write_text(folder + "/report.md", text);
}

}  // namespace fejer::command
