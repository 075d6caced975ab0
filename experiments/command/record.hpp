#pragma once
/// What a run leaves behind for its repetition: run.json and metrics.csv.
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include <fejer/algorithms/run.hpp>
#include <fejer/certificate.hpp>

namespace fejer::command {

/// Indented; bytes that are no UTF-8 (file names may hold any) become the replacement character.
std::string json_text(const nlohmann::ordered_json& json);

/// Version, compiler, build flags, threads.
nlohmann::ordered_json environment_json();

/// Base name and SHA-256 of each input file; names without a file (phantoms) are left out.
nlohmann::ordered_json inputs_json(const std::vector<std::pair<std::string, std::string>>& inputs);

/// [rows, columns].
nlohmann::ordered_json shape_json(const Shape& shape);

/// A fact as a number where it is one, null where it is infinite, else as text.
nlohmann::ordered_json fact_json(const std::string& text);

nlohmann::ordered_json certificate_json(const Certificate& certificate);

/// A row for each iteration: iteration, residual, objective, psnr, seconds; empty where unknown.
std::string history_csv(const std::vector<Iteration>& history,
                        const std::vector<std::pair<Index, double>>& psnr);

}  // namespace fejer::command
