#pragma once
/// Gradients of a loss l(x*) through a fixed point x* = Phi(x*; theta), Phi = phi_L o ... o phi_1.
///   unrolled    K passes from the start, differentiated
///   implicit    (I - J^T) w = grad l, then B^T w, J and B the derivatives of Phi in x and theta at
///               x* (DEQ: Bai, Kolter, Koltun, NeurIPS 2019)
///   one_step    B^T grad l, one pass at x* (JFB: Wu Fung et al., AAAI 2022)
///   restarted   JFB(K, R): R times K passes that leave nothing behind, then K that are
///               differentiated (Davy, Briceno-Arias, Pustelnik, arXiv 2506.13239). At x* this is
///               the implicit gradient with the Neumann series cut after K terms.
#include <span>

#include <fejer/algorithms/equilibrium_layer.hpp>
#include <fejer/array.hpp>
#include <fejer/parallel.hpp>

namespace fejer {

enum class GradientStrategy { unrolled, implicit, one_step, restarted };
/// conjugate_gradient and minres need a symmetric J, which is tested with two products.
enum class AdjointSolver { picard, conjugate_gradient, gmres, minres, anderson, broyden };

/// A pass is one application of Phi: of one layer where they are tied, of all L where they are not.
struct EquilibriumOptions {
  GradientStrategy strategy = GradientStrategy::restarted;
  Index depth = 10;     ///< K >= 1: passes that are differentiated; one_step always has 1
  Index restarts = 10;  ///< R >= 0: of K passes each, before them; unrolled has none
  /// one_step, restarted: pass on until the tolerance instead of R times. implicit always does.
  bool until_tolerance = false;
  /// Stop at ||Phi(x) - x|| <= tolerance (1 - q) ||x||, q the larger of the last two ratios of
  /// these norms: x is then about `tolerance` from x*. 0: max_passes passes.
  double tolerance = 1e-5;
  Index max_passes = 10000;
  /// Keep the states of the K passes alone and compute what the layers save again on the way back:
  /// K L states and the values of one layer instead of K L layers' values, for K passes more.
  bool recompute = false;

  AdjointSolver adjoint = AdjointSolver::gmres;
  /// On ||g - (I - J^T) w|| <= adjoint_tolerance (1 - q) ||g||, 1 - q at least 1e-3; 0: as many
  /// products as allowed.
  double adjoint_tolerance = 1e-5;
  Index adjoint_max_products = 1000;
  Index memory = 5;          ///< of Anderson: earlier iterates
  double ridge = 1e-12;      ///< of Anderson, times the mean square of the columns
  Index krylov_memory = 50;  ///< vectors between restarts of GMRES, updates kept by Broyden

  /// Products with J^T for the estimate of its spectral radius, unless the strategy is unrolled or
  /// the layers prove a bound below 1. 0: no estimate, and no refusal.
  Index power_iterations = 20;
  /// Radii from here on are refused. Above 1: of layers that are known to settle although a pass
  /// may grow on the way, as networks without a bound do.
  double largest_contraction = 1;
};

struct EquilibriumReport {
  double loss = 0;
  Index passes = 0;       ///< without a tape
  double residual = 0;    ///< ||Phi(x) - x|| / ||Phi(x)|| of the last pass
  bool converged = true;  ///< false: max_passes came before the tolerance
  /// q, how much of a change a pass leaves: the larger of the power method's estimate and the last
  /// two ratios of changes (from the fourth pass on, while they are well above rounding), at most
  /// the layers' bound; that bound, or without one NaN, where there is neither.
  double contraction = 0;
  /// q^K: at most so much of the solution of the adjoint system is left out by K passes back, where
  /// they are at x* and q is the Lipschitz constant. 0 for implicit gradients.
  double cut = 0;
  Index adjoint_products = 0;   ///< with J^T, all told
  double adjoint_residual = 0;  ///< ||g - (I - J^T) w|| / ||g||, computed anew from w
  bool adjoint_converged = true;
};

/// Loss at x; its gradient is written to the second argument.
template <class T>
using EquilibriumLoss = FunctionRef<double(ConstView<T> x, View<T> gradient)>;

namespace detail {

template <class T>
EquilibriumReport differentiate(Tape<T>& tape, const EquilibriumOptions& options,
                                EquilibriumLoss<T> loss, View<T> x);
template <class T>
EquilibriumReport iterate(const Tape<T>& tape, const EquilibriumOptions& options, View<T> x);

}  // namespace detail

/// Adds the gradient by options.strategy to `gradient`. x: on entry where to start (an observation,
/// or the state that the last call for the same sample left), on return Phi of the last state.
/// Throws ArgumentError where the spectral radius of J is found to be largest_contraction or more,
/// where values become infinite, and for a solver that needs a symmetric J and has none.
template <EquilibriumLayer S>
EquilibriumReport equilibrium_gradient(std::span<const S> layers, const EquilibriumOptions& options,
                                       EquilibriumLoss<typename S::Scalar> loss,
                                       View<typename S::Scalar> x, typename S::Gradient& gradient) {
  detail::LayerTape<S> tape(layers, &gradient);
  return detail::differentiate<typename S::Scalar>(tape, options, loss, x);
}
template <EquilibriumLayer S>
EquilibriumReport equilibrium_gradient(const S& layer, const EquilibriumOptions& options,
                                       EquilibriumLoss<typename S::Scalar> loss,
                                       View<typename S::Scalar> x, typename S::Gradient& gradient) {
  return equilibrium_gradient(std::span<const S>(&layer, 1), options, loss, x, gradient);
}

/// x <- Phi(x) until the tolerance, whatever the strategy.
template <EquilibriumLayer S>
EquilibriumReport solve_equilibrium(std::span<const S> layers, const EquilibriumOptions& options,
                                    View<typename S::Scalar> x) {
  const detail::LayerTape<S> tape(layers, nullptr);
  return detail::iterate<typename S::Scalar>(tape, options, x);
}
template <EquilibriumLayer S>
EquilibriumReport solve_equilibrium(const S& layer, const EquilibriumOptions& options,
                                    View<typename S::Scalar> x) {
  return solve_equilibrium(std::span<const S>(&layer, 1), options, x);
}

}  // namespace fejer
