#include <fejer/models/training/filter_selection.hpp>

#include <algorithm>
#include <cmath>
#include <string>

#include <fejer/models/training/spectral_norm.hpp>

#include "ridge_batch.hpp"

namespace fejer {
namespace {

std::vector<Index> kept(const RidgeParameters& p, std::span<const double> factors) {
  const Index channels = p.kernels.back().shape()[0];
  if (!p.scaling)
    throw ArgumentError("select_filters: the regulariser has no noise scaling; expected a WCRR");
  if (static_cast<Index>(factors.size()) != channels)
    throw ArgumentError("select_filters: got " + std::to_string(factors.size()) +
                        " factors, expected one for each of " + std::to_string(channels) +
                        " filters");
  std::vector<Index> rows;
  for (Index c = 0; c < channels; ++c) {
    const double f = factors[static_cast<std::size_t>(c)];
    if (!(f >= 0) || !std::isfinite(f))
      throw ArgumentError("select_filters: got the factor " + std::to_string(f) + " for filter " +
                          std::to_string(c) + ", expected 0 or more");
    if (f > 0) rows.push_back(c);
  }
  if (rows.empty()) throw ArgumentError("select_filters: all factors are 0, nothing is left");
  return rows;
}

Array<double> rows_of(const Array<double>& a, const std::vector<Index>& rows) {
  Shape shape{static_cast<Index>(rows.size())};
  for (int i = 1; i < a.shape().rank(); ++i) shape.push_back(a.shape()[i]);
  Array<double> result(shape);
  const Index size = a.size() / a.shape()[0];
  for (std::size_t r = 0; r < rows.size(); ++r)
    std::copy_n(a.data() + rows[r] * size, size, result.data() + static_cast<Index>(r) * size);
  return result;
}

/// Without care for ||W||.
RidgeParameters scaled_filters(const RidgeParameters& parameters, std::span<const double> factors) {
  const std::vector<Index> rows = kept(parameters, factors);
  RidgeParameters p = parameters;
  p.kernels.back() = rows_of(p.kernels.back(), rows);
  p.scaling->coefficients = rows_of(p.scaling->coefficients, rows);
  if (p.profile.shape()[0] > 1) p.profile = rows_of(p.profile, rows);
  const Index taps = p.kernels.back().size() / static_cast<Index>(rows.size());
  const Index knots = p.scaling->coefficients.shape()[1];
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const double f = factors[static_cast<std::size_t>(rows[r])], root = std::sqrt(f);
    double* const w = p.kernels.back().data() + static_cast<Index>(r) * taps;
    for (Index i = 0; i < taps; ++i) w[i] *= root;
    double* const s = p.scaling->coefficients.data() + static_cast<Index>(r) * knots;
    for (Index i = 0; i < knots; ++i) s[i] -= std::log(f) / 2;
  }
  return p;
}

}  // namespace

RidgeParameters select_filters(const RidgeParameters& parameters, std::span<const double> factors) {
  RidgeParameters p = scaled_filters(parameters, factors);
  const double squared = p.borders == Borders::zero_once ? proven_squared_norm(p.kernels).value
                                                         : power_norm_squared(p.kernels, p.borders);
  const double share = squared / p.norm_squared;
  p.norm_squared = squared;
  p.weight *= share;
  p.curvature = p.mu;
  for (double& s : p.scaling->coefficients) s += std::log(share) / 2;
  return p;
}

template <class T>
FilterEffects<T> filter_effects(const RidgeRegulariser<T>& model, ConstView<T> y,
                                const std::vector<double>& sigmas, double tolerance) {
  if (y.shape().rank() != 4 || y.shape()[1] != 1)
    throw ShapeError("filter_effects: got images " + to_string(y.shape()) +
                     ", expected (N, 1, H, W)");
  if (static_cast<Index>(sigmas.size()) != y.shape()[0])
    throw ArgumentError("filter_effects: got " + std::to_string(sigmas.size()) +
                        " noise levels for " + std::to_string(y.shape()[0]) + " images");
  const detail::BatchStop denoising{tolerance, 10000}, system{10 * tolerance, 1000};
  const RidgeParameters& p = model.parameters();
  FilterEffects<T> result{Array<T>(y), Array<T>(Shape{model.channels(), y.size()})};
  detail::minimise_each<T>(model, model.lipschitz_bound().value, y, sigmas, denoising,
                           result.denoised);
  Array<T> alone(y.shape());
  for (Index c = 0; c < model.channels(); ++c) {
    std::vector<double> one(static_cast<std::size_t>(model.channels()));
    one[static_cast<std::size_t>(c)] = 1;
    const RidgeRegulariser<T> term(scaled_filters(p, one));
    term.gradient(result.denoised, sigmas, alone);
    detail::solve_hessian_each<T>(model, result.denoised, sigmas, alone, system,
                                  result.effects.slice(c).reshaped(y.shape()));
  }
  return result;
}

template FilterEffects<float> filter_effects(const RidgeRegulariser<float>&, ConstView<float>,
                                             const std::vector<double>&, double);
template FilterEffects<double> filter_effects(const RidgeRegulariser<double>&, ConstView<double>,
                                              const std::vector<double>&, double);

}  // namespace fejer
