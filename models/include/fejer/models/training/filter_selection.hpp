#pragma once
/// Ridge regularisers with fewer filters: what each filter does to denoised images, and the
/// regulariser that is left of some of them.
#include <span>

#include <fejer/models/ridge.hpp>

namespace fejer {

/// With R = sum_c R_c, one term for each filter: the regulariser sum_c factors_c R_c, without the
/// filters whose factor is 0. f psi(alpha w x) / alpha^2 = psi(alpha' w' x) / alpha'^2 with w' =
/// sqrt(f) w, alpha' = alpha / sqrt(f), so that a factor goes into the filter and its noise
/// scaling; then L, `weight` and scaling are such that ||W|| <= 1 again (proven for
/// Borders::zero_once, else by power_norm_squared), which keeps bounds and weak convexity honest:
/// its modulus is weight * rho of the result. Throws ArgumentError for regularisers without noise
/// scaling, for factors that are negative or not finite, for another number of them, or all 0.
RidgeParameters select_filters(const RidgeParameters& parameters, std::span<const double> factors);

/// Denoising x(f) = argmin 1/2 ||x - y||^2 + sum_c f_c R_c(x; sigma), linearised at f = 1:
///   x(f) ~ x(1) - sum_c (f_c - 1) e_c,   e_c = (Id + Hess R(x(1)))^-1 grad R_c(x(1)).
template <class T>
struct FilterEffects {
  Array<T> denoised;  ///< x(1), shape of y
  Array<T> effects;   ///< e_c: (C, pixels of y)
};

/// y (N, 1, H, W), a noise level for each image. x(1) to `tolerance` (or 10000 iterations), e_c to
/// 10 times that (or 1000 products), relative. Cost: a denoising, then for each filter a gradient
/// of it alone and one linear system by conjugate residuals. Throws ShapeError for other shapes,
/// ArgumentError for another number of levels and for regularisers without noise scaling.
template <class T>
FilterEffects<T> filter_effects(const RidgeRegulariser<T>& model, ConstView<T> y,
                                const std::vector<double>& sigmas, double tolerance = 1e-5);

extern template FilterEffects<float> filter_effects(const RidgeRegulariser<float>&,
                                                    ConstView<float>, const std::vector<double>&,
                                                    double);
extern template FilterEffects<double> filter_effects(const RidgeRegulariser<double>&,
                                                     ConstView<double>, const std::vector<double>&,
                                                     double);

}  // namespace fejer
