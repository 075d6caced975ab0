#pragma once
/// Fully connected 1-Lipschitz networks 1-10-10-10-1.
#include <fejer/models/activation.hpp>
#include <fejer/models/training/parameters.hpp>
#include <fejer/rng.hpp>

namespace fejer::one_dimensional_fitting {

/// Matrices orthonormalised by 15 steps of Bjorck, biases, between them the activation: linear
/// splines (101 knots on [-0.5, 0.5], slopes in [-1, 1], a scale for each) that start as ReLU,
/// PReLU with slopes in [-1, 1] that start at -1, groupsort of five, Householder that starts at
/// pi/2.
class Network {
 public:
  explicit Network(Activation activation) : activation_(activation) {}

  /// He-uniform matrices. Groups: weights (biases too), activations, scales.
  Parameters initial(const Rng& rng) const;
  /// y (1, B) for x (1, B).
  Array<double> value(const Parameters& p, const Array<double>& x) const;
  /// 1/(2B) sum (value - y)^2 + tv2 sum of TV2; its gradient is written to `gradient`.
  double objective(const Parameters& p, const Array<double>& x, const Array<double>& y, double tv2,
                   Parameters& gradient) const;

 private:
  struct Layers;
  Layers prepare(const Parameters& p) const;
  Activation activation_;
};

}  // namespace fejer::one_dimensional_fitting
