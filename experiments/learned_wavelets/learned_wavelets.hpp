#pragma once
/// Weights of wavelet norms learned at equilibrium on photographs: gradient strategies at the same
/// number of passes, and norms with ever more weights beside one tuned weight (Davy,
/// Briceno-Arias, Pustelnik, arXiv 2506.13239, first family).
#include "../experiment.hpp"

namespace fejer::learned_wavelets {

/// Settings: tasks, compare (tasks of the comparison of strategies), passes (the budget of each
/// training), bases (five: the norms in a frame of five bases, too, nine times as slow), train,
/// test (colour images). Grey tasks are tested on Set12 of the data folder, and
/// left out, with a note, where it is absent.
nlohmann::ordered_json run(const experiments::Context& context);

/// The report and figures of a record.
std::string report(const nlohmann::ordered_json& record);

}  // namespace fejer::learned_wavelets
