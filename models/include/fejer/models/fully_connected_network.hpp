#pragma once
/// Fully connected networks with (leaky) ReLU or splines, groups of their weights, and the smaller
/// network that is left where groups are zero.
#include <memory>
#include <vector>

#include <fejer/algorithms/weight_groups.hpp>
#include <fejer/array.hpp>
#include <fejer/models/linear_spline.hpp>

namespace fejer {

/// Layers in the order of application: u_l = W_l v_{l-1} + b_l, v_l = max(u_l, slope u_l), v_0 = x;
/// or v_l = f_l(u_l) with linear splines f_l, one for each unit or one for all units of a layer.
struct FullyConnectedParameters {
  std::vector<Array<double>> weights;  ///< (out, in), in = out of the layer before
  std::vector<Array<double>> biases;   ///< (out)
  double slope = 0.01;                 ///< in [0, 1); 0: ReLU
  bool activated_output = false;       ///< the last layer has the activation, too
  /// Of each activated layer, its values at equidistant knots from x_min to x_max: (out, knots) or
  /// (1, knots), linear beyond. None: leaky ReLU.
  std::vector<Array<double>> splines = {};
  double x_min = -1, x_max = 1;

  /// Layers with an activation.
  std::size_t activated() const { return weights.size() - (activated_output ? 0 : 1); }
};

/// A network in the precision that it is computed in.
template <class T>
struct FullyConnectedLayers {
  explicit FullyConnectedLayers(const FullyConnectedParameters& parameters);
  std::size_t size() const { return weights.size(); }
  /// W_l x + b_l for x (in, B).
  Array<T> linear(std::size_t l, ConstView<T> x) const;
  /// v = f_l(u) of an activated layer; v may be u.
  void activate(std::size_t l, ConstView<T> u, View<T> v) const;

  std::vector<Array<T>> weights, biases;
  std::vector<LinearSpline<T>> splines;
  T slope;
  std::size_t activated;
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
  /// Of each activated layer the largest |slope|, tails included: 1 for a leaky ReLU.
  const std::vector<double>& activation_slopes() const;
  /// The product of both: |values(a) - values(b)| <= lipschitz_bound() |a - b| for every sample.
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
/// units with a zero row, whose constant output goes into the next bias; splines of deleted units
/// go with them. Its values on the rows `inputs` of x are those of the old network on x, to
/// rounding. Each layer keeps at least one unit, the network at least one input.
PrunedNetwork prune(const FullyConnectedParameters& parameters);

extern template struct FullyConnectedLayers<float>;
extern template struct FullyConnectedLayers<double>;
extern template class FullyConnectedNetwork<float>;
extern template class FullyConnectedNetwork<double>;

}  // namespace fejer
