#include <fejer/models/learnable_denoisers.hpp>

#include <algorithm>
#include <cmath>
#include <string>

#include <fejer/models/ridge_denoiser.hpp>
#include <fejer/vector.hpp>

#include "batch.hpp"
#include "converted.hpp"
#include "ridge_scaling.hpp"
#include "training/ridge_batch.hpp"

namespace fejer {
namespace {

double admissible(double relaxation) {
  if (relaxation > 0 && relaxation <= 1) return relaxation;
  throw ArgumentError("RelaxedCnn: the relaxation must lie in (0, 1], got " +
                      std::to_string(relaxation));
}

RidgeDenoiserOptions options_of(double weight, const RidgeProxOptions& options) {
  RidgeDenoiserOptions o;
  o.tolerance = options.tolerance;
  o.max_iterations = options.max_iterations;
  o.weight = weight;
  return o;
}

}  // namespace

template <class T>
RelaxedCnn<T>::RelaxedCnn(const LipschitzCnn<T>& network, double relaxation)
    : divisor_(network.parameters().divisor), relaxation_(admissible(relaxation)) {
  const LipschitzCnnParameters& p = network.parameters();
  for (std::size_t l = 0; l < p.weights.size(); ++l) {
    layers_.emplace_back(detail::converted<T>(p.weights[l]), detail::converted<T>(p.biases[l]));
    if (l + 1 == p.weights.size()) break;
    const bool has = l < p.activation_parameters.size();
    activations_.emplace_back(p.activation, p.weights[l].shape()[0],
                              has ? p.activation_parameters[l] : Array<double>(),
                              ActivationOptions{p.x_min, p.x_max, 2});
    no_gradient_.emplace_back(has ? p.activation_parameters[l].shape() : Shape{0});
  }
}

template <class T>
void RelaxedCnn<T>::forward(ConstView<T> z, ConstView<T>, View<T> out, Tape* tape) const {
  const Shape batch = detail::as_batch("RelaxedCnn", z.shape(), 1);
  const Shape plane{1, batch[2], batch[3]};
  Array<T> change(z.shape());
  if (tape != nullptr) tape->outputs.assign(static_cast<std::size_t>(batch[0]), {});
  for (Index i = 0; i < batch[0]; ++i) {
    std::vector<Array<T>> outputs;
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      const ConstView<T> first(z.data() + i * plane.size(), plane);
      Array<T> activated;
      if (l > 0) {
        activated = Array<T>(outputs.back().shape());
        activations_[l - 1].values(outputs.back(), activated);
      }
      const ConstView<T> in = l == 0 ? first : ConstView<T>(activated);
      outputs.emplace_back(layers_[l].output_shape(in.shape()));
      layers_[l].apply(in, outputs.back());
    }
    copy<T>(outputs.back(), View<T>(change.data() + i * plane.size(), plane));
    if (tape == nullptr) continue;
    outputs.pop_back();
    tape->outputs[static_cast<std::size_t>(i)] = std::move(outputs);
  }
  const T factor = static_cast<T>(1 / divisor_), beta = static_cast<T>(relaxation_);
  for (Index i = 0; i < z.size(); ++i) {
    change[i] = (factor * change[i] - z[i]) / 2;
    out[i] = z[i] + beta * change[i];
  }
  if (tape != nullptr) tape->change = std::move(change);
}

template <class T>
void RelaxedCnn<T>::vjp(const Tape& tape, ConstView<T> u, View<T> zbar, Gradient* gradient) const {
  const Shape batch = detail::as_batch("RelaxedCnn", u.shape(), 1);
  const Shape plane{1, batch[2], batch[3]};
  const T factor = static_cast<T>(1 / divisor_), beta = static_cast<T>(relaxation_);
  std::vector<Array<double>> unused = no_gradient_;
  for (Index i = 0; i < batch[0]; ++i) {
    const auto& outputs = tape.outputs[static_cast<std::size_t>(i)];
    Array<T> pull(ConstView<T>(u.data() + i * plane.size(), plane));
    for (std::size_t l = layers_.size(); l-- > 0;) {
      Array<T> before(layers_[l].input_shape(pull.shape()));
      layers_[l].apply_adjoint(pull, before);
      if (l > 0) activations_[l - 1].vjp(outputs[l - 1], before, before, unused[l - 1]);
      pull = std::move(before);
    }
    copy<T>(pull, View<T>(zbar.data() + i * plane.size(), plane));
  }
  for (Index i = 0; i < u.size(); ++i) zbar[i] = u[i] + beta * (factor * zbar[i] - u[i]) / 2;
  if (gradient != nullptr) gradient->relaxation += dot<T>(tape.change, u);
}

template <class T>
RidgeProx<T>::RidgeProx(RidgeRegulariser<T> model, double weight, double sigma,
                        const RidgeProxOptions& options)
    : model_(std::move(model)), weight_(weight), sigma_(sigma), options_(options) {
  RidgeDenoiser<T>(model_, options_of(weight, options));  // checks the weight
  model_.scaling(sigma);                                  // checks the level
}

template <class T>
void RidgeProx<T>::forward(ConstView<T> z, ConstView<T> start, View<T> out, Tape* tape) const {
  RidgeSolution<T> p =
      RidgeDenoiser<T>(model_, options_of(weight_, options_)).solve(z, sigma_, start);
  copy<T>(p.x, out);
  if (tape != nullptr) *tape = {std::move(p.x), p.residual, p.converged};
}

template <class T>
void RidgeProx<T>::vjp(const Tape& tape, ConstView<T> u, View<T> zbar, Gradient* gradient) const {
  const Shape planes = detail::as_batch("RidgeProx", u.shape(), 1);
  const detail::BatchReport report = detail::solve_hessian_each<T>(
      model_, ConstView<T>(tape.x).reshaped(planes),
      std::vector<double>(static_cast<std::size_t>(planes[0]), sigma_), u.reshaped(planes),
      {options_.tolerance, options_.max_iterations}, zbar.reshaped(planes), weight_);
  if (gradient == nullptr) return;
  double left = 0;
  for (const double residual : report.residuals) left = std::max(left, residual);
  gradient->residual = std::max(gradient->residual, tape.residual);
  gradient->adjoint_residual = std::max(gradient->adjoint_residual, left);
  gradient->not_settled += (tape.settled ? 0 : 1) + (left <= options_.tolerance ? 0 : 1);
  Array<T> work(u.shape());
  model_.gradient(tape.x, sigma_, work);
  gradient->log_weight -= weight_ * dot<T>(work, zbar);
  if (!options_.sigma_derivative) return;
  RidgeKernelSum<T> unused(model_);
  const std::vector<double> by_scale = model_.vjp(tape.x, sigma_, zbar, work, unused, 0).scaling;
  const std::vector<double> slopes = detail::scaling_slopes(model_, sigma_);
  for (std::size_t c = 0; c < slopes.size(); ++c)
    gradient->sigma -= weight_ * by_scale[c] * slopes[c];
}

template class RelaxedCnn<float>;
template class RelaxedCnn<double>;
template class RidgeProx<float>;
template class RidgeProx<double>;

}  // namespace fejer
