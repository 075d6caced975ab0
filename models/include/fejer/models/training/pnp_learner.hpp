#pragma once
/// Plug-and-play with a DRUNet whose step size, noise level and weights are learned at equilibrium.
#include <fejer/algorithms/equilibrium_gradient.hpp>
#include <fejer/models/drunet.hpp>
#include <fejer/models/model.hpp>
#include <fejer/models/training/learner.hpp>
#include <fejer/models/training/measured_problem.hpp>

namespace fejer {

struct PnpOptions {
  EquilibriumOptions equilibrium;  ///< how gradients are taken, and how long estimates iterate
  bool learn_step = true, learn_sigma = true, learn_weights = false;
  double step = 1;            ///< gamma ||A||^2 of the start
  double sigma = 10.0 / 255;  ///< of the start, in the image's unit
};

/// The fixed point of x -> N(x - gamma A*(A x - y); sigma), reached from problem.start(y), or the
/// end of so many iterations of it as options.equilibrium says (Davy, Briceno-Arias, Pustelnik,
/// arXiv 2506.13239; specification 2b, 2c). Parameters: log_step (gamma = min(e^log_step, 1.99) /
/// ||A||^2) and log_sigma (sigma = min(e^log_sigma, 1)) in group "pnp", where they are
/// learned, with projected gradients (0 where they lead out of the interval); then the network's
/// weights in group "weights". Samples: target (C, H, W) of shape A.domain(), input y. Figures,
/// means over samples: "passes" without a tape, "residual" and "contraction" of the last, and for
/// implicit gradients "adjoint products" and "adjoint residual".
template <class T>
class PnpLearner {
 public:
  /// Throws ArgumentError for steps outside (0, 1.99], levels outside (0, 1], and operators whose
  /// norm has no bound.
  PnpLearner(const PnpOptions& options, Drunet<T> network, MeasuredProblem<T> problem);

  struct Prepared {
    Drunet<T> network;
    double step, sigma;  ///< gamma itself
    Parameters parameters;
  };

  Parameters initial(const Rng& rng) const;
  Prepared prepare(const Parameters& p) const;
  Parameters effective_zeros(const Prepared& prepared) const;
  double shard_gradient(const Prepared& prepared, const Shard<T>& shard, LossGradient<T> loss,
                        Parameters& effective, Figures& figures) const;
  Parameters pull_back(const Parameters& p, const Prepared& prepared,
                       const Parameters& effective) const;
  void estimate(const Prepared& prepared, const Sample<T>& sample, View<T> out) const;
  Array<T> measure(ConstView<T> image, double sigma, const RandomStream& noise) const;

  /// The network, of kind drunet; step and sigma are in `prepare`.
  Model<float> to_model(const Parameters& p) const;
  /// gamma ||A||^2, without its unit.
  double relative_step(const Parameters& p) const;
  double sigma(const Parameters& p) const;

 private:
  PnpOptions options_;
  Drunet<T> network_;
  MeasuredProblem<T> problem_;
  double norm_;
};

extern template class PnpLearner<float>;
extern template class PnpLearner<double>;

}  // namespace fejer
