#pragma once
/// Fully connected networks with (leaky) ReLU, groups of their weights, and the smaller network
/// that is left where groups are zero.
#include <memory>
#include <vector>

#include <fejer/algorithms/weight_groups.hpp>
#include <fejer/array.hpp>

namespace fejer {

/// Layers in the order of application: u_l = W_l v_{l-1} + b_l, v_l = max(u_l, slope u_l), v_0 = x.
struct FullyConnectedParameters {
  std::vector<Array<double>> weights;  ///< (out, in), in = out of the layer before
  std::vector<Array<double>> biases;   ///< (out)
  double slope = 0.01;                 ///< in [0, 1); 0: ReLU
  bool activated_output = false;       ///< the last layer has the activation, too
};

/// Immutable. Throws ShapeError or ArgumentError where the parameters make no network.
template <class T>
class FullyConnectedNetwork {
 public:
  explicit FullyConnectedNetwork(FullyConnectedParameters parameters);

  /// x (inputs, B), y (outputs, B): one column a sample.
  void values(ConstView<T> x, View<T> y) const;
  Index inputs() const;
  Index outputs() const;
  /// ||W_l||_2, to rounding; computed at construction.
  const std::vector<double>& layer_norms() const;
  /// Their product: |values(a) - values(b)| <= lipschitz_bound() |a - b| for every sample.
  double lipschitz_bound() const;
  const FullyConnectedParameters& parameters() const;

 private:
  struct Data;
  std::shared_ptr<const Data> data_;
};

/// Euclidean norms of the groups of w (out, in).
Array<double> group_norms(ConstView<double> w, WeightGroups groups);
/// The share of groups whose weights are all exactly 0.
double zero_groups(ConstView<double> w, WeightGroups groups);

struct PrunedNetwork {
  FullyConnectedParameters parameters;
  std::vector<Index> inputs;  ///< which inputs of the old network the new one takes, in order
};
/// The network without what has no effect: inputs and hidden units with a zero column, and hidden
/// units with a zero row, whose constant output goes into the next bias. Its values on the rows
/// `inputs` of x are those of the old network on x, to rounding. Each layer keeps at least one
/// unit, the network at least one input.
PrunedNetwork prune(const FullyConnectedParameters& parameters);

extern template class FullyConnectedNetwork<float>;
extern template class FullyConnectedNetwork<double>;

}  // namespace fejer
