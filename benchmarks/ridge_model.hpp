#pragma once
/// The ridge regularisers of the comparison, and their numbers for the other sides.
#include <string>

#include <fejer/models/ridge.hpp>

#include "row.hpp"

namespace fejer::benchmarks {

struct RidgeModel {
  RidgeParameters parameters;
  std::string remark;  ///< published or random weights
};

/// crr: 1-8-32 channels, 7x7, 21 knots a channel, for one noise level (reference_models/
/// crr_nn_original_sigma_25_t_10.h5). wcrr: 1-4-8-60, 5x5, one spline of 101 knots, scaled by the
/// noise level (wcrr_nn.h5). Where there is no such file: random weights of the same shapes.
enum class RidgeKind { crr, wcrr };
RidgeModel ridge_model(const Setting& setting, RidgeKind kind);

/// kernel0, kernel1, ... with norm_squared in the first; profile, times the weight; range (x_min,
/// x_max); alpha (C, or N C of N noise levels), so that grad R(x) = W^T [profile_c(alpha_c W x) /
/// alpha_c]; once: 1 where zeros lie around the image only, else 0.
void save_ridge(const Exchange& files, const RidgeRegulariser<float>& model,
                const NoiseLevels& sigma);

}  // namespace fejer::benchmarks
