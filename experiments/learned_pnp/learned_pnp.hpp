#pragma once
/// Plug-and-play on photographs, learned by each gradient strategy at the same number of passes of
/// the denoiser: step size and noise levels with the denoiser frozen, and a DRUNet itself (Davy,
/// Briceno-Arias, Pustelnik, arXiv 2506.13239).
#include "../experiment.hpp"

namespace fejer::learned_pnp {

/// Settings: tasks, learned, strategies; passes, wcrr_passes (of the denoiser on one sample: the
/// budget of a training; wcrr_passes a tenth of passes where it is not given); denoiser,
/// grey_denoiser, spline, wcrr (model files); train, test (images), size (of test images), most
/// (passes on them). Needs files only for what is chosen.
nlohmann::ordered_json run(const experiments::Context& context);

std::string report(const nlohmann::ordered_json& record);

}  // namespace fejer::learned_pnp
