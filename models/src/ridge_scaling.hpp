#pragma once
#include <vector>

#include <fejer/models/ridge.hpp>

namespace fejer::detail {

/// d alpha_c / d sigma of alpha_c = exp(s_c(g)) / (g + epsilon), g = 255 sigma; 0 without scaling.
template <class T>
std::vector<double> scaling_slopes(const RidgeRegulariser<T>& model, double sigma) {
  std::vector<double> slopes = model.scaling(sigma);
  const std::optional<NoiseScaling>& s = model.parameters().scaling;
  if (!s) return std::vector<double>(slopes.size(), 0.0);
  const LinearSpline<double> log_scaling(s->coefficients, s->g_min, s->g_max);
  const double g = 255 * sigma;
  for (std::size_t c = 0; c < slopes.size(); ++c)
    slopes[c] *= 255 * (log_scaling.slope(static_cast<Index>(c), g) - 1 / (g + s->epsilon));
  return slopes;
}

}  // namespace fejer::detail
