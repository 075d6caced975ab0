#pragma once
/// Plug-and-play whose step size, noise levels, relaxation or weight, and (DRUNets) network are
/// learned at equilibrium.
#include <variant>
#include <vector>

#include <fejer/algorithms/equilibrium_gradient.hpp>
#include <fejer/models/learnable_denoisers.hpp>
#include <fejer/models/model.hpp>
#include <fejer/models/training/learner.hpp>
#include <fejer/models/training/measured_problem.hpp>

namespace fejer {

/// Of what there is no such thing in the model at hand is not learned: a Lipschitz CNN has no noise
/// level to choose, DRUNets no lambda, and only their weights are learned.
struct PnpOptions {
  EquilibriumOptions equilibrium;  ///< how gradients are taken, and how long estimates iterate
  bool learn_step = true, learn_sigma = true, learn_lambda = true, learn_weights = false;
  double step = 1;            ///< gamma ||A||^2 of the start
  double sigma = 10.0 / 255;  ///< of the start, in the image's unit
  double lambda = 1;          ///< of the start
  Index levels = 1;           ///< layers that take turns, each with a noise level of its own
  RidgeProxOptions prox;      ///< of ridge regularisers
};

/// What takes the place of the prox.
template <class T>
using PnpModel =
    std::variant<Drunet<T>, LipschitzCnn<T>, RidgeRegulariser<T>, GradientStepDrunet<T>>;

/// The fixed point of x -> D(x - gamma A*(A x - y)), reached from problem.start(y), or the end of
/// so many iterations of it as options.equilibrium says (Davy, Briceno-Arias, Pustelnik, arXiv
/// 2506.13239; specification 2b, 2c), with
///   a DRUNet         D = N(.; sigma)
///   a gradient step  D = I - grad g(.; sigma), g = 1/2 ||x - N(x; sigma)||^2, N a DRUNet
///   a Lipschitz CNN  D = lambda (I + N)/2 + (1 - lambda) I, lambda <= 1: averaged
///   a ridge          D = prox_{gamma lambda R(.; sigma)}: x solves 1/2 ||A x - y||^2 +
///                    lambda R(x; sigma), so that the exact gradient in gamma is 0: how fast it is
///                    reached is all that unrolled and restarted gradients see of the step
/// or of several such in turn, sigma_1, sigma_2, ... (a pass is all of them, the state what the
/// last gives). Parameters, all in the log domain, group "pnp", where they are learned and the
/// model has them: log_step (gamma = min(e^log_step, end) / ||A||^2), log_sigma (levels)
/// (min(e^., 1)), log_lambda. end = 1.99; for ridges with w = lambda rho / ||A||^2, rho the modulus
/// of weak convexity, min(1.99 / (1 + w), 0.99 / w), below which the objective falls with every
/// pass and the prox is one of a strongly convex function. Gradients are projected (0 where they
/// lead out of an interval). Then a DRUNet's weights in group "weights".
///
/// Samples: target (C, H, W) of shape A.domain(), input y. A first visit with warm states passes on
/// until the tolerance. Figures, means over samples: "passes" without a tape, "residual" of the
/// last, "unsettled" (1 where a tolerance was not reached), for implicit gradients "adjoint
/// products" and "adjoint residual"; for ridges, of a sample's differentiated passes, the largest
/// "prox residual" and "prox adjoint residual" and how many of both systems ended above the
/// tolerance, "prox not settled" (see RidgeProx); means over shards: the largest "contraction" and
/// "cut" of EquilibriumReport. The power method looks at the first sample of a shard.
template <class T>
class PnpLearner {
 public:
  /// Throws ArgumentError for steps outside (0, end], levels outside (0, 1], lambda outside (0, 1]
  /// or not positive, a Lipschitz CNN that is not averaged (see `certified`), nothing to learn, and
  /// operators whose norm has no bound.
  PnpLearner(const PnpOptions& options, PnpModel<T> model, MeasuredProblem<T> problem);

  using Denoisers = std::variant<std::vector<DrunetAtLevel<T>>, std::vector<RelaxedCnn<T>>,
                                 std::vector<RidgeProx<T>>, std::vector<GradientStepAtLevel<T>>>;
  struct Prepared {
    Denoisers denoisers;
    double step;  ///< gamma itself
    Parameters parameters;
  };

  Parameters initial(const Rng& rng) const;
  Prepared prepare(const Parameters& p) const;
  /// step: in gamma; sigma; lambda: in that of a CNN, in log(gamma lambda) of a ridge; weights.
  Parameters effective_zeros(const Prepared& prepared) const;
  double shard_gradient(const Prepared& prepared, const Shard<T>& shard, LossGradient<T> loss,
                        Parameters& effective, Figures& figures) const;
  Parameters pull_back(const Parameters& p, const Prepared& prepared,
                       const Parameters& effective) const;
  /// Logarithms into [-12, that of their end], of a ridge's weight [-12, 4].
  void project(Parameters& p) const;
  /// Unrolled: after K passes; else at the fixed point.
  void estimate(const Prepared& prepared, const Sample<T>& sample, View<T> out) const;
  Array<T> measure(ConstView<T> image, double sigma, const RandomStream& noise) const;

  /// The model, a DRUNet with what its weights have become; all else is in `prepare`.
  Model<float> to_model(const Parameters& p) const;
  /// gamma ||A||^2, without its unit.
  double relative_step(const Parameters& p) const;
  /// One for each of the layers that take turns.
  std::vector<double> sigmas(const Parameters& p) const;
  double lambda(const Parameters& p) const;
  bool has_sigma() const { return !std::holds_alternative<LipschitzCnn<T>>(model_); }
  bool has_lambda() const { return network() == nullptr; }

 private:
  double largest_step(double lambda) const;
  double weakness(double lambda) const;
  void check() const;
  /// The network whose weights can be learned, or null.
  const Drunet<T>* network() const;
  Drunet<T> network(const Parameters& p) const;

  PnpOptions options_;
  PnpModel<T> model_;
  MeasuredProblem<T> problem_;
  double norm_;
};

extern template class PnpLearner<float>;
extern template class PnpLearner<double>;

}  // namespace fejer
