#include <fejer/models/training/ridge_equilibrium.hpp>

#include <algorithm>
#include <cmath>

#include <fejer/models/training/projections.hpp>
#include <fejer/vector.hpp>

#include "ridge_batch.hpp"

namespace fejer {

using detail::BatchReport;
using detail::indexed;

namespace {

void check(const RidgeEquilibriumOptions& o) {
  const char* wrong = nullptr;
  if (o.channels.size() < 2 || o.channels.front() != 1)
    wrong = "channels must begin with 1 and name at least one layer";
  if (o.kernel_size < 1 || o.kernel_size % 2 == 0) wrong = "kernel_size must be odd";
  if (!(o.rho >= 0 && o.rho <= 1)) wrong = "rho must lie in [0, 1]";
  if (o.knots < 3 || o.knots % 2 == 0) wrong = "knots must be odd and at least 3";
  if (!(o.range > 0) || !(o.scaling_max > 0)) wrong = "range and scaling_max must be positive";
  if (o.scaling_knots < 2) wrong = "scaling_knots must be at least 2";
  if (!(o.tolerance > 0) || !(o.backward_tolerance > 0)) wrong = "tolerances must be positive";
  if (o.max_iterations < 1 || o.backward_max_iterations < 1)
    wrong = "the largest numbers of iterations must be at least 1";
  if (o.jfb_passes < 0) wrong = "jfb_passes must not be negative";
  if (wrong != nullptr) throw ArgumentError(std::string("RidgeEquilibriumLearner: ") + wrong);
}

/// The published training sees W^T W on a grid of 255 + 2 (sum of the layers' radii) points.
Index published_grid(const RidgeEquilibriumOptions& o) {
  return 255 + static_cast<Index>(o.channels.size() - 1) * (o.kernel_size - 1);
}

}  // namespace

template <class T>
RidgeEquilibriumLearner<T>::RidgeEquilibriumLearner(const RidgeEquilibriumOptions& options)
    : options_(options) {
  check(options);
}

template <class T>
Parameters RidgeEquilibriumLearner<T>::initial(const Rng& rng) const {
  const RidgeEquilibriumOptions& o = options_;
  Parameters p;
  for (std::size_t l = 0; l + 1 < o.channels.size(); ++l) {
    const std::string name = indexed("kernel", l);
    const Shape shape{o.channels[l + 1], o.channels[l], o.kernel_size, o.kernel_size};
    p.add(name, "conv", detail::initial_kernel(shape, rng.stream(name)));
  }
  p.add("mu", "mu", Array<double>(Shape{1}, o.start_log_mu));
  p.add("convex", "spline", Array<double>(Shape{1, o.knots}));
  if (o.rho > 0) {
    Array<double> identity(Shape{1, o.knots});
    for (Index k = 0; k < o.knots; ++k)
      identity[k] = o.range * (2 * static_cast<double>(k) / static_cast<double>(o.knots - 1) - 1);
    p.add("concave", "spline", std::move(identity));
  }
  p.add("scaling", "scaling",
        Array<double>(Shape{o.channels.back(), o.scaling_knots}, o.start_scaling));
  return p;
}

template <class T>
RidgeParameters RidgeEquilibriumLearner<T>::effective(const Parameters& parameters) const {
  const RidgeEquilibriumOptions& o = options_;
  RidgeParameters p;
  for (std::size_t l = 0; l + 1 < o.channels.size(); ++l)
    p.kernels.push_back(parameters[indexed("kernel", l)]);
  p.kernels.front() = remove_means(std::move(p.kernels.front()));
  p.borders = o.borders;
  p.x_max = o.range;
  p.x_min = -o.range;
  p.rho = o.rho;
  p.mu = p.curvature = std::exp(parameters["mu"][0]);
  const double step = 2 * o.range / static_cast<double>(o.knots - 1);
  p.profile = project_antisymmetric(parameters["convex"], step, 0, 1);
  scale<double>(p.profile, p.mu);
  if (o.rho > 0) {
    const Array<double> concave = project_antisymmetric(parameters["concave"], step, 0, 1);
    axpy<double>(-o.rho, concave, p.profile);
  }
  p.scaling = NoiseScaling{parameters["scaling"], 0, o.scaling_max};
  return p;
}

template <class T>
typename RidgeEquilibriumLearner<T>::Prepared RidgeEquilibriumLearner<T>::prepare(
    const Parameters& parameters) const {
  RidgeParameters p = effective(parameters);
  SquaredNorm norm = options_.borders == Borders::zero_once
                         ? proven_squared_norm(p.kernels)
                         : grid_squared_norm(p.kernels, published_grid(options_));
  p.norm_squared = norm.value;
  const LinearSpline<double> profile(p.profile, p.x_min, p.x_max, Extrapolation::constant);
  // The published norm is no bound on a finite image; mu leaves room.
  const double slope =
      options_.borders == Borders::zero_once ? std::max(profile.max_slope(), 0.0) : p.mu;
  return {RidgeRegulariser<T>(p), std::move(norm), slope};
}

template <class T>
Parameters RidgeEquilibriumLearner<T>::effective_zeros(const Prepared& prepared) const {
  const RidgeParameters& p = prepared.model.parameters();
  Parameters zeros;
  for (std::size_t l = 0; l < p.kernels.size(); ++l)
    zeros.add(indexed("kernel", l), "conv", Array<double>(p.kernels[l].shape()));
  zeros.add("profile", "spline", Array<double>(p.profile.shape()));
  zeros.add("scaling", "scaling", Array<double>(p.scaling->coefficients.shape()));
  return zeros;
}

/// alpha_c = exp(s_c(g)) / (g + epsilon): d alpha_c = alpha_c times the two hats at g.
template <class T>
void RidgeEquilibriumLearner<T>::add_scaling(double sigma, const double* gradients,
                                             const RidgeRegulariser<T>& model,
                                             Array<double>& sum) const {
  const Index knots = sum.shape()[1];
  const double at = 255 * sigma / options_.scaling_max * static_cast<double>(knots - 1);
  const Index k = std::clamp(static_cast<Index>(std::floor(at)), Index{0}, knots - 2);
  const double u = at - static_cast<double>(k);
  const std::vector<double> alpha = model.scaling(sigma);
  for (Index c = 0; c < sum.shape()[0]; ++c) {
    const double g = gradients[c] * alpha[static_cast<std::size_t>(c)];
    sum[c * knots + k] += (1 - u) * g;
    sum[c * knots + k + 1] += u * g;
  }
}

template <class T>
double RidgeEquilibriumLearner<T>::shard_gradient(const Prepared& prepared, const Shard<T>& shard,
                                                  LossGradient<T> loss, Parameters& effective,
                                                  Figures& figures) const {
  const detail::RidgeBatch<T> batch(shard);
  Array<T> x = batch.inputs, b(batch.shape()), g(batch.shape());
  for (Index i = 0; i < batch.size(); ++i) {
    const Array<T>* state = shard[static_cast<std::size_t>(i)].state;
    if (state != nullptr && state->shape() == x.slice(i).shape()) copy<T>(*state, x.slice(i));
  }
  const BatchReport forward =
      detail::minimise_each<T>(prepared.model, prepared.lipschitz, batch.inputs, batch.sigmas,
                               {options_.tolerance, options_.max_iterations}, x);
  for (Index i = 0; i < batch.size(); ++i)
    if (Array<T>* state = shard[static_cast<std::size_t>(i)].state) *state = Array<T>(x.slice(i));
  double sum = 0;
  for (Index i = 0; i < batch.size(); ++i)
    sum += loss(x.slice(i), shard[static_cast<std::size_t>(i)].target, b.slice(i));
  const BatchReport backward =
      options_.jfb_passes > 0
          ? detail::pull_back_each<T>(prepared.model, x, batch.sigmas, b,
                                      2 / (2 - options_.rho + prepared.lipschitz),
                                      options_.jfb_passes, g)
          : detail::solve_hessian_each<T>(
                prepared.model, x, batch.sigmas, b,
                {options_.backward_tolerance, options_.backward_max_iterations}, g);
  scale<T>(g, T(-1));
  const RidgeGradients gradients = prepared.model.vjp(x, batch.sigmas, g, b);
  for (std::size_t l = 0; l < gradients.kernels.size(); ++l)
    axpy<double>(1, gradients.kernels[l], effective[indexed("kernel", l)]);
  axpy<double>(1, gradients.profile, effective["profile"]);
  const Index channels = prepared.model.channels();
  for (Index i = 0; i < batch.size(); ++i) {
    const auto n = static_cast<std::size_t>(i);
    add_scaling(batch.sigmas[n], gradients.scaling.data() + i * channels, prepared.model,
                effective["scaling"]);
    figures["forward_iterations"] += forward.iterations[n];
    figures["backward_iterations"] += backward.iterations[n];
    figures["backward_residual"] += backward.residuals[n];
    figures["unconverged"] += forward.residuals[n] > options_.tolerance ? 1 : 0;
  }
  return sum;
}

template <class T>
Parameters RidgeEquilibriumLearner<T>::pull_back(const Parameters& parameters,
                                                 const Prepared& prepared,
                                                 const Parameters& effective) const {
  const RidgeParameters& p = prepared.model.parameters();
  Parameters result = parameters.zeros();
  // W = kernels, the first over sqrt(L), and L is a function of all of them.
  const double root = std::sqrt(p.norm_squared);
  const double by_norm =
      -dot(effective["kernel_0"], p.kernels.front()) / (2 * root * p.norm_squared);
  for (std::size_t l = 0; l < p.kernels.size(); ++l) {
    Array<double>& g = result[indexed("kernel", l)];
    axpy<double>(l == 0 ? 1 / root : 1, effective[indexed("kernel", l)], g);
    axpy<double>(by_norm, prepared.norm.kernels[l], g);
  }
  result["kernel_0"] = remove_means(std::move(result["kernel_0"]));
  const Array<double>& q = effective["profile"];
  const double step = (p.x_max - p.x_min) / static_cast<double>(q.shape()[1] - 1);
  result["convex"] = project_antisymmetric_vjp(parameters["convex"], step, 0, 1, q);
  scale<double>(result["convex"], p.mu);
  result["mu"][0] = p.mu * dot(q, project_antisymmetric(parameters["convex"], step, 0, 1));
  if (p.rho > 0) {
    result["concave"] = project_antisymmetric_vjp(parameters["concave"], step, 0, 1, q);
    scale<double>(result["concave"], -p.rho);
  }
  result["scaling"] = effective["scaling"];
  return result;
}

template <class T>
void RidgeEquilibriumLearner<T>::estimate(const Prepared& prepared, const Sample<T>& sample,
                                          View<T> out) const {
  const detail::RidgeBatch<T> batch({sample});
  require_shape("RidgeEquilibriumLearner::estimate output", out.shape(), sample.input.shape());
  std::copy(sample.input.begin(), sample.input.end(), out.begin());
  detail::minimise_each<T>(prepared.model, prepared.lipschitz, batch.inputs, batch.sigmas,
                           {options_.tolerance, options_.max_iterations},
                           View<T>(out.data(), batch.shape()));
}

template <class T>
Model<T> RidgeEquilibriumLearner<T>::to_model(const Parameters& parameters) const {
  RidgeParameters p = effective(parameters);
  p.norm_squared = options_.borders == Borders::zero_once
                       ? proven_squared_norm(p.kernels).value
                       : power_norm_squared(p.kernels, p.borders);
  return {RidgeRegulariser<T>(p), {}};
}

template class RidgeEquilibriumLearner<float>;
template class RidgeEquilibriumLearner<double>;

}  // namespace fejer
