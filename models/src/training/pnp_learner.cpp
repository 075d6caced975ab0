#include <fejer/models/training/pnp_learner.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <fejer/models/drunet_forward_backward.hpp>

namespace fejer {
namespace {

constexpr double largest_step = 1.99;  // times 1 / ||A||^2, at 2 / ||A||^2 nothing contracts
constexpr double largest_sigma = 1;    // the whole range of an image

Array<double> number(double value) { return Array<double>(Shape{1}, value); }

}  // namespace

template <class T>
PnpLearner<T>::PnpLearner(const PnpOptions& options, Drunet<T> network, MeasuredProblem<T> problem)
    : options_(options),
      network_(std::move(network)),
      problem_(std::move(problem)),
      norm_(problem_.A.norm_interval().upper) {
  if (!(options.step > 0 && options.step <= largest_step))
    throw ArgumentError("PnpLearner: the step must lie in (0, 1.99] / ||A||^2, got " +
                        std::to_string(options.step));
  if (!(options.sigma > 0 && options.sigma <= largest_sigma))
    throw ArgumentError("PnpLearner: sigma must lie in (0, 1], in the image's unit, got " +
                        std::to_string(options.sigma));
  if (!options.learn_step && !options.learn_sigma && !options.learn_weights)
    throw ArgumentError("PnpLearner: nothing is learned; expected step, sigma or weights");
  if (!(norm_ > 0) || !std::isfinite(norm_))
    throw ArgumentError("PnpLearner: the operator's norm must have a finite bound above 0");
}

template <class T>
Parameters PnpLearner<T>::initial(const Rng&) const {
  Parameters p;
  if (options_.learn_step) p.add("log_step", "pnp", number(std::log(options_.step)));
  if (options_.learn_sigma) p.add("log_sigma", "pnp", number(std::log(options_.sigma)));
  if (!options_.learn_weights) return p;
  const std::vector<Array<double>> weights = network_.weights();
  std::size_t k = 0;
  for (const auto& [name, shape] : drunet_weights(network_.options()))
    p.add(name, "weights", weights[k++]);
  return p;
}

template <class T>
double PnpLearner<T>::relative_step(const Parameters& p) const {
  return options_.learn_step ? std::min(std::exp(p["log_step"][0]), largest_step) : options_.step;
}

template <class T>
double PnpLearner<T>::sigma(const Parameters& p) const {
  return options_.learn_sigma ? std::min(std::exp(p["log_sigma"][0]), largest_sigma)
                              : options_.sigma;
}

template <class T>
typename PnpLearner<T>::Prepared PnpLearner<T>::prepare(const Parameters& p) const {
  Prepared prepared{network_, relative_step(p) / (norm_ * norm_), sigma(p), p};
  if (!options_.learn_weights) return prepared;
  std::vector<Array<double>> weights;
  for (const auto& entry : p.entries())
    if (entry.group == "weights") weights.push_back(entry.value);
  prepared.network = Drunet<T>(network_.options(), weights);
  return prepared;
}

template <class T>
Parameters PnpLearner<T>::effective_zeros(const Prepared& prepared) const {
  return prepared.parameters.zeros();
}

template <class T>
double PnpLearner<T>::shard_gradient(const Prepared& prepared, const Shard<T>& shard,
                                     LossGradient<T> loss, Parameters& effective,
                                     Figures& figures) const {
  typename DrunetForwardBackward<T>::Gradient gradient;
  if (options_.learn_weights) gradient.network = prepared.network.zero_gradient();
  double sum = 0;
  for (const Sample<T>& sample : shard) {
    const ConstView<T> data = sample.input.reshaped(problem_.A.range());
    const DrunetForwardBackward<T> layer(prepared.network, problem_.A, data, prepared.step,
                                         prepared.sigma);
    const bool warm = sample.state != nullptr && sample.state->shape() == problem_.A.domain();
    Array<T> x = warm ? *sample.state : problem_.start(Array<T>(data));
    const EquilibriumReport report = equilibrium_gradient(
        layer, options_.equilibrium,
        [&](ConstView<T> end, View<T> g) { return loss(end, sample.target, g); }, x, gradient);
    sum += report.loss;
    if (sample.state != nullptr) *sample.state = x;
    figures["passes"] += static_cast<double>(report.passes);
    figures["residual"] += report.residual;
    figures["contraction"] += report.contraction;
    if (options_.equilibrium.strategy != GradientStrategy::implicit) continue;
    figures["adjoint products"] += static_cast<double>(report.adjoint_products);
    figures["adjoint residual"] += report.adjoint_residual;
  }
  if (options_.learn_step) effective["log_step"][0] += gradient.step;
  if (options_.learn_sigma) effective["log_sigma"][0] += gradient.network.sigma;
  std::size_t k = 0;
  for (auto& entry : effective.entries()) {
    if (entry.group != "weights") continue;
    const Array<T>& g = gradient.network.weights[k++];
    for (Index i = 0; i < g.size(); ++i) entry.value[i] += static_cast<double>(g[i]);
  }
  return sum;
}

template <class T>
Parameters PnpLearner<T>::pull_back(const Parameters& p, const Prepared& prepared,
                                    const Parameters& effective) const {
  Parameters result = effective;
  const auto project = [&](const char* name, double value, double largest) {
    double& g = result[name][0];
    g *= value;
    const bool at_end = std::exp(p[name][0]) >= largest;
    if (at_end && g < 0) g = 0;  // a descent step would go further out
  };
  if (options_.learn_step) project("log_step", prepared.step, largest_step);
  if (options_.learn_sigma) project("log_sigma", prepared.sigma, largest_sigma);
  return result;
}

template <class T>
void PnpLearner<T>::estimate(const Prepared& prepared, const Sample<T>& sample, View<T> out) const {
  const ConstView<T> data = sample.input.reshaped(problem_.A.range());
  const DrunetForwardBackward<T> layer(prepared.network, problem_.A, data, prepared.step,
                                       prepared.sigma);
  Array<T> x = problem_.start(Array<T>(data));
  solve_equilibrium(layer, options_.equilibrium, x);
  copy<T>(x, out);
}

template <class T>
Array<T> PnpLearner<T>::measure(ConstView<T> image, double sigma, const RandomStream& noise) const {
  require_shape("PnpLearner training image", image.shape(), problem_.A.domain());
  Array<T> y = problem_.A.apply(Array<T>(image));
  problem_.add_noise(y, sigma, noise);
  return y;
}

template <class T>
Model<float> PnpLearner<T>::to_model(const Parameters& p) const {
  p.require_like("PnpLearner parameters", initial(Rng(0)));
  const Drunet<T> network = prepare(p).network;
  return {Drunet<float>(network.options(), network.weights()), {}};
}

template class PnpLearner<float>;
template class PnpLearner<double>;

}  // namespace fejer
