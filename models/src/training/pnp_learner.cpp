#include <fejer/models/training/pnp_learner.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fejer/models/pnp_layer.hpp>

namespace fejer {
namespace {

constexpr double step_end = 1.99;    // times 1 / ||A||^2, at 2 / ||A||^2 nothing contracts
constexpr double convex_end = 0.99;  // of gamma lambda rho, at 1 the prox is no longer one point
constexpr double sigma_end = 1;      // the whole range of an image
constexpr double relaxation_end = 1;
// Of all logarithms, and of a ridge's weight.
constexpr double least_log = -12, largest_log = 4;

/// Whether e^log_value has reached an end, to rounding.
bool at(double log_value, double end) { return std::exp(log_value) >= end * (1 - 1e-12); }

Array<double> numbers(Index count, double value) { return Array<double>(Shape{count}, value); }

/// The layers that take turns on one sample.
template <class T, class D>
std::vector<PnpLayer<D>> layers_of(const std::vector<D>& denoisers, const LinearOperator<T>& A,
                                   ConstView<T> data, double step) {
  std::vector<PnpLayer<D>> layers;
  for (std::size_t k = 0; k < denoisers.size(); ++k)
    layers.emplace_back(denoisers[k], A, data, step, k);
  return layers;
}

void add(const EquilibriumReport& report, GradientStrategy strategy, Figures& figures) {
  figures["passes"] += static_cast<double>(report.passes);
  figures["residual"] += report.residual;
  figures["unsettled"] += report.converged && report.adjoint_converged ? 0 : 1;
  if (strategy != GradientStrategy::implicit) return;
  figures["adjoint products"] += static_cast<double>(report.adjoint_products);
  figures["adjoint residual"] += report.adjoint_residual;
}

/// What the denoiser's solvers left of one sample; the next one's begins at 0.
template <class Gradient>
void take_solvers(Gradient& gradient, Figures& figures) {
  if constexpr (requires { gradient.denoiser.not_settled; }) {
    auto& of = gradient.denoiser;
    figures["prox residual"] += std::exchange(of.residual, 0.0);
    figures["prox adjoint residual"] += std::exchange(of.adjoint_residual, 0.0);
    figures["prox not settled"] += static_cast<double>(std::exchange(of.not_settled, Index{0}));
  }
}

/// Adds a layer's derivatives to what effective_zeros laid out.
template <class Gradient>
void add(const Gradient& gradient, Parameters& effective) {
  effective["step"][0] += gradient.step;
  for (std::size_t k = 0; k < gradient.sigma.size(); ++k)
    effective["sigma"][static_cast<Index>(k)] += gradient.sigma[k];
  const auto& denoiser = gradient.denoiser;
  if constexpr (requires { denoiser.relaxation; }) effective["lambda"][0] += denoiser.relaxation;
  if constexpr (requires { denoiser.log_weight; }) effective["lambda"][0] += denoiser.log_weight;
  if constexpr (requires { denoiser.weights; }) {
    std::size_t k = 0;
    for (auto& entry : effective.entries()) {
      if (entry.group != "weights") continue;
      const auto& g = denoiser.weights[k++];
      for (Index i = 0; i < g.size(); ++i) entry.value[i] += static_cast<double>(g[i]);
    }
  }
}

}  // namespace

template <class T>
PnpLearner<T>::PnpLearner(const PnpOptions& options, PnpModel<T> model, MeasuredProblem<T> problem)
    : options_(options),
      model_(std::move(model)),
      problem_(std::move(problem)),
      norm_(problem_.A.norm_interval().upper) {
  options_.learn_sigma = options.learn_sigma && has_sigma();
  options_.learn_lambda = options.learn_lambda && has_lambda();
  options_.prox.sigma_derivative = options_.learn_sigma;
  if (!(norm_ > 0) || !std::isfinite(norm_))
    throw ArgumentError("PnpLearner: the operator's norm must have a finite bound above 0");
  check();
}

template <class T>
void PnpLearner<T>::check() const {
  const PnpOptions& o = options_;
  const auto refuse = [](const std::string& why) { throw ArgumentError("PnpLearner: " + why); };
  const auto* cnn = std::get_if<LipschitzCnn<T>>(&model_);
  const auto* ridge = std::get_if<RidgeRegulariser<T>>(&model_);
  if (!(o.lambda > 0 && std::isfinite(o.lambda)) || (cnn != nullptr && o.lambda > relaxation_end))
    refuse(std::string("lambda must be ") +
           (cnn != nullptr ? "a relaxation in (0, 1]" : "positive and finite") + ", got " +
           std::to_string(o.lambda));
  if (!(o.step > 0 && o.step <= largest_step(o.lambda)))
    refuse("the step must lie in (0, " + std::to_string(largest_step(o.lambda)).substr(0, 4) +
           "] / ||A||^2, got " + std::to_string(o.step));
  if (!(o.sigma > 0 && o.sigma <= sigma_end))
    refuse("sigma must lie in (0, 1], in the image's unit, got " + std::to_string(o.sigma));
  if (o.levels < 1 || (o.levels > 1 && !has_sigma()))
    refuse("got " + std::to_string(o.levels) + " noise levels, expected at least 1, and 1 for " +
           "networks that take none");
  if (o.learn_weights && network() == nullptr)
    refuse("learn_weights: only the weights of a DRUNet are learned");
  if (o.learn_sigma && ridge != nullptr && !ridge->parameters().scaling)
    refuse("learn_sigma: this regulariser is for one noise level; set learn_sigma = false");
  if (!o.learn_step && !o.learn_sigma && !o.learn_lambda && !o.learn_weights)
    refuse("nothing is learned; expected step, sigma, lambda or weights");
  if (cnn != nullptr && cnn->network_bound() > 1 + 1e-12)
    refuse("the network's bound is " + std::to_string(cnn->network_bound()) +
           ", above 1, so that nothing is averaged; `certified` divides by it");
}

/// w = lambda rho / ||A||^2.
template <class T>
double PnpLearner<T>::weakness(double lambda) const {
  const auto* ridge = std::get_if<RidgeRegulariser<T>>(&model_);
  return ridge == nullptr ? 0 : lambda * ridge->weak_convexity().value / (norm_ * norm_);
}

template <class T>
double PnpLearner<T>::largest_step(double lambda) const {
  const double w = weakness(lambda);
  return std::min(step_end / (1 + w), convex_end / w);
}

template <class T>
Parameters PnpLearner<T>::initial(const Rng&) const {
  Parameters p;
  if (options_.learn_step) p.add("log_step", "pnp", numbers(1, std::log(options_.step)));
  if (options_.learn_sigma)
    p.add("log_sigma", "pnp", numbers(options_.levels, std::log(options_.sigma)));
  if (options_.learn_lambda) p.add("log_lambda", "pnp", numbers(1, std::log(options_.lambda)));
  if (!options_.learn_weights) return p;
  const std::vector<Array<double>> weights = network()->weights();
  std::size_t k = 0;
  for (const auto& [name, shape] : drunet_weights(network()->options()))
    p.add(name, "weights", weights[k++]);
  return p;
}

template <class T>
double PnpLearner<T>::lambda(const Parameters& p) const {
  if (!options_.learn_lambda) return options_.lambda;
  const double value = std::exp(p["log_lambda"][0]);
  return std::holds_alternative<LipschitzCnn<T>>(model_) ? std::min(value, relaxation_end) : value;
}

template <class T>
double PnpLearner<T>::relative_step(const Parameters& p) const {
  const double wanted = options_.learn_step ? std::exp(p["log_step"][0]) : options_.step;
  return std::min(wanted, largest_step(lambda(p)));
}

template <class T>
std::vector<double> PnpLearner<T>::sigmas(const Parameters& p) const {
  std::vector<double> values(static_cast<std::size_t>(options_.levels), options_.sigma);
  for (std::size_t k = 0; options_.learn_sigma && k < values.size(); ++k)
    values[k] = std::min(std::exp(p["log_sigma"][static_cast<Index>(k)]), sigma_end);
  return values;
}

template <class T>
const Drunet<T>* PnpLearner<T>::network() const {
  const auto* step = std::get_if<GradientStepDrunet<T>>(&model_);
  return step != nullptr ? &step->network() : std::get_if<Drunet<T>>(&model_);
}

template <class T>
Drunet<T> PnpLearner<T>::network(const Parameters& p) const {
  const Drunet<T>& start = *network();
  if (!options_.learn_weights) return start;
  std::vector<Array<double>> weights;
  for (const auto& entry : p.entries())
    if (entry.group == "weights") weights.push_back(entry.value);
  return Drunet<T>(start.options(), weights);
}

template <class T>
typename PnpLearner<T>::Prepared PnpLearner<T>::prepare(const Parameters& p) const {
  Prepared prepared{{}, relative_step(p) / (norm_ * norm_), p};
  const double strength = lambda(p);
  if (const auto* cnn = std::get_if<LipschitzCnn<T>>(&model_)) {
    prepared.denoisers = std::vector<RelaxedCnn<T>>{RelaxedCnn<T>(*cnn, strength)};
  } else if (const auto* ridge = std::get_if<RidgeRegulariser<T>>(&model_)) {
    std::vector<RidgeProx<T>> all;
    for (const double sigma : sigmas(p))
      all.emplace_back(*ridge, prepared.step * strength, sigma, options_.prox);
    prepared.denoisers = std::move(all);
  } else {
    const auto at_levels = [&]<class D>(std::vector<D> all, const auto& shared) {
      for (const double sigma : sigmas(p)) all.emplace_back(shared, sigma);
      prepared.denoisers = std::move(all);
    };
    if (std::holds_alternative<Drunet<T>>(model_)) {
      at_levels(std::vector<DrunetAtLevel<T>>(), network(p));
    } else {
      at_levels(std::vector<GradientStepAtLevel<T>>(), GradientStepDrunet<T>(network(p)));
    }
  }
  return prepared;
}

template <class T>
Parameters PnpLearner<T>::effective_zeros(const Prepared& prepared) const {
  Parameters zeros;
  zeros.add("step", "pnp", numbers(1, 0));
  zeros.add("sigma", "pnp", numbers(options_.levels, 0));
  zeros.add("lambda", "pnp", numbers(1, 0));
  for (const auto& entry : prepared.parameters.entries())
    if (entry.group == "weights")
      zeros.add(entry.name, entry.group, Array<double>(entry.value.shape()));
  return zeros;
}

template <class T>
double PnpLearner<T>::shard_gradient(const Prepared& prepared, const Shard<T>& shard,
                                     LossGradient<T> loss, Parameters& effective,
                                     Figures& figures) const {
  const auto gradient_of = [&]<class D>(const std::vector<D>& denoisers) {
    typename PnpLayer<D>::Gradient gradient;
    if constexpr (requires { gradient.denoiser.weights; })
      if (options_.learn_weights) gradient.denoiser = network()->zero_gradient();
    const bool unrolled = options_.equilibrium.strategy == GradientStrategy::unrolled;
    double sum = 0, q = std::numeric_limits<double>::quiet_NaN(), cut = q;
    for (const Sample<T>& sample : shard) {
      const ConstView<T> data = sample.input.reshaped(problem_.A.range());
      const auto layers = layers_of<T, D>(denoisers, problem_.A, data, prepared.step);
      const bool keeps = sample.state != nullptr && !unrolled;
      const bool warm = keeps && sample.state->shape() == problem_.A.domain();
      Array<T> x = warm ? *sample.state : problem_.start(Array<T>(data));
      EquilibriumOptions o = options_.equilibrium;
      if (&sample != shard.data()) o.power_iterations = 0;
      // The first K passes may be far from the fixed point, and later visits go on from them.
      if (keeps && !warm) o.until_tolerance = true;
      const EquilibriumReport report = equilibrium_gradient(
          std::span<const PnpLayer<D>>(layers), o,
          [&](ConstView<T> end, View<T> g) { return loss(end, sample.target, g); }, x, gradient);
      sum += report.loss;
      if (keeps) *sample.state = x;
      q = std::fmax(q, report.contraction);
      cut = std::fmax(cut, report.cut);
      add(report, o.strategy, figures);
      take_solvers(gradient, figures);
    }
    figures["contraction"] = q * static_cast<double>(shard.size());
    if (options_.equilibrium.strategy != GradientStrategy::implicit)
      figures["cut"] = cut * static_cast<double>(shard.size());
    add(gradient, effective);
    return sum;
  };
  return std::visit(gradient_of, prepared.denoisers);
}

template <class T>
Parameters PnpLearner<T>::pull_back(const Parameters& p, const Prepared& prepared,
                                    const Parameters& effective) const {
  Parameters result = p.zeros();
  for (auto& entry : result.entries())
    if (entry.group == "weights") entry.value = effective[entry.name];
  // A descent step from an end of an interval would go further out.
  const auto projected = [](double log_value, double end, double g) {
    return at(log_value, end) && g < 0 ? 0 : g;
  };
  const bool ridge = std::holds_alternative<RidgeRegulariser<T>>(model_);
  const double strength = lambda(p), end = largest_step(strength);
  const double by_lambda = effective["lambda"][0] * (ridge ? 1 : strength);
  const double by_step = prepared.step * effective["step"][0] + (ridge ? by_lambda : 0);
  if (options_.learn_step) result["log_step"][0] = projected(p["log_step"][0], end, by_step);
  const std::vector<double> levels = sigmas(p);
  for (Index k = 0; options_.learn_sigma && k < options_.levels; ++k)
    result["log_sigma"][k] = projected(p["log_sigma"][k], sigma_end,
                                       levels[static_cast<std::size_t>(k)] * effective["sigma"][k]);
  if (!options_.learn_lambda) return result;
  double& g = result["log_lambda"][0];
  g = ridge ? by_lambda : projected(p["log_lambda"][0], relaxation_end, by_lambda);
  const double w = weakness(strength);
  // At its end the step goes with lambda.
  const bool at_end = w > 0 && at(std::log(relative_step(p)), end);
  if (at_end) g -= by_step * (end < convex_end / w ? w / (1 + w) : 1);
  return result;
}

template <class T>
void PnpLearner<T>::project(Parameters& p) const {
  const auto keep = [&](const char* name, double end) {
    for (double& value : p[name]) value = std::clamp(value, least_log, end);
  };
  const bool ridge = std::holds_alternative<RidgeRegulariser<T>>(model_);
  if (options_.learn_sigma) keep("log_sigma", std::log(sigma_end));
  if (options_.learn_lambda) keep("log_lambda", ridge ? largest_log : std::log(relaxation_end));
  if (options_.learn_step) keep("log_step", std::log(largest_step(lambda(p))));
}

template <class T>
void PnpLearner<T>::estimate(const Prepared& prepared, const Sample<T>& sample, View<T> out) const {
  const ConstView<T> data = sample.input.reshaped(problem_.A.range());
  Array<T> x = problem_.start(Array<T>(data));
  const auto iterate = [&]<class D>(const std::vector<D>& denoisers) {
    const auto layers = layers_of<T, D>(denoisers, problem_.A, data, prepared.step);
    EquilibriumOptions o = options_.equilibrium;
    if (o.strategy == GradientStrategy::unrolled) o.tolerance = 0, o.max_passes = o.depth;
    solve_equilibrium(std::span<const PnpLayer<D>>(layers), o, x);
  };
  std::visit(iterate, prepared.denoisers);
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
  if (const auto* cnn = std::get_if<LipschitzCnn<T>>(&model_))
    return {LipschitzCnn<float>(cnn->parameters()), {}};
  if (const auto* ridge = std::get_if<RidgeRegulariser<T>>(&model_))
    return {RidgeRegulariser<float>(ridge->parameters()), {}};
  const Drunet<T> learned = network(p);
  const Drunet<float> single(learned.options(), learned.weights());
  if (std::holds_alternative<Drunet<T>>(model_)) return {single, {}};
  return {GradientStepDrunet<float>(single), {}};
}

template class PnpLearner<float>;
template class PnpLearner<double>;

}  // namespace fejer
