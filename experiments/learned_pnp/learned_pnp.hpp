#pragma once
/// Plug-and-play with a DRUNet, learned by each gradient strategy at the same number of passes of
/// the network: step size and noise level with the network frozen, and the network itself (Davy,
/// Briceno-Arias, Pustelnik, arXiv 2506.13239).
#include "../experiment.hpp"

namespace fejer::learned_pnp {

/// Settings: tasks, strategies, learned (parameters, weights), passes (of the network on one
/// sample: the budget of each training), denoiser, train, test. Needs no data folder, but for the
/// full run the photographs and the network of scripts/train-default-model drunet_grey.
nlohmann::ordered_json run(const experiments::Context& context);

}  // namespace fejer::learned_pnp
