#include <fejer/models/training/gradient_step_learner.hpp>

#include <cmath>
#include <string>
#include <utility>
#include <variant>

#include <fejer/rng.hpp>

#include "drunet_parameters.hpp"

namespace fejer {

template <class T>
GradientStepLearner<T>::GradientStepLearner(const GradientStepOptions& options)
    : options_(options), network_(options.network) {
  const auto refuse = [](const std::string& why) {
    throw ArgumentError("GradientStepLearner: " + why);
  };
  const auto in_range = [&](const char* what, double value, bool fits, const char* expected) {
    if (!fits || !std::isfinite(value))
      refuse(std::string("got ") + what + " = " + std::to_string(value) + ", expected " + expected);
  };
  const GradientStepOptions& o = options_;
  if (o.network.activation == DrunetActivation::relu)
    refuse("got activation relu, whose gradient step jumps; expected elu or softplus");
  in_range("jacobian_weight", o.jacobian_weight, o.jacobian_weight >= 0, "0 or more");
  in_range("jacobian_bound", o.jacobian_bound, o.jacobian_bound > 0, "a positive number");
  in_range("power_tolerance", o.power_tolerance, o.power_tolerance >= 0, "0 or more");
  if (o.power_steps < 1) refuse("power_steps must be at least 1");
  if (!o.start.empty()) Drunet<T>(o.network, o.start);  // refuses what does not fit
}

template <class T>
Parameters GradientStepLearner<T>::initial(const Rng& rng) const {
  Parameters p = network_.initial(rng);
  for (std::size_t k = 0; k < options_.start.size(); ++k) p.entries()[k].value = options_.start[k];
  return p;
}

template <class T>
typename GradientStepLearner<T>::Prepared GradientStepLearner<T>::prepare(
    const Parameters& p) const {
  return {GradientStepDrunet<T>(network_.prepare(p).network), p};
}

template <class T>
Parameters GradientStepLearner<T>::effective_zeros(const Prepared& prepared) const {
  return prepared.parameters.zeros();
}

template <class T>
double GradientStepLearner<T>::shard_gradient(const Prepared& prepared, const Shard<T>& shard,
                                              LossGradient<T> loss, Parameters& effective,
                                              Figures& figures) const {
  const GradientStepDrunet<T>& denoiser = prepared.denoiser;
  DrunetGradient<T> gradient = denoiser.network().zero_gradient();
  double sum = 0;
  for (const Sample<T>& sample : shard) {
    Array<T> estimate(sample.input.shape()), pull(estimate.shape()), unused(estimate.shape());
    denoiser.denoise(sample.input, sample.sigma, estimate);
    sum += loss(estimate, sample.target, pull);
    denoiser.vjp(sample.input, sample.sigma, pull, unused, &gradient);
    if (options_.jacobian_weight > 0) sum += jacobian_penalty(denoiser, sample, gradient, figures);
  }
  detail::add_weights(gradient, effective);
  return sum;
}

/// The norm is |<v, Hess g v>| for the v that the power method ends with. Where v is an
/// eigenvector, moving it changes nothing to first order: the gradient is that for fixed v.
template <class T>
double GradientStepLearner<T>::jacobian_penalty(const GradientStepDrunet<T>& denoiser,
                                                const Sample<T>& sample,
                                                DrunetGradient<T>& gradient,
                                                Figures& figures) const {
  const GradientStepOptions& o = options_;
  Array<T> v(sample.input.shape());
  fill_normal<T>(v, Rng(0).stream("power method/" + std::to_string(sample.key)));
  const double found =
      denoiser.hessian_eigenvalue(sample.input, sample.sigma, v, o.power_steps, o.power_tolerance);
  const double norm = std::abs(found);
  figures["jacobian norm"] += norm;
  if (norm <= o.jacobian_bound) return o.jacobian_weight * o.jacobian_bound;
  denoiser.curvature(sample.input, sample.sigma, v, &gradient,
                     std::copysign(o.jacobian_weight, found));
  return o.jacobian_weight * norm;
}

template <class T>
Parameters GradientStepLearner<T>::pull_back(const Parameters&, const Prepared&,
                                             const Parameters& effective) const {
  return effective;
}

template <class T>
void GradientStepLearner<T>::estimate(const Prepared& prepared, const Sample<T>& sample,
                                      View<T> out) const {
  prepared.denoiser.denoise(sample.input, sample.sigma, out);
}

template <class T>
Model<float> GradientStepLearner<T>::to_model(const Parameters& p) const {
  return {GradientStepDrunet<float>(std::get<Drunet<float>>(network_.to_model(p).value)), {}};
}

template class GradientStepLearner<float>;
template class GradientStepLearner<double>;

}  // namespace fejer
