#pragma once
/// Small 1-Lipschitz networks with every activation fitted to functions of one variable; see
/// README.md in this folder.
#include "../experiment.hpp"

namespace fejer::one_dimensional_fitting {

/// Trains `networks` networks for every target and activation; leaves record.json, report.md and
/// cells/ in context.out. Keys: networks, steps, targets, activations.
nlohmann::ordered_json run(const experiments::Context& context);

}  // namespace fejer::one_dimensional_fitting
