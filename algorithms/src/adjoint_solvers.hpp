#pragma once
/// Solvers of (I - J^T) w = g from products w -> J^T w alone. Vectors are double whatever the
/// products compute in.
#include <Eigen/Core>

#include <fejer/algorithms/equilibrium_gradient.hpp>

namespace fejer::detail {

using TransposedProduct = FunctionRef<void(const Eigen::VectorXd& w, Eigen::VectorXd& out)>;

struct AdjointReport {
  Index products = 0;
  double residual = 0;  ///< ||g - (I - J^T) w|| / ||g||, by a product of its own
};

/// Until the residual is at most `tolerance`, at most options.adjoint_max_products products (a few
/// more where a solver works in batches). w is overwritten.
AdjointReport solve_adjoint(TransposedProduct product, const Eigen::VectorXd& g,
                            const EquilibriumOptions& options, double tolerance,
                            Eigen::VectorXd& w);

}  // namespace fejer::detail
