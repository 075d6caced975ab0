#pragma once
#include <vector>

#include <fejer/models/multi_convolution.hpp>

namespace fejer::detail {

/// Vector-Jacobian product of `collapse` for kernels of one input channel: from the gradient for
/// the one kernel, those for the layers are added to `sums`. With P_l = W_l ... W_1:
/// dW_l[o,i][q] = sum_q' dP_l[o][q + q'] P_{l-1}[i][q'],
/// dP_{l-1}[i][q'] = sum_{o,q} dP_l[o][q + q'] W_l[o,i][q].
void add_collapsed_gradient(const std::vector<Array<double>>& kernels, const double* gradient,
                            std::vector<Array<double>>& sums);

}  // namespace fejer::detail
