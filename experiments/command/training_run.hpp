#pragma once
/// A training from a configuration file to a folder with a model, as `fejer train` runs it.
#include <string>
#include <vector>

#include "outcome.hpp"

namespace fejer::command {

struct TrainingRequest {
  std::string config, out;
  std::vector<std::string> set;  ///< section.key=value, instead of what the file says
  bool resume = false;           ///< go on from out/checkpoint.h5, where it exists
  std::string finish = {};       ///< one of finisher_names(), or nothing
};

/// Leaves model.h5 (the best), checkpoint.h5, metrics.csv, run.json and report/ in `out`, with
/// `finish` also finished.h5: that model, finished and pruned. Throws Interrupted once the step
/// under way is kept.
Outcome train_model(const TrainingRequest& request);

}  // namespace fejer::command
