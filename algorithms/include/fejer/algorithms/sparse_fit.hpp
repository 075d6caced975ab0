#pragma once
/// Fitting a fully connected (leaky) ReLU network with group sparsity: the problem.
#include <vector>

#include <fejer/algorithms/weight_groups.hpp>
#include <fejer/array.hpp>
#include <fejer/rng.hpp>

namespace fejer {

struct SparseFitOptions {
  std::vector<Index> hidden;      ///< units of the hidden layers
  double slope = 0.01;            ///< s(t) = max(t, slope t), slope in [0, 1)
  bool activated_output = false;  ///< the last layer has the activation, too
  double lambda_w = 1e-3, lambda_b = 1e-3, lambda_v = 0;
  /// What is zero together.
  WeightGroups groups = WeightGroups::columns;
  /// How many columns, one after the other, make a group of layer 1, 2, ... (the taps of an input
  /// channel, say); empty: 1. Each divides the inputs of its layer; all 1 with rows.
  std::vector<Index> group_columns = {};
};

/// Samples are columns: x (N_0, N), y (N_L, N). With v_0 = x, u_l = W_l v_{l-1} + b_l, v_l = s(u_l)
/// (v_L = u_L unless the output is activated):
///   F(W, b) = 1/N sum_n ||v_{n,L} - y_n||^2 + lambda_v/N sum_n sum_{l<L} ||v_{n,l}||^2
///             + lambda_w sum_l sum_j ||column j of W_l||_2 + lambda_b sum_l ||b_l||^2
/// (or rows of W_l, or Frobenius norms of groups of columns, see SparseFitOptions),
/// squares without 1/2, as in Liu, Liu and Chen, JMLR 24(212), 2023, whom this follows as far as
/// their abstract tells. Parameters are one vector: W_1 (row-major), b_1, W_2, b_2, ...
/// Throws ArgumentError or ShapeError for data or options that make no problem.
class SparseFit {
 public:
  SparseFit(Array<double> x, Array<double> y, SparseFitOptions options);

  Index layers() const { return static_cast<Index>(widths_.size()) - 1; }
  /// Units of layer l = 0 (inputs), ..., layers().
  Index width(Index l) const { return widths_[static_cast<std::size_t>(l)]; }
  Index samples() const { return x_.shape()[1]; }
  /// All units but the inputs: rows of the stacked u and v.
  Index units() const { return rows_.back(); }
  Index parameters() const { return starts_.back(); }
  const SparseFitOptions& options() const { return options_; }
  const Array<double>& x() const { return x_; }
  const Array<double>& y() const { return y_; }

  /// W_l (N_l, N_{l-1}) and b_l (N_l) inside a vector of parameters, l = 1, ..., layers().
  template <class V>
  V weights(V p, Index l) const {
    return {p.data() + start(l), Shape{width(l), width(l - 1)}};
  }
  template <class V>
  V bias(V p, Index l) const {
    return {p.data() + start(l) + width(l) * width(l - 1), Shape{width(l)}};
  }
  /// The groups of W_l, g = 0, ..., group_count(l) - 1.
  Index group_count(Index l) const;
  WeightBlock group(Index l, Index g) const;
  /// The rows of layer l = 1, ... in a stacked array (units, N).
  template <class V>
  V layer(V stacked, Index l) const {
    return {stacked.data() + rows_[static_cast<std::size_t>(l - 1)] * samples(),
            Shape{width(l), samples()}};
  }

  /// He's normal weights times `scale`, biases 0.
  Array<double> initial(const Rng& rng, double scale = 1) const;
  /// u and v of every unit and sample, (units, N).
  void forward(ConstView<double> p, View<double> u, View<double> v) const;
  /// The gradient of F's first two terms for u, (units, N), at a forward pass; at a kink the
  /// derivative of the left side.
  void backward(ConstView<double> p, ConstView<double> u, ConstView<double> v,
                View<double> gu) const;
  double value(ConstView<double> p) const;
  /// F and its gradient (at a zero group the subgradient 0 of its norm).
  double value_and_gradient(ConstView<double> p, View<double> gradient) const;

  /// lambda_w and lambda_b terms.
  double regulariser(ConstView<double> p) const;

 private:
  Index group_columns(Index l) const {
    return options_.group_columns.empty() ? 1
                                          : options_.group_columns[static_cast<std::size_t>(l - 1)];
  }
  Index start(Index l) const { return starts_[static_cast<std::size_t>(l - 1)]; }
  void check_groups() const;
  double smooth_part(ConstView<double> v) const;
  Array<double> x_, y_;
  SparseFitOptions options_;
  std::vector<Index> widths_, starts_, rows_;  // starts_, rows_: one more than layers
};

}  // namespace fejer
