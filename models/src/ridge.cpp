#include <fejer/models/ridge.hpp>

#include <cmath>

#include "ridge_data.hpp"

namespace fejer {

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

/// Height and width of the last two axes, and the number of planes.
Index count_planes(const char* where, const Shape& s, Extent& size) {
  if (s.rank() < 2)
    throw ShapeError(std::string(where) + ": got " + to_string(s) + ", expected (..., H, W)");
  size = {s.back(1), s.back(0)};
  const Index pixels = size.rows * size.columns;
  return pixels > 0 ? s.size() / pixels : 0;
}

}  // namespace

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
double RidgeRegulariser<T>::Data::evaluate(const T* x, const double* alpha, T* out, bool want_value,
                                           Extent size) const {
  const Convolutions& w = convolutions();
  const Index count = channels();
  const auto& run = detail::kernels<T>();
  PaddedPlanes<T> z(count, size, w.adjoint_border(w.layers()));
  Scratch<double> sums(want_value ? count * size.rows : 1);
  double* const partial = sums.data();
  const auto finish_row = [&](Index c, Index y, T* row) {
    if (want_value)
      partial[c * size.rows + y] =
          run.potential(spline().potential_task(c, alpha[c]), size.columns, row) /
          (alpha[c] * alpha[c]);
    if (out != nullptr) run.spline(spline().task(c, alpha[c]), size.columns, row, row, nullptr);
  };
  const RowDone done(finish_row);
  w.apply(detail::planes<const T>(x, 1, size), z.window(), &done);
  if (out != nullptr) w.apply_adjoint(z.window(), detail::planes(out, 1, size));
  double total = 0;
  if (want_value)
    for (Index i = 0; i < count * size.rows; ++i) total += partial[i];
  return total;
}

template <class T>
void RidgeRegulariser<T>::Data::hessian(const T* x, const double* alpha, const T* v, T* out,
                                        Extent size) const {
  const Convolutions& w = convolutions();
  const auto& run = detail::kernels<T>();
  PaddedPlanes<T> slopes(channels(), size, Extent{}),
      z(channels(), size, w.adjoint_border(w.layers()));
  const auto take_slopes = [&](Index c, Index, T* row) {
    Scratch<T> values(size.columns);
    run.spline(spline().task(c, alpha[c]), size.columns, row, values.data(), row);
  };
  const RowDone keep_slopes(take_slopes);
  w.apply(detail::planes<const T>(x, 1, size), slopes.window(), &keep_slopes);
  const auto times_slopes = [&](Index c, Index y, T* row) {
    const T* s = slopes.window().at(c, y, 0);
    for (Index i = 0; i < size.columns; ++i) row[i] *= s[i];
  };
  const RowDone multiply(times_slopes);
  w.apply(detail::planes<const T>(v, 1, size), z.window(), &multiply);
  w.apply_adjoint(z.window(), detail::planes(out, 1, size));
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
double RidgeRegulariser<T>::value(ConstView<T> x, double sigma) const {
  Extent size;
  const Index planes = count_planes("RidgeRegulariser::value", x.shape(), size);
  Scratch<double> alpha(channels());
  data_->fill_scaling(sigma, alpha.data());
  double total = 0;
  for (Index i = 0; i < planes; ++i)
    total +=
        data_->evaluate(x.data() + i * size.rows * size.columns, alpha.data(), nullptr, true, size);
  return total;
}

template <class T>
void RidgeRegulariser<T>::gradient(ConstView<T> x, double sigma, View<T> out) const {
  require_shape("RidgeRegulariser::gradient output", out.shape(), x.shape());
  Extent size;
  const Index planes = count_planes("RidgeRegulariser::gradient", x.shape(), size);
  Scratch<double> alpha(channels());
  data_->fill_scaling(sigma, alpha.data());
  for (Index i = 0; i < planes; ++i) {
    const Index at = i * size.rows * size.columns;
    data_->evaluate(x.data() + at, alpha.data(), out.data() + at, false, size);
  }
}

template <class T>
double RidgeRegulariser<T>::value_and_gradient(ConstView<T> x, double sigma, View<T> out) const {
  require_shape("RidgeRegulariser::value_and_gradient output", out.shape(), x.shape());
  Extent size;
  const Index planes = count_planes("RidgeRegulariser::value_and_gradient", x.shape(), size);
  Scratch<double> alpha(channels());
  data_->fill_scaling(sigma, alpha.data());
  double total = 0;
  for (Index i = 0; i < planes; ++i) {
    const Index at = i * size.rows * size.columns;
    total += data_->evaluate(x.data() + at, alpha.data(), out.data() + at, true, size);
  }
  return total;
}

template <class T>
void RidgeRegulariser<T>::hessian_vector_product(ConstView<T> x, double sigma, ConstView<T> v,
                                                 View<T> out) const {
  require_shape("RidgeRegulariser::hessian_vector_product direction", v.shape(), x.shape());
  require_shape("RidgeRegulariser::hessian_vector_product output", out.shape(), x.shape());
  Extent size;
  const Index planes = count_planes("RidgeRegulariser::hessian_vector_product", x.shape(), size);
  Scratch<double> alpha(channels());
  data_->fill_scaling(sigma, alpha.data());
  for (Index i = 0; i < planes; ++i) {
    const Index at = i * size.rows * size.columns;
    data_->hessian(x.data() + at, alpha.data(), v.data() + at, out.data() + at, size);
  }
}

template <class T>
void RidgeRegulariser<T>::filter(ConstView<T> x, View<T> z) const {
  Extent size;
  if (count_planes("RidgeRegulariser::filter", x.shape(), size) != 1)
    throw ShapeError("RidgeRegulariser::filter: got " + to_string(x.shape()) +
                     ", expected one plane");
  data_->filters.apply(x.reshaped({1, size.rows, size.columns}), z);
}

template class RidgeRegulariser<float>;
template class RidgeRegulariser<double>;

}  // namespace fejer
