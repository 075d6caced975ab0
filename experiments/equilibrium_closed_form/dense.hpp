#pragma once
/// Eigen's decompositions, which take long to compile, in one object.
#include "layers.hpp"

namespace fejer::equilibrium_closed_form {

/// Of a symmetric matrix, ascending.
Vector<double> eigenvalues(const Matrix<double>& symmetric);
/// Largest singular value.
double spectral_norm(const Matrix<double>& m);
/// H^-1 B for a symmetric positive definite H.
Matrix<double> solve(const Matrix<double>& H, const Matrix<double>& B);

}  // namespace fejer::equilibrium_closed_form
