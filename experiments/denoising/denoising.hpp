#pragma once
/// Published ridge regularisers as denoisers on Set12; see README.md in this folder.
#include "../experiment.hpp"

namespace fejer::denoising {

/// Denoises the 12 images at 15/255 and 25/255 with WCRR and CRR by the published solver and
/// tolerance; leaves record.json and report.md in context.out.
nlohmann::ordered_json run(const experiments::Context& context);

}  // namespace fejer::denoising
