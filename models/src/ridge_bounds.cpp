#include <algorithm>
#include <cmath>

#include <fejer/models/frequency_norm.hpp>
#include <fejer/models/ridge.hpp>

#include "ridge_data.hpp"

namespace fejer {
namespace {

constexpr double margin = 1.01;

/// The kernel with output c multiplied by the root of the largest |slope| of its profile.
template <class T>
Array<double> weighted_by_slopes(Array<double> kernel, const LinearSpline<T>& profile) {
  const Index length = kernel.size() / kernel.shape()[0];
  for (Index c = 0; c < kernel.shape()[0]; ++c) {
    const double slope = std::max(profile.max_slope(c), -profile.min_slope(c));
    for (Index i = 0; i < length; ++i) kernel[c * length + i] *= std::sqrt(slope);
  }
  return kernel;
}

Bound layer_product(const std::vector<Array<double>>& kernels) {
  Bound bound{1, Certificate::Kind::proven,
              "product over the layers of their norms over all frequencies"};
  for (const auto& kernel : kernels) {
    const NormInterval norm = frequency_norm(kernel);
    bound.value *= norm.upper * norm.upper;
  }
  return bound;
}

}  // namespace

template <class T>
void RidgeRegulariser<T>::Data::compute_proven_bounds() const {
  const RidgeParameters& p = parameters;
  if (p.borders == Borders::zero_once) {
    const Array<double> kernel = collapse(p.kernels);
    const NormInterval norm = frequency_norm(weighted_by_slopes(kernel, profile));
    proven = {norm.upper * norm.upper / p.norm_squared, Certificate::Kind::proven,
              "one convolution: " + norm.how};
    const double plain = frequency_norm(kernel).upper;
    weak = {p.weight * p.rho * plain * plain / p.norm_squared, Certificate::Kind::proven,
            "slopes of the profile >= -rho; " + proven.how};
    return;
  }
  std::vector<Array<double>> kernels = p.kernels;
  kernels.back() = weighted_by_slopes(kernels.back(), profile);
  proven = layer_product(kernels);
  proven.value /= p.norm_squared;
  weak = {p.weight * p.rho, Certificate::Kind::estimated,
          "slopes of the profile >= -rho; ||W|| <= 1 by the power method"};
}

template <class T>
Bound RidgeRegulariser<T>::proven_lipschitz_bound() const {
  std::call_once(data_->once, [this] { data_->compute_proven_bounds(); });
  return data_->proven;
}

template <class T>
Bound RidgeRegulariser<T>::lipschitz_bound(NormRule rule) const {
  const RidgeParameters& p = parameters();
  if (p.borders == Borders::zero_once) return proven_lipschitz_bound();
  const bool with_margin = rule == NormRule::margin;
  return {p.weight * p.curvature * (with_margin ? margin : 1), Certificate::Kind::estimated,
          std::string("power method on the zero-padded layers, ") +
              (with_margin ? "times 1.01" : "as published, without margin")};
}

template <class T>
Bound RidgeRegulariser<T>::weak_convexity() const {
  if (parameters().rho == 0)
    return {0, Certificate::Kind::proven, "all slopes of the profile are >= 0: R is convex"};
  std::call_once(data_->once, [this] { data_->compute_proven_bounds(); });
  return data_->weak;
}

template void RidgeRegulariser<float>::Data::compute_proven_bounds() const;
template void RidgeRegulariser<double>::Data::compute_proven_bounds() const;
template Bound RidgeRegulariser<float>::proven_lipschitz_bound() const;
template Bound RidgeRegulariser<double>::proven_lipschitz_bound() const;
template Bound RidgeRegulariser<float>::lipschitz_bound(NormRule) const;
template Bound RidgeRegulariser<double>::lipschitz_bound(NormRule) const;
template Bound RidgeRegulariser<float>::weak_convexity() const;
template Bound RidgeRegulariser<double>::weak_convexity() const;

}  // namespace fejer
