#pragma once
/// One iteration of a primal-dual method for weighted total variation, as a layer whose weights can
/// be learned.
#include <memory>
#include <vector>

#include <fejer/linear_operator.hpp>
#include <fejer/operators/finite_difference.hpp>
#include <fejer/operators/learned_variation.hpp>

namespace fejer {

/// phi(x, u) of Condat (J. Optim. Theory Appl. 158, 2013) and Vu (Adv. Comput. Math. 38, 2013):
///   x+ = x - tau (A*(A x - y) + ridge x + D^T u),   u+ = P(u + sigma q D(2 x+ - x)),
/// whose fixed point has x = argmin 1/2 ||A x - y||^2 + ridge/2 ||x||^2 + g(x; theta), g a
/// LearnedVariation, and u its dual variable: D^T u is in the subdifferential of g at x. In a group
/// with weights w_i, m as there: q_i = (w_i / m)^2 <= 1, so that differences with small weights
/// take small dual steps, and P(v) = v / max(1 + sigma huber / m, sqrt(sum_i (v_i / w_i)^2)), in
/// the metric of q the prox of g's conjugate: a ball |u| <= w, an ellipsoid where weights of a
/// group differ. Steps: tau L = `step`, 1/tau - sigma ||D||^2 >= L/2, L = ||A||^2 + ridge, for
/// every theta. An EquilibriumLayer with gradients in theta; the state is x, then u: (3, image).
/// Exact away from the boundaries of the groups' balls, where P has a kink. With huber and with A*A
/// or ridge bounded below it contracts; with huber = 0 u need not be unique where x is flat, and
/// only x settles. Cost: a normal product, D and its adjoint, a pass over the state; the same back.
template <class T>
class VariationPrimalDual {
 public:
  using Scalar = T;
  struct Saved {
    Array<T> d, v;  ///< D(2 x+ - x), and what P is applied to
  };
  using Gradient = Array<double>;

  struct Options {
    double step = 1;   ///< tau L, in (0, 2)
    double ridge = 0;  ///< >= 0
  };

  /// data: of shape A.range(). Throws ArgumentError for options out of range and for operators
  /// whose norm has no bound, ShapeError where A takes other images.
  VariationPrimalDual(std::shared_ptr<const LearnedVariation> prior, ConstView<double> theta,
                      LinearOperator<T> A, ConstView<T> data, const Options& options = {});

  /// Of the state: (3, image).
  const Shape& state() const { return state_; }
  /// (x, 0).
  Array<T> start(ConstView<T> x) const;

  void forward(ConstView<T> z, View<T> out, Saved* saved) const;
  void vjp(const Saved& saved, ConstView<T> zbar, View<T> out, Gradient* gradient) const;

  double tau() const { return tau_; }
  double sigma() const { return sigma_; }

 private:
  struct Group {
    std::vector<Index> members;                   ///< planes of u
    std::vector<double> inverse_weights, metric;  ///< 1 / w_i, q_i
    std::vector<double> shares;                   ///< d log m / d log w_i
    double shrink;                                ///< 1 + sigma huber / m
  };
  ConstView<T> image_of(ConstView<T> z) const { return {z.data(), prior_->image()}; }
  View<T> image_of(View<T> z) const { return {z.data(), prior_->image()}; }
  ConstView<T> dual_of(ConstView<T> z) const;
  View<T> dual_of(View<T> z) const;
  void project(View<T> v) const;
  void pull_through_projection(ConstView<T> v, View<T> ubar, View<double> log_weights) const;

  std::shared_ptr<const LearnedVariation> prior_;
  LinearOperator<T> A_;
  FiniteDifference<T> D_;
  Array<T> back_;  // A* y
  Shape state_;
  double ridge_, tau_ = 0, sigma_ = 0;
  std::vector<Group> groups_;
};

extern template class VariationPrimalDual<float>;
extern template class VariationPrimalDual<double>;

}  // namespace fejer
