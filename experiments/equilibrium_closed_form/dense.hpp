#pragma once
/// Dense linear algebra of the closed forms.
#include <fejer/algorithms/eigenvalues.hpp>

#include "layers.hpp"

namespace fejer::equilibrium_closed_form {

/// H^-1 B for a symmetric positive definite H.
Matrix<double> solve(const Matrix<double>& H, const Matrix<double>& B);

}  // namespace fejer::equilibrium_closed_form
