#pragma once
#include <vector>

#include <fejer/models/multi_convolution.hpp>

namespace fejer::detail {

/// Largest eigenvalue of W^T diag(weights) W (weights empty: all 1) on size x size images by
/// Lanczos steps from a seeded start: a lower bound, within 1e-3 or so after 30 steps.
double lanczos_norm(const std::vector<Array<double>>& kernels, Borders borders,
                    const std::vector<double>& weights, Index size, int steps);

}  // namespace fejer::detail
