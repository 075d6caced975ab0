#pragma once
/// Compressed-sensing MRI by plug-and-play with 1-Lipschitz denoisers, inside the theory: no
/// modulus and no rescaling between the steps.
#include <string>
#include <utility>
#include <vector>

#include <fejer/models/model.hpp>

#include "../experiment.hpp"

namespace fejer::lipschitz_denoisers {

/// A cell for each kind of mask and each network; with `--resume` those in cells/ are kept.
///   x+ = x - lambda (x - D(x - A^H(A x - y))), A = mask F, ||A|| = 1, D on real and imaginary
///   part;
/// lambda searched on slices z = 60 and 75, PSNR on z = 90 and 105, and the stability of the fixed
/// points: ||A x1 - A x2|| / ||y1 - y2|| for data with two draws of noise, which is at most 1 for a
/// firmly non-expansive D.
nlohmann::ordered_json mri_rows(const experiments::Context& context,
                                const std::vector<std::pair<std::string, Model<float>>>& networks);

}  // namespace fejer::lipschitz_denoisers
