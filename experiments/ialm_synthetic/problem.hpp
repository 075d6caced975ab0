#pragma once
/// S1: 20 inputs of which a teacher 5-8-1 sees the first 5. D4000: the middle of a noisy patch.
#include <fejer/algorithms/inexact_augmented_lagrangian.hpp>

#include "../sparse_training/problem.hpp"

namespace fejer::ialm_synthetic {

/// 500 samples, and 2000 without noise for tests: x ~ N(0,1), the teacher's W_1 ~ N(0,1/5),
/// b ~ N(0,1/4), W_2 ~ N(0,1/8), slope 0.01; y scaled to unit root mean square over the samples,
/// then noise of 0.05.
sparse_training::Problem make_problem(std::uint64_t seed, const SparseFitOptions& options);

/// 4000 patches 7x7 of made-up images (dead leaves), and 4000 of other images for tests: noise of
/// 0.1, the patch's mean taken away, divided by the noise level; to be told is the clean middle, in
/// the same unit.
sparse_training::Problem make_patches(std::uint64_t seed, const SparseFitOptions& options);

/// For going on from good parameters to a KKT point. A weight's residual is what the columns after
/// it leave behind, so there are eight passes over the columns, which cost little beside the pairs.
AugmentedLagrangianOptions finishing();

}  // namespace fejer::ialm_synthetic
