#pragma once
/// Equilibrium gradients on problems whose exact gradients are known; see README.md in this folder.
#include "../experiment.hpp"

namespace fejer::equilibrium_closed_form {

/// Leaves record.json and report.md in context.out; the record's `checks` are {id, value,
/// reference, tolerance, pass}.
nlohmann::ordered_json run(const experiments::Context& context);

}  // namespace fejer::equilibrium_closed_form
