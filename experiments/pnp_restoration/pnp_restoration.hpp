#pragma once
/// Plug-and-play deblurring as published: DPIR, GS-PnP, Prox-PnP with their own defaults, on the
/// ten kernels and three noise levels of GS-PnP's table.
#include "../experiment.hpp"

namespace fejer::pnp_restoration {

/// Settings: size (of the images' middle), methods, levels (1, 2, 3), grey and colour (images),
/// denoiser_grey, denoiser_colour (DRUNets), proximal (a gradient-step DRUNet), wcrr. Needs the
/// kernels of the data folder.
nlohmann::ordered_json run(const experiments::Context& context);

}  // namespace fejer::pnp_restoration
