#pragma once
#include <nlohmann/json.hpp>

#include "../experiment.hpp"

namespace fejer::patch_pruning {

/// A fully connected denoiser of patches of photographs trained by Adam, then made sparse by the
/// inexact augmented Lagrangian method: what is left of it, PSNR and seconds, beside proximal
/// gradient, pruning by magnitude and smaller networks. Skips, saying so in report and record,
/// where the photographs are not there.
nlohmann::ordered_json run(const experiments::Context& context);

}  // namespace fejer::patch_pruning
