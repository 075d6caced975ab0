#pragma once
/// `fejer train --finish` for ridge regularisers: group-sparse choice of their filters.
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include <fejer/models/ridge.hpp>
#include <fejer/models/training/patches.hpp>
#include <fejer/rng.hpp>

#include "finisher.hpp"

namespace fejer::command {

/// Section [finish] of a configuration: lambda_w, samples (patches), sweeps, rho, rho_max,
/// column_passes, level_room.
FinishOptions read_filter_finish(Section& section);

/// Patches with noise of several levels.
struct FilterSamples {
  Array<float> clean, noisy;  ///< (N, 1, H, W)
  std::vector<double> sigmas;
};
/// Patches first, first + 1, ... of epoch 0, `most` of them or as many as there are; levels uniform
/// in [low, high] but at least 1/255, noise and levels from the streams "finish/i". Grey ones only.
FilterSamples filter_samples(PatchSource& source, Index first, Index most, double low, double high,
                             const Rng& rng);

/// What the filters do to the denoised patches, and what that should add up to, at factors 1:
/// e_c (C, pixels) and x(1) + sum_c e_c - clean (1, pixels) of filter_effects, in units of the root
/// of the noise level, as the l1 norm weighs errors that are as large as the noise.
struct LinearisedFilters {
  Array<double> x, y, test_x, test_y;
};
LinearisedFilters linearise_filters(const RidgeParameters& ridge, const FilterSamples& train,
                                    const FilterSamples& test);

struct FinishedRidge {
  RidgeParameters ridge;
  /// As of FinishedDenoiser, the errors those of the linearised problem; "widths" are the numbers
  /// of filters.
  nlohmann::ordered_json record;
};

/// min_f 1/N ||y - sum_c f_c x_c||^2 + lambda_w sum_c |f_c| over the N pixels, from f = 1: a
/// network of one layer whose columns are filters, so that its Gram matrix (C, C) does not depend
/// on N. (Its bias is held near 0 and not used.) Filters with f_c <= 0 are deleted, the others go
/// on with factors 1. `state_file`: where an interrupted run of ialm goes on. Throws ArgumentError
/// where no filter is left.
FinishedRidge choose_filters(const RidgeParameters& ridge, const LinearisedFilters& at,
                             const std::string& method, const FinishOptions& options,
                             const std::string& state_file, bool resume);
/// These filters, with factors 1.
FinishedRidge keep_filters(const RidgeParameters& ridge, const std::vector<Index>& kept);
/// Mean square error of the denoised samples in the units of LinearisedFilters.
double denoising_error(const RidgeParameters& ridge, const FilterSamples& samples);

/// What is left makes up for what is gone: one factor for all filters, up to the `modulus` of weak
/// convexity (of convex regularisers: 1), so that denoising stays as convex as it was, and one for
/// all noise scalings, with the least error of the denoised `train` in units as above. Adds
/// "factor", "scaling_factor" and "denoising_error" of `test`, before and after, to the record.
void refit_filters(FinishedRidge& finished, double modulus, const FilterSamples& train,
                   const FilterSamples& test);

}  // namespace fejer::command
