#pragma once
/// ||diag(sqrt(weights)) W||^2 for a multi-convolution W of one input channel, with its gradient.
#include <vector>

#include <fejer/array.hpp>
#include <fejer/models/multi_convolution.hpp>

namespace fejer {

/// Weights: one for each output channel, >= 0; none: all 1.
struct SquaredNorm {
  double value = 0;
  std::vector<Array<double>> kernels;  ///< its derivatives by the kernels
  std::vector<double> weights;         ///< and by the weights
};

/// At least sup_w sum_c weights_c |K_c(w)|^2, K the collapsed filters: proven to bound the norm at
/// every image size for Borders::zero_once. The maximum over the grid of `frequency_norm` times its
/// factor (below 1.01) and 1 + 1e-8, so that W divided by the root of it has a proven norm of at
/// most 1. Differentiated at the maximiser (of several the first, row by row). About 10 ms for
/// 60 filters of 13 x 13.
SquaredNorm proven_squared_norm(const std::vector<Array<double>>& kernels,
                                const std::vector<double>& weights = {});

/// The maximum over a grid of `points` x `points` frequencies, without a factor: the value by which
/// the published models are trained (255 + 2 x the sum of the layers' radii).
SquaredNorm grid_squared_norm(const std::vector<Array<double>>& kernels, Index points,
                              const std::vector<double>& weights = {});

/// ||diag(sqrt(weights)) W u||^2 / ||u||^2 on images of size x size, u from `steps` power steps
/// with always the same start and then held fixed: a lower bound, exact with its gradient where u
/// is an eigenvector. The published way, which keeps u from step to step, needs fewer products, but
/// depends on what was computed before.
SquaredNorm power_squared_norm(const std::vector<Array<double>>& kernels, Borders borders,
                               const std::vector<double>& weights, Index size, int steps);

}  // namespace fejer
