#pragma once
/// The folder DIR/report of a training: curves, and pictures of what was learned.
#include <string>

#include "training_plan.hpp"

namespace fejer::command {

/// curves.png: loss, validation PSNR, learning rate, gradient norm and figures over the steps;
/// filters.png and profiles.png where the model is made of filters and profiles; report.md.
void write_training_report(const std::string& folder, const TrainingPlan& plan,
                           const TrainingResult& result);

}  // namespace fejer::command
