#pragma once
#include <nlohmann/json.hpp>

#include "../experiment.hpp"

namespace fejer::ialm_synthetic {

/// A sparse network learned from a sparse one, by the inexact augmented Lagrangian method and by
/// Adam.
nlohmann::ordered_json run(const experiments::Context& context);

}  // namespace fejer::ialm_synthetic
