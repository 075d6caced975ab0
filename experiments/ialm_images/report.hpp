#pragma once
#include <nlohmann/json.hpp>
#include <string>

namespace fejer::ialm_images {

/// The record as tables.
std::string report(const nlohmann::ordered_json& record);

}  // namespace fejer::ialm_images
