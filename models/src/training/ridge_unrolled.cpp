#include <fejer/models/training/ridge_unrolled.hpp>

#include <algorithm>
#include <cmath>

#include <fejer/models/training/projections.hpp>
#include <fejer/vector.hpp>

#include "ridge_batch.hpp"

namespace fejer {

using detail::indexed;

namespace {

constexpr double least_lambda = 1e-4, least_mu = 0.01;

void check(const RidgeUnrolledOptions& o) {
  const char* wrong = nullptr;
  if (o.steps < 1) wrong = "steps must be at least 1";
  if (!(o.noise_level > 0 && o.noise_level <= 1))
    wrong = "noise_level must lie in (0, 1]; write 25/255 for 25";
  if (o.channels.size() < 2 || o.channels.front() != 1)
    wrong = "channels must begin with 1 and name at least one layer";
  if (o.kernel_size < 1 || o.kernel_size % 2 == 0) wrong = "kernel_size must be odd";
  if (o.knots < 3 || o.knots % 2 == 0) wrong = "knots must be odd and at least 3";
  if (!(o.range > 0) || !(o.least_norm > 0)) wrong = "range and least_norm must be positive";
  if (!(o.tv2 >= 0)) wrong = "tv2 must not be negative";
  if (o.power_size < 1 || o.power_steps < 1)
    wrong = "power_size and power_steps must be at least 1";
  if (wrong != nullptr) throw ArgumentError(std::string("RidgeUnrolledLearner: ") + wrong);
}

template <class T>
double product(ConstView<T> a, ConstView<T> b) {
  double sum = 0;
  for (Index i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

}  // namespace

template <class T>
RidgeUnrolledLearner<T>::RidgeUnrolledLearner(const RidgeUnrolledOptions& options)
    : options_(options) {
  check(options);
}

template <class T>
double RidgeUnrolledLearner<T>::knot_step() const {
  return 2 * options_.range / static_cast<double>(options_.knots - 1);
}

template <class T>
Parameters RidgeUnrolledLearner<T>::initial(const Rng& rng) const {
  const RidgeUnrolledOptions& o = options_;
  Parameters p;
  for (std::size_t l = 0; l + 1 < o.channels.size(); ++l) {
    const std::string name = indexed("kernel", l);
    const Shape shape{o.channels[l + 1], o.channels[l], o.kernel_size, o.kernel_size};
    p.add(name, "conv", detail::initial_kernel(shape, rng.stream(name)));
  }
  if (o.activation == RidgeActivation::relu)
    p.add("bias", "bias", Array<double>(Shape{o.channels.back()}));
  else
    p.add("profile", "spline", Array<double>(Shape{o.channels.back(), o.knots}));
  p.add("lambda", "lambda", Array<double>(Shape{1}, o.start_lambda));
  p.add("mu", "mu", Array<double>(Shape{1}, o.start_mu));
  return p;
}

template <class T>
std::vector<double> RidgeUnrolledLearner<T>::largest_slopes(const Array<double>& profile,
                                                            std::vector<Index>* where) const {
  std::vector<double> slopes;
  const Index n = profile.shape()[1];
  for (Index c = 0; c < profile.shape()[0]; ++c) {
    const double* const a = profile.data() + c * n;
    Index best = 0;
    for (Index k = 1; k + 1 < n; ++k)
      if (a[k + 1] - a[k] > a[best + 1] - a[best]) best = k;
    slopes.push_back((a[best + 1] - a[best]) / knot_step());
    if (where != nullptr) where->push_back(best);
  }
  return slopes;
}

template <class T>
Array<double> RidgeUnrolledLearner<T>::profile(const Parameters& parameters) const {
  if (options_.activation == RidgeActivation::spline)
    return project_monotone(parameters["profile"]);
  const Array<double>& bias = parameters["bias"];
  Array<double> result(Shape{bias.size(), options_.knots});
  for (Index i = 0; i < result.size(); ++i) {
    const Index c = i / options_.knots, k = i % options_.knots;
    result[i] = std::max(static_cast<double>(k) * knot_step() - options_.range + bias[c], 0.0);
  }
  return result;
}

template <class T>
void RidgeUnrolledLearner<T>::pull_back_profile(const Parameters& parameters,
                                                const Array<double>& cotangent,
                                                Parameters& gradient) const {
  if (options_.activation == RidgeActivation::spline) {
    const Array<double> g = project_monotone_vjp(parameters["profile"], cotangent);
    return axpy<double>(1, g, gradient["profile"]);
  }
  const Array<double> active = profile(parameters);
  for (Index i = 0; i < active.size(); ++i)
    if (active[i] > 0) gradient["bias"][i / options_.knots] += cotangent[i];
}

template <class T>
RidgeParameters RidgeUnrolledLearner<T>::effective(const Parameters& parameters) const {
  const RidgeUnrolledOptions& o = options_;
  RidgeParameters p;
  for (std::size_t l = 0; l + 1 < o.channels.size(); ++l)
    p.kernels.push_back(remove_means(parameters[indexed("kernel", l)]));
  p.borders = o.borders;
  p.x_max = o.range;
  p.x_min = -o.range;
  p.profile = profile(parameters);
  p.weight = p.scale = std::max(parameters["mu"][0], least_mu);
  return p;
}

template <class T>
typename RidgeUnrolledLearner<T>::Prepared RidgeUnrolledLearner<T>::prepare(
    const Parameters& parameters) const {
  RidgeParameters p = effective(parameters);
  std::vector<Index> steepest;
  const std::vector<double> slopes = largest_slopes(p.profile, &steepest);
  SquaredNorm norm = p.borders == Borders::zero_once
                         ? proven_squared_norm(p.kernels, slopes)
                         : power_squared_norm(p.kernels, p.borders, slopes, options_.power_size,
                                              options_.power_steps);
  // A profile of zeros is a model, too: the first one.
  p.mu = std::max(*std::max_element(slopes.begin(), slopes.end()), 1e-12);
  p.curvature = std::max(norm.value, options_.least_norm);
  const double lambda = std::max(parameters["lambda"][0], least_lambda);
  return {
      RidgeRegulariser<T>(p), std::move(norm), std::move(steepest), lambda, p.scale, p.curvature};
}

template <class T>
Parameters RidgeUnrolledLearner<T>::effective_zeros(const Prepared& prepared) const {
  const RidgeParameters& p = prepared.model.parameters();
  Parameters zeros;
  for (std::size_t l = 0; l < p.kernels.size(); ++l)
    zeros.add(indexed("kernel", l), "conv", Array<double>(p.kernels[l].shape()));
  zeros.add("profile", "spline", Array<double>(p.profile.shape()));
  for (const char* name : {"lambda", "mu", "first_step", "step"})
    zeros.add(name, name, Array<double>(Shape{1}));
  return zeros;
}

template <class T>
Array<T> RidgeUnrolledLearner<T>::iterates(const Prepared& prepared, ConstView<T> y,
                                           const std::vector<double>& sigmas) const {
  Shape shape{options_.steps};
  for (const Index n : y.shape()) shape.push_back(n);
  Array<T> x(shape), g(y.shape());
  const T first = static_cast<T>(prepared.first_step()), a = static_cast<T>(prepared.step()),
          lambda = static_cast<T>(prepared.lambda);
  prepared.model.gradient(y, sigmas, g);
  for (Index i = 0; i < y.size(); ++i) x[i] = y[i] - first * g[i];
  for (Index k = 1; k < options_.steps; ++k) {
    const ConstView<T> from = std::as_const(x).slice(k - 1);
    const View<T> to = x.slice(k);
    prepared.model.gradient(from, sigmas, g);
    for (Index i = 0; i < y.size(); ++i) to[i] = from[i] - a * (from[i] - y[i] + lambda * g[i]);
  }
  return x;
}

template <class T>
double RidgeUnrolledLearner<T>::shard_gradient(const Prepared& prepared, const Shard<T>& shard,
                                               LossGradient<T> loss, Parameters& effective,
                                               Figures&) const {
  const detail::RidgeBatch<T> batch(shard);
  const Array<T> x = iterates(prepared, batch.inputs, batch.sigmas);
  Array<T> u(batch.shape()), h(batch.shape());
  double sum = 0;
  for (Index i = 0; i < batch.size(); ++i)
    sum += loss(x.slice(options_.steps - 1).slice(i), shard[static_cast<std::size_t>(i)].target,
                u.slice(i));
  // h = J u, J of G at x, and what a step x' = ... - factor G(x) owes to G's parameters.
  RidgeKernelSum<T> kernels(prepared.model);
  const auto through = [&](ConstView<T> at, double factor) {
    const RidgeGradients g = prepared.model.vjp(at, batch.sigmas, u, h, kernels, -factor);
    axpy<double>(-factor, g.profile, effective["profile"]);
    // G is linear in the profile, and in mu it is mu times a function of alpha = mu.
    const double along = dot(g.profile, prepared.model.parameters().profile);
    double by_mu = along / prepared.mu;
    for (const double v : g.scaling) by_mu += v;
    effective["mu"][0] -= factor * by_mu;
    return along;
  };
  const double a = prepared.step(), lambda = prepared.lambda;
  for (Index k = options_.steps - 1; k > 0; --k) {
    const ConstView<T> before = x.slice(k - 1), after = x.slice(k);
    effective["step"][0] += (product<T>(u, after) - product<T>(u, before)) / a;
    effective["lambda"][0] -= a * through(before, a * lambda);
    const T stay = static_cast<T>(1 - a), turn = static_cast<T>(a * lambda);
    for (Index i = 0; i < u.size(); ++i) u[i] = stay * u[i] - turn * h[i];
  }
  effective["first_step"][0] -= through(batch.inputs, prepared.first_step());
  const std::vector<Array<double>> of_kernels = kernels.gradients();
  for (std::size_t l = 0; l < of_kernels.size(); ++l)
    axpy<double>(1, of_kernels[l], effective[indexed("kernel", l)]);
  return sum;
}

template <class T>
Parameters RidgeUnrolledLearner<T>::pull_back(const Parameters& parameters,
                                              const Prepared& prepared,
                                              const Parameters& effective) const {
  Parameters result = parameters.zeros();
  const double lambda = prepared.lambda, mu = prepared.mu, L = prepared.L;
  const double by_step = effective["step"][0], by_first = effective["first_step"][0];
  // a = (2 - 1e-8)/(1 + M), M = lambda mu L; b = 2/(L mu).
  const double by_m = -by_step * prepared.step() / (1 + lambda * mu * L);
  const double b = prepared.first_step();
  double by_norm = by_m * lambda * mu - by_first * b / L;
  if (prepared.norm.value < options_.least_norm) by_norm = 0;
  if (parameters["lambda"][0] >= least_lambda)
    result["lambda"][0] = effective["lambda"][0] + by_m * mu * L;
  if (parameters["mu"][0] >= least_mu)
    result["mu"][0] = effective["mu"][0] + by_m * lambda * L - by_first * b / mu;
  for (std::size_t l = 0; l < prepared.norm.kernels.size(); ++l) {
    Array<double> g = effective[indexed("kernel", l)];
    axpy<double>(by_norm, prepared.norm.kernels[l], g);
    result[indexed("kernel", l)] = remove_means(std::move(g));
  }
  Array<double> q = effective["profile"];
  for (Index c = 0; c < q.shape()[0]; ++c) {
    const auto n = static_cast<std::size_t>(c);
    const double g = by_norm * prepared.norm.weights[n] / knot_step();
    double* const at = q.data() + c * q.shape()[1] + prepared.steepest[n];
    at[1] += g;
    at[0] -= g;
  }
  pull_back_profile(parameters, q, result);
  return result;
}

template <class T>
double RidgeUnrolledLearner<T>::penalty(const Parameters& parameters, const Prepared& prepared,
                                        Parameters& gradient) const {
  if (options_.activation == RidgeActivation::relu) return 0;
  const Array<double>& profile = prepared.model.parameters().profile;
  Array<double> q(profile.shape());
  const double value = add_tv2(profile, knot_step(), options_.tv2 * 255 * options_.noise_level, q);
  pull_back_profile(parameters, q, gradient);
  return value;
}

template <class T>
void RidgeUnrolledLearner<T>::estimate(const Prepared& prepared, const Sample<T>& sample,
                                       View<T> out) const {
  require_shape("RidgeUnrolledLearner::estimate output", out.shape(), sample.input.shape());
  const detail::RidgeBatch<T> batch({sample});
  const Array<T> x = iterates(prepared, batch.inputs, batch.sigmas);
  const ConstView<T> last = x.slice(options_.steps - 1);
  std::copy(last.begin(), last.end(), out.begin());
}

template <class T>
Model<T> RidgeUnrolledLearner<T>::to_model(const Parameters& parameters) const {
  RidgeParameters p = effective(parameters);
  const std::vector<double> slopes = largest_slopes(p.profile, nullptr);
  p.mu = *std::max_element(slopes.begin(), slopes.end());
  if (!(p.mu > 0))
    throw ArgumentError("RidgeUnrolledLearner::to_model: all profiles are 0; train it first");
  const double norm = p.borders == Borders::zero_once
                          ? proven_squared_norm(p.kernels, slopes).value
                          : weighted_power_norm(p.kernels, p.borders, slopes);
  p.curvature = std::max(norm, options_.least_norm);
  p.weight = p.scale * std::max(parameters["lambda"][0], least_lambda);
  return {CrrTStepDenoiser<T>(RidgeRegulariser<T>(p), options_.steps, options_.noise_level), {}};
}

template class RidgeUnrolledLearner<float>;
template class RidgeUnrolledLearner<double>;

}  // namespace fejer
