#pragma once
/// Ridge regularisers trained here from scratch, beside the published weights.
#include "../experiment.hpp"

namespace fejer::trained_ridges {

nlohmann::ordered_json run(const experiments::Context& context);

}  // namespace fejer::trained_ridges
