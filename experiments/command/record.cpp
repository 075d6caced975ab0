#include "record.hpp"

#include <cmath>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include <fejer/files.hpp>
#include <fejer/parallel.hpp>
#include <fejer/version.hpp>

#include "text.hpp"

namespace fejer::command {
namespace {

std::string csv_cell(double value) {
  if (!std::isfinite(value)) return "";
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

}  // namespace

std::string json_text(const nlohmann::ordered_json& json) {
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

nlohmann::ordered_json environment_json() {
  return {{"version", version()},
          {"compiler", build_description()},
          {"flags", FEJER_COMPILE_FLAGS},
          {"threads", thread_count()}};
}

nlohmann::ordered_json inputs_json(const std::vector<std::pair<std::string, std::string>>& inputs) {
  nlohmann::ordered_json j = nlohmann::ordered_json::object();
  for (const auto& [what, text] : inputs) {
    if (text.empty() || text.starts_with("phantom:")) continue;
    const auto path = parse_dataset_path(text);
    const std::string file = path ? path->file : text;
    j[what] = {{"name", base_name(text)}, {"sha256", sha256_of_file(file)}};
  }
  return j;
}

nlohmann::ordered_json shape_json(const Shape& shape) {
  return std::vector<Index>(shape.begin(), shape.end());
}

nlohmann::ordered_json fact_json(const std::string& text) {
  // Counts with all their digits.
  const bool digits = text.find_first_not_of("0123456789") == std::string::npos;
  if (digits && !text.empty() && text.size() < 16) return std::stoll(text);
  if (const auto number = number_in(text)) return *number;
  if (text == "inf" || text == "nan") return nullptr;
  return text;
}

nlohmann::ordered_json certificate_json(const Certificate& c) {
  nlohmann::ordered_json j = {{"kind", to_string(c.kind)}};
  const auto number = [&](const char* key, double value) {
    j[key] = std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
  };
  number("lipschitz", c.lipschitz);
  number("averagedness", c.averagedness);
  number("weak_convexity", c.weak_convexity);
  j["how"] = c.how;
  return j;
}

std::string history_csv(const std::vector<Iteration>& history,
                        const std::vector<std::pair<Index, double>>& psnr) {
  const std::map<Index, double> psnr_at(psnr.begin(), psnr.end());
  std::string csv = "iteration,residual,objective,psnr,seconds\n";
  for (const Iteration& row : history) {
    const auto found = psnr_at.find(row.iteration);
    csv += std::to_string(row.iteration) + "," + csv_cell(row.residual) + "," +
           csv_cell(row.objective) + "," + (found == psnr_at.end() ? "" : csv_cell(found->second)) +
           "," + csv_cell(row.seconds) + "\n";
  }
  return csv;
}

}  // namespace fejer::command
