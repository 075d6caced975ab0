#pragma once
/// 1-Lipschitz denoisers with every activation, trained alike; see README.md in this folder.
#include "../experiment.hpp"

namespace fejer::lipschitz_denoisers {

/// Trains one network for each activation on BSD400 at 10/255 and denoises Set12; leaves
/// record.json, report.md, models/, cells/ in context.out. Keys: activations, steps, batch.
nlohmann::ordered_json run(const experiments::Context& context);

}  // namespace fejer::lipschitz_denoisers
