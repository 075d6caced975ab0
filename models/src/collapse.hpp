#pragma once
#include <vector>

#include <fejer/models/multi_convolution.hpp>

#include "planes.hpp"

namespace fejer::detail {

/// W = W_n ... W_1 from one input channel as one kernel, and back: from a gradient for that kernel,
/// those for the layers. With P_l = W_l ... W_1:
/// dW_l[o,i][q] = sum_q' dP_l[o][q + q'] P_{l-1}[i][q'],
/// dP_{l-1}[i][q'] = sum_{o,q} dP_l[o][q + q'] W_l[o,i][q].
class CollapsedKernel {
 public:
  explicit CollapsedKernel(const std::vector<Array<double>>& layers);
  /// (C, 1, rows, columns): see `collapse`.
  const Array<double>& kernel() const { return prefixes_.back(); }
  /// Adds the vector-Jacobian product; gradient (C, rows, columns).
  void add_to_layers(const double* gradient, std::vector<Array<double>>& sums) const;

 private:
  std::vector<Array<double>> prefixes_;          // P_1, ..., P_n
  std::vector<PackedKernel<double>> to_prefix_;  // from dP_{l+1} to dP_l
};

}  // namespace fejer::detail
