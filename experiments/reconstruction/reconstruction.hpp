#pragma once
/// The comparison of priors on deblurring, MRI and CT; see README.md in this folder.
#include "../experiment.hpp"

namespace fejer::reconstruction {

/// Tunes, reconstructs and scores every task with every method; leaves cells/TASK-METHOD.json (each
/// is kept and reused with `resume`), record.json, report.md and pictures/TASK.png in context.out.
nlohmann::ordered_json run(const experiments::Context& context);

/// The tables of report.md from the record.
std::string report(const nlohmann::ordered_json& record);

}  // namespace fejer::reconstruction
