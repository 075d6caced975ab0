#pragma once
/// Deterministic training of sparse (leaky) ReLU networks by an inexact augmented Lagrangian
/// method.
#include <fejer/algorithms/run.hpp>
#include <fejer/algorithms/sparse_fit.hpp>

namespace fejer {

/// rho, beta and multipliers are in units of 1/N, so that good values do not depend on N.
struct AugmentedLagrangianOptions {
  double rho = 1, rho_max = 50;  ///< penalty of h, first and largest
  double growth = 1.005;         ///< of rho, whenever ||h||/||u|| > contraction * its last value
  double contraction = 0.999;
  double beta = 50;  ///< price of v - s(u); infinity: v = s(u) is kept as a constraint
  double multiplier_max = 1e4;
  Index sweeps = 1;          ///< at most so many a step
  double change = 1e-4;      ///< a step's sweeps end at this relative change, times 0.8 a step ...
  double change_min = 1e-7;  ///< ... down to this
  Index column_passes = 1;   ///< of the descent on groups of weights in each sweep
  /// All pairs of a hidden layer at once, by a majorant, instead of unit by unit: products of
  /// matrices only, but many more sweeps.
  bool prox_linear = false;
  /// Multipliers start at minus the gradient of the fit for u: needed after a warm start, where a
  /// stationary point of F is then a fixed point.
  bool dual_start = true;
  double level_room = 0;   ///< L may exceed F at the start by this share of it
  Index check_every = 10;  ///< steps between evaluations of F
};

/// How far a state is from a Karush-Kuhn-Tucker point of the lifted problem.
struct KktReport {
  double feasibility = 0;           ///< max |h|
  double relative_feasibility = 0;  ///< ||h|| / ||u||
  double weights = 0;               ///< max over groups; beside lambda_w
  double bias = 0;                  ///< max |2 lambda_b b - sum of multipliers|
  double pairs = 0;                 ///< max over (u, v), times N
  double pairs_outside = 0;         ///< share of them above 2e-3
  double mean_slack = 0;            ///< of v - s(u)
  double certificate = 0;   ///< N max g: with beta above it, a KKT point is stationary for F itself
  Index kinks = 0;          ///< pairs with u = 0 and no slack
  Index kinks_outside = 0;  ///< of these, outside Clarke's interval by more than 2e-3
  /// The largest of weights, bias and pairs.
  double residual() const;
};

/// min F of a SparseFit, after Liu, Liu and Chen, JMLR 24(212), 2023 (of which only the abstract
/// was to be had: model and method here are a reconstruction with the properties it states). With
/// u and v of every unit and sample as variables,
///   min F_P = F's terms in (W, b, v) + beta/N sum (v - s(u))
///   subject to h := u_l - W_l v_{l-1} - b_l = 0 and v >= s(u);
/// only h = 0 is penalised: L = F_P + <xi, h> + rho/2N ||h||^2. A step of `run` is an outer
/// iteration: sweeps over the pairs (u_i, v_i), each minimised exactly, layer by layer from the
/// last, unit by unit, then over (W_l, b_l) by column descent on Gram matrices, exact in each
/// column (row, group of columns: by the secular equation); then xi <- xi + rho h, clipped. Sweeps
/// never raise L. Where L exceeds F at the start, times 1 + level_room, the state goes back to the
/// forward pass of the best parameters seen, which is what convergence to KKT points rests on. The
/// residual is the larger of the sweep's relative change and ||h||/||u||. Cost of a sweep: about 8
/// N N_l N_{l-1} + N N_{l-1}^2 flops a layer; with rows as groups an eigendecomposition of order
/// N_{l-1} more (dear for wide inputs), with groups of columns one for each group. Memory: 4
/// numbers a unit and sample. The same bits for any number of threads.
class InexactAugmentedLagrangian {
 public:
  using Scalar = double;
  struct State {
    Array<double> p, best;            ///< W and b as in SparseFit; those of the least F seen
    Array<double> u, v, xi, product;  ///< (units, N); product = W v + b
    double rho = 0;                   ///< in units of 1/N
    double change = 0, infeasibility = 0;
    double start_objective = 0, best_objective = 0;
    Index iteration = 0, sweeps = 0, resets = 0;
    double residual = 0;
    template <class V>
    void visit(V&& visitor) {
      visitor("p", p), visitor("best", best), visitor("u", u), visitor("v", v), visitor("xi", xi);
      visitor("product", product), visitor("rho", rho), visitor("change", change);
      visitor("infeasibility", infeasibility), visitor("start_objective", start_objective);
      visitor("best_objective", best_objective), visitor("iteration", iteration);
      visitor("sweeps", sweeps), visitor("resets", resets), visitor("residual", residual);
    }
  };

  /// Throws ArgumentError for options out of range, and unless lambda_w and lambda_b are positive.
  explicit InexactAugmentedLagrangian(SparseFit fit, AugmentedLagrangianOptions options = {});

  State init(Array<double> p0) const;
  void step(State& s) const;
  /// The best parameters seen.
  const Array<double>& solution(const State& s) const { return s.best; }
  /// F there, by a forward pass.
  double objective(const State& s) const { return s.best_objective; }
  const char* name() const { return "inexact-augmented-lagrangian"; }

  /// All blocks once, multipliers and rho as they are; returns ||du||/||u|| + ||dW||/||W||.
  double sweep(State& s) const;
  double augmented_lagrangian(const State& s) const;
  /// F_P of the state as it is: F of the same parameters where h = 0 and v = s(u).
  double lifted_objective(const State& s) const;
  /// Of the state as it is (its last p, not the best).
  KktReport kkt(const State& s) const;
  const SparseFit& fit() const { return fit_; }

 private:
  double sweep_pairs(State& s) const;
  double sweep_weights(State& s) const;
  void multiply(State& s) const;
  void restart_at(State& s, const Array<double>& p) const;
  double per_sample(double value) const { return value / static_cast<double>(fit_.samples()); }
  SparseFit fit_;
  AugmentedLagrangianOptions options_;
  Array<double> input_gram_, input_sum_;
};

}  // namespace fejer
