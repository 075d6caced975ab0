#pragma once
#include <nlohmann/json.hpp>

#include "../experiment.hpp"

namespace fejer::ialm_images {

/// Sparse networks that tell pictures apart: the inexact augmented Lagrangian method from scratch
/// and after Adam, beside tuned stochastic methods and full-batch proximal gradient. Skips, saying
/// so in report and record, where the data set is not there.
nlohmann::ordered_json run_mnist(const experiments::Context& context);
nlohmann::ordered_json run_fashion_mnist(const experiments::Context& context);

}  // namespace fejer::ialm_images
