#pragma once
/// `fejer train --finish`: group-sparse fitting of a trained patch network, and what is left of it.
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include <fejer/models/patch_denoiser.hpp>
#include <fejer/models/training/patches.hpp>

#include "../sparse_training/trainers.hpp"
#include "config_file.hpp"

namespace fejer::command {

const std::vector<std::string>& finisher_names();
/// What a refusal says of a training of this kind that no finisher takes up.
std::string cannot_be_finished(const std::string& kind);

/// Section [finish] of a configuration; these are for networks on patches.
struct FinishOptions {
  double lambda_w = 0.03, lambda_b = 1e-4;
  Index samples = 20000;  ///< at most so many patches
  Index sweeps = 200;     ///< for proximal-gradient: evaluations of the gradient
  double rho = 4, rho_max = 50;
  /// See AugmentedLagrangianOptions; passes cost little beside many patches.
  Index column_passes = 8;
  double level_room = 0.2;
  /// What is left is fitted once more with a small lambda_w, since lambda_w also shrinks what it
  /// keeps; 0 sweeps: not.
  Index refit_sweeps = 100;
  double refit_lambda_w = 1e-3;
};
FinishOptions read_finish(Section& section);
/// rho, rho_max, column_passes and level_room; then checks the ranges of all options, so read last.
void read_ialm(Section& section, FinishOptions& options);
/// Throws ArgumentError unless the patches are grey.
void require_grey(const PatchSource& source);

/// The fit by `method`, one of finisher_names().
sparse_training::Trained fit_sparse(const std::string& method,
                                    const sparse_training::Problem& problem,
                                    const Array<double>& start, const FinishOptions& options,
                                    const std::string& state_file, bool resume);

/// N noisy patches of a denoiser as columns, less their means and over sigma, and what its network
/// should give for them: (inputs, N) and (size^2, N).
struct NoisyPatches {
  Array<double> x, y;
};
/// The first `most` patches of epoch 0, or as many as there are; noise from (seed, "finish", i).
NoisyPatches noisy_patches(const PatchDenoiserParameters& denoiser, PatchSource& source, Index most,
                           std::uint64_t seed);

/// F of SparseFit for this network; lambda_v = 0, columns as groups. Throws ArgumentError for a
/// network with splines.
sparse_training::Problem patch_problem(const PatchDenoiserParameters& denoiser,
                                       const NoisyPatches& train, const NoisyPatches& test,
                                       const FinishOptions& options);

struct FinishedDenoiser {
  PatchDenoiserParameters denoiser;  ///< pruned
  /// "method", "start_objective", "objective", "zero_columns", "test_error" (mean square error over
  /// sigma^2 on the test patches), "cpu_seconds", for ialm also "kkt_residual", "feasibility", ...;
  /// "widths" and "multiply_adds" before and after pruning; "refit": the same of the second fit.
  nlohmann::ordered_json record;
};
/// Starts from the denoiser's weights; `state_file`, for the second fit `state_file`.refit, is
/// where an interrupted run of ialm goes on.
FinishedDenoiser finish_denoiser(const PatchDenoiserParameters& denoiser,
                                 const sparse_training::Problem& problem, const std::string& method,
                                 const FinishOptions& options, const std::string& state_file,
                                 bool resume);

}  // namespace fejer::command
