#pragma once
/// Learning at equilibrium by every gradient strategy; see README.md in this folder.
#include "../experiment.hpp"

namespace fejer::equilibrium_learning {

/// Leaves record.json and report.md in context.out; the record's `checks` are {id, value,
/// reference, tolerance, pass}.
nlohmann::ordered_json run(const experiments::Context& context);

}  // namespace fejer::equilibrium_learning
