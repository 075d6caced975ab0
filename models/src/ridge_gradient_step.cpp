#include <fejer/models/ridge_gradient_step.hpp>

#include <cmath>
#include <limits>
#include <utility>

#include <fejer/algorithms/contraction.hpp>
#include <fejer/vector.hpp>

#include "ridge_scaling.hpp"

namespace fejer {

template <class T>
RidgeGradientStep<T>::RidgeGradientStep(RidgeRegulariser<T> model, LinearOperator<T> A,
                                        ConstView<T> data, const Options& options)
    : model_(std::move(model)),
      A_(std::move(A)),
      back_(A_.apply_adjoint(Array<T>(data))),
      options_(options) {
  if (!(options.step >= 0 && options.lambda >= 0 && options.lower >= 0))
    throw ArgumentError("RidgeGradientStep: step, lambda and lower must not be negative");
  model_.scaling(options.sigma);  // checks the level
  if (options.step > 0) return;
  const double norm = A_.norm_interval().upper;
  if (!std::isfinite(norm))
    throw ArgumentError(
        "RidgeGradientStep: the operator's norm has no finite bound; expected a step");
  options_.step = 1.9 / (norm * norm + options.lambda * model_.lipschitz_bound().value);
}

template <class T>
void RidgeGradientStep<T>::forward(ConstView<T> x, View<T> out, Saved* saved) const {
  Array<T> slope(x.shape()), regulariser(x.shape());
  A_.normal(x, slope);
  model_.gradient(x, options_.sigma, regulariser);
  const T lambda = static_cast<T>(options_.lambda), gamma = static_cast<T>(options_.step);
  for (Index i = 0; i < x.size(); ++i) slope[i] += lambda * regulariser[i] - back_[i];
  combine<T>(1, x, -gamma, slope, out);
  if (saved != nullptr) *saved = {Array<T>(x), std::move(slope), std::move(regulariser)};
}

template <class T>
void RidgeGradientStep<T>::vjp(const Saved& saved, ConstView<T> u, View<T> xbar,
                               Gradient* gradient) const {
  const double gamma = options_.step, lambda = options_.lambda, sigma = options_.sigma;
  Array<T> curved(u.shape());
  if (gradient == nullptr) {
    model_.hessian_vector_product(saved.x, sigma, u, curved);
  } else {
    RidgeKernelSum<T> kernels = gradient->kernels.value_or(RidgeKernelSum<T>(model_));
    const double factor = gradient->kernels ? -gamma * lambda : 0;
    const RidgeGradients parts = model_.vjp(saved.x, sigma, u, curved, kernels, factor);
    if (gradient->kernels) axpy<double>(factor, parts.profile, gradient->profile);
    gradient->step -= dot<T>(saved.slope, u);
    gradient->lambda -= gamma * dot<T>(saved.regulariser, u);
    const std::vector<double> slopes = detail::scaling_slopes(model_, sigma);
    for (std::size_t c = 0; c < slopes.size(); ++c)
      gradient->sigma -= gamma * lambda * parts.scaling[c] * slopes[c];
  }
  A_.normal(u, xbar);
  for (Index i = 0; i < u.size(); ++i)
    xbar[i] = u[i] - static_cast<T>(gamma) * (xbar[i] + static_cast<T>(lambda) * curved[i]);
}

template <class T>
double RidgeGradientStep<T>::lipschitz_bound() const {
  const Bound weak = model_.weak_convexity();
  const double lambda = options_.lambda, norm = A_.norm_interval().upper;
  if (weak.kind != Certificate::Kind::proven) return std::numeric_limits<double>::infinity();
  return gradient_step_bound(options_.step, options_.lower - lambda * weak.value,
                             norm * norm + lambda * model_.proven_lipschitz_bound().value);
}

template <class T>
typename RidgeGradientStep<T>::Gradient RidgeGradientStep<T>::zero_gradient() const {
  Gradient zero;
  zero.kernels.emplace(model_);
  zero.profile = Array<double>(model_.parameters().profile.shape());
  return zero;
}

template class RidgeGradientStep<float>;
template class RidgeGradientStep<double>;

}  // namespace fejer
