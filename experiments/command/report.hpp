#pragma once
/// The folder that --report leaves: pictures, the convergence plot, run.json, metrics.csv.
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fejer/algorithms/run.hpp>

#include "pictures.hpp"
#include "quality.hpp"

namespace fejer::command {

/// Throws ArgumentError unless the folder is there, or can be made, and is writable.
void require_report_folder(const std::string& folder);

struct Report {
  AnyArray reconstruction;
  std::string method;  ///< "tv", for titles
  std::optional<AnyArray> truth;
  std::string start_name;  ///< "measurement", "zero-filled" or "FBP"
  AnyArray start;
  double white = 1;  ///< intensity shown as white
  std::optional<Quality> quality, start_quality;
  std::vector<Iteration> history;
  std::vector<std::pair<Index, double>> psnr_history;
  double tolerance = 0;
  std::string verdict;  ///< title of the convergence plot
  nlohmann::ordered_json record;
};

/// truth.png, measurement.png (zero-filled.png, fbp.png), reconstruction.png, error.png,
/// overview.png, convergence.png, run.json, metrics.csv; those that need a truth only with one.
void write_report(const std::string& folder, const Report& report);

}  // namespace fejer::command
