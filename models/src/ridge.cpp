#include <fejer/models/ridge.hpp>

#include <algorithm>
#include <cmath>

#include "ridge_data.hpp"

namespace fejer {

namespace detail {

Index count_planes(const char* where, const Shape& s, Extent& size) {
  if (s.rank() < 2)
    throw ShapeError(std::string(where) + ": got " + to_string(s) + ", expected (..., H, W)");
  size = {s.back(1), s.back(0)};
  const Index pixels = size.rows * size.columns;
  return pixels > 0 ? s.size() / pixels : 0;
}

void require_levels(const char* where, const Shape& s, const NoiseLevels& sigma) {
  if (sigma.single() || (s.rank() > 2 && s[0] == sigma.size())) return;
  throw ShapeError(std::string(where) + ": got " + std::to_string(sigma.size()) +
                   " noise levels for " + to_string(s) +
                   ", expected one, or one for each entry of the first axis of (N, ..., H, W)");
}

}  // namespace detail

using detail::Extent;
using detail::PaddedPlanes;
using detail::Scratch;

namespace {

void check(const RidgeParameters& p) {
  const auto positive = [](double v) { return std::isfinite(v) && v > 0; };
  const char* wrong = nullptr;
  if (p.kernels.empty()) wrong = "there are no kernels";
  if (!positive(p.norm_squared)) wrong = "norm_squared must be positive and finite";
  if (!(std::isfinite(p.rho) && p.rho >= 0)) wrong = "rho must be finite and not negative";
  if (!positive(p.mu)) wrong = "mu must be positive and finite";
  if (!positive(p.scale) || !positive(p.weight)) wrong = "scale and weight must be positive";
  if (!positive(p.curvature)) wrong = "curvature must be positive and finite";
  if (wrong != nullptr) throw ArgumentError(std::string("RidgeRegulariser: ") + wrong);
  for (const auto& kernel : p.kernels)
    for (const double w : kernel)
      if (!std::isfinite(w)) throw ArgumentError("RidgeRegulariser: a weight is not finite");
}

template <class T>
MultiConvolution<T> normalised_filters(const RidgeParameters& p) {
  const double root = std::sqrt(p.norm_squared);
  std::vector<Array<T>> kernels;
  for (const auto& kernel : p.kernels) {
    Array<T> k(kernel.shape());
    const double factor = kernels.empty() ? 1 / root : 1;
    for (Index i = 0; i < k.size(); ++i) k[i] = static_cast<T>(kernel[i] * factor);
    kernels.push_back(std::move(k));
  }
  return MultiConvolution<T>(kernels, p.borders);
}

template <class T>
LinearSpline<T> weighted_profile(const RidgeParameters& p) {
  Array<double> values = p.profile;
  for (double& v : values) v *= p.weight;
  return LinearSpline<T>(values, p.x_min, p.x_max, Extrapolation::constant);
}

}  // namespace

template <class T>
RidgeRegulariser<T>::Data::Data(const RidgeParameters& p, MultiConvolution<T> w, LinearSpline<T> f)
    : parameters(p), filters(std::move(w)), profile(std::move(f)), tiles(filters) {}

template <class T>
RidgeRegulariser<T>::RidgeRegulariser(const RidgeParameters& p) {
  check(p);
  auto data = std::make_shared<Data>(p, normalised_filters<T>(p), weighted_profile<T>(p));
  const Index channels = data->channels();
  if (data->filters.in_channels() != 1)
    throw ShapeError("RidgeRegulariser: the first kernel takes " +
                     std::to_string(data->filters.in_channels()) + " channels, expected 1");
  if (p.profile.shape()[0] != 1 && p.profile.shape()[0] != channels)
    throw ShapeError("RidgeRegulariser profile: got " + to_string(p.profile.shape()) +
                     ", expected 1 or " + std::to_string(channels) + " rows");
  const double low = data->profile.min_slope(), high = data->profile.max_slope();
  const double room = 1e-6 * p.weight * (p.mu + p.rho);
  if (low < -p.rho * p.weight - room || high > p.mu * p.weight + room)
    throw ArgumentError("RidgeRegulariser: slopes of the profile reach [" +
                        std::to_string(low / p.weight) + ", " + std::to_string(high / p.weight) +
                        "], outside [-rho, mu] = [" + std::to_string(-p.rho) + ", " +
                        std::to_string(p.mu) + "]");
  if (p.scaling) {
    if (p.scaling->coefficients.shape().rank() != 2 ||
        p.scaling->coefficients.shape()[0] != channels)
      throw ShapeError("RidgeRegulariser scaling: got " +
                       to_string(p.scaling->coefficients.shape()) + ", expected (" +
                       std::to_string(channels) + ", knots)");
    data->log_scaling.emplace(p.scaling->coefficients, p.scaling->g_min, p.scaling->g_max);
  }
  data_ = std::move(data);
}

template <class T>
void RidgeRegulariser<T>::Data::fill_scaling(double sigma, double* alpha) const {
  if (!std::isfinite(sigma) || sigma < 0)
    throw ArgumentError("ridge regulariser: sigma must be finite and not negative, got " +
                        std::to_string(sigma));
  if (sigma > 1)
    throw ArgumentError(
        "ridge regulariser: sigma " + std::to_string(sigma) +
        " is above 1; noise levels are in the image's unit, so write 25/255 for 25");
  for (Index c = 0; c < channels(); ++c) {
    alpha[c] = parameters.scale;
    if (!log_scaling) continue;
    const double g = 255 * sigma;
    alpha[c] = std::exp(log_scaling->value(c, g)) / (g + parameters.scaling->epsilon);
  }
}

template <class T>
void RidgeRegulariser<T>::Data::fill_scaling(const NoiseLevels& sigma, Index planes,
                                             double* alpha) const {
  const Index count = channels(), share = planes / std::max<Index>(1, sigma.size());
  for (Index i = 0; i < planes; ++i)
    if (i % share == 0)
      fill_scaling(sigma[i / share], alpha + i * count);
    else
      std::copy_n(alpha + (i - 1) * count, count, alpha + i * count);
}

template <class T>
const RidgeParameters& RidgeRegulariser<T>::parameters() const {
  return data_->parameters;
}
template <class T>
Index RidgeRegulariser<T>::channels() const {
  return data_->channels();
}
template <class T>
std::vector<double> RidgeRegulariser<T>::scaling(double sigma) const {
  std::vector<double> alpha(static_cast<std::size_t>(channels()));
  data_->fill_scaling(sigma, alpha.data());
  return alpha;
}

template <class T>
RidgeRegulariser<T> RidgeRegulariser<T>::with(RidgeEvaluation evaluation) const {
  RidgeRegulariser copy = *this;
  copy.evaluation_ = evaluation;
  return copy;
}
template <class T>
RidgeEvaluation RidgeRegulariser<T>::evaluation(const Shape& shape) const {
  Extent size;
  detail::count_planes("RidgeRegulariser::evaluation", shape, size);
  return data_->choose(evaluation_, size);
}

template <class T>
double RidgeRegulariser<T>::run(const char* where, ConstView<T> x, const NoiseLevels& sigma, T* out,
                                const T* v, bool want_value) const {
  Extent size;
  const Index planes = detail::count_planes(where, x.shape(), size);
  detail::require_levels(where, x.shape(), sigma);
  Scratch<double> alpha(planes * channels());
  data_->fill_scaling(sigma, planes, alpha.data());
  return data_->run({alpha.data(), x.data(), v, out, want_value}, planes, size, evaluation_);
}

template <class T>
double RidgeRegulariser<T>::value(ConstView<T> x, const NoiseLevels& sigma) const {
  return run("RidgeRegulariser::value", x, sigma, nullptr, nullptr, true);
}

template <class T>
void RidgeRegulariser<T>::gradient(ConstView<T> x, const NoiseLevels& sigma, View<T> out) const {
  require_shape("RidgeRegulariser::gradient output", out.shape(), x.shape());
  run("RidgeRegulariser::gradient", x, sigma, out.data(), nullptr, false);
}

template <class T>
double RidgeRegulariser<T>::value_and_gradient(ConstView<T> x, const NoiseLevels& sigma,
                                               View<T> out) const {
  require_shape("RidgeRegulariser::value_and_gradient output", out.shape(), x.shape());
  return run("RidgeRegulariser::value_and_gradient", x, sigma, out.data(), nullptr, true);
}

template <class T>
void RidgeRegulariser<T>::hessian_vector_product(ConstView<T> x, const NoiseLevels& sigma,
                                                 ConstView<T> v, View<T> out) const {
  require_shape("RidgeRegulariser::hessian_vector_product direction", v.shape(), x.shape());
  require_shape("RidgeRegulariser::hessian_vector_product output", out.shape(), x.shape());
  run("RidgeRegulariser::hessian_vector_product", x, sigma, out.data(), v.data(), false);
}

template <class T>
void RidgeRegulariser<T>::filter(ConstView<T> x, View<T> z) const {
  Extent size;
  if (detail::count_planes("RidgeRegulariser::filter", x.shape(), size) != 1)
    throw ShapeError("RidgeRegulariser::filter: got " + to_string(x.shape()) +
                     ", expected one plane");
  data_->filters.apply(x.reshaped({1, size.rows, size.columns}), z);
}

template class RidgeRegulariser<float>;
template class RidgeRegulariser<double>;

}  // namespace fejer
