#pragma once
#include "problems.hpp"

namespace fejer::equilibrium_learning {

using experiments::Checks;
using Json = nlohmann::ordered_json;

/// How each problem is learned; steps only where `steps` > 0, else as specified.
Learning smoothness_learning();
Learning bands_learning(Index steps = 0);
Learning lasso_learning(Index steps = 0);

/// C15, C18: where exact, truncated, unrolled and warm gradients lead, and how warm states follow.
void check_smoothness(Checks& checks);
/// C16: the loss that truncated gradients reach.
void check_bands(Checks& checks);
/// C17: cosines at the start, and losses reached.
void check_lasso(Checks& checks);
/// C21: error and angle in the step size and K. Returns the table.
Json check_step_sizes(Checks& checks);
/// C23 to C25: batches and threads, the guard against steps too long, keys of warm states.
void check_batches(Checks& checks);
void check_guard(Checks& checks);
void check_warm_states(Checks& checks);

/// All strategies on one problem: what the published table holds. C22 is added to the checks.
Json compare_smoothness(Checks& checks);
Json compare_bands(Checks& checks, Index steps);
Json compare_lasso(Checks& checks, Index steps);

/// C19: numbers on the tape (added to the checks) and the growth of the process.
Json measure_memory(Checks& checks, bool smoke);
/// C20: time of a step beside (R+1) K forward and K backward passes; no checks of smoke runs.
Json measure_time(Checks& checks, bool smoke);

}  // namespace fejer::equilibrium_learning
