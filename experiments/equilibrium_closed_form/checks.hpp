#pragma once
#include "../checks.hpp"

namespace fejer::equilibrium_closed_form {

using experiments::Checks;

/// C1 to C4b, C9, C10: Tikhonov, untied layers, a linear denoiser.
void check_quadratic(Checks& checks);
/// C5 to C8: lasso with a weight for each element.
void check_lasso(Checks& checks);
/// C11 to C14: a sign flip, the error bound, a bias-free network, every layer's products.
void check_layers(Checks& checks);

}  // namespace fejer::equilibrium_closed_form
