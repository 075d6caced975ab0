#pragma once
/// Nesterov's momentum around any layer: tails of FISTA, and FISTA unrolled.
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fejer/algorithms/equilibrium_gradient.hpp>
#include <fejer/vector.hpp>

namespace fejer {

/// (x, p) -> (phi(x + beta (x - p)), x), phi a layer and beta constant: what FISTA (Beck, Teboulle,
/// SIAM J. Imaging Sci. 2(1), 2009) does once its momentum has settled. The state, of shape
/// (2, shape of x), stands still at (x*, x*), x* the fixed point of phi, whose implicit gradients
/// this layer has too. Where the derivative of phi at x* has real eigenvalues l, this one's are the
/// roots of m^2 - (1 + beta) l m + beta l: below 1 in modulus for l in (-1 / (1 + 2 beta), 1), so
/// that steps up to (2 + 2 beta) / (1 + 2 beta) / L converge, not 2 / L; sqrt(beta l) where
/// l <= 4 beta / (1 + beta)^2. Not a contraction in the norm, so that there is no
/// `lipschitz_bound`. An EquilibriumLayer with gradients in those of phi and in beta. Cost: that of
/// phi.
template <EquilibriumLayer S>
class AcceleratedLayer {
 public:
  using Scalar = typename S::Scalar;
  using T = Scalar;
  struct Saved {
    typename S::Saved layer;
    Array<T> change;  ///< x - p
  };
  struct Gradient {
    typename S::Gradient layer;
    std::vector<double> momentum;  ///< in beta of each place; as many as places that had a vjp
  };

  /// place: among layers that take turns with momenta of their own. Throws ArgumentError unless
  /// beta lies in [0, 1].
  AcceleratedLayer(std::shared_ptr<const S> layer, double beta, std::size_t place = 0)
      : layer_(std::move(layer)), beta_(beta), place_(place) {
    if (!(beta >= 0 && beta <= 1))
      throw ArgumentError("AcceleratedLayer: got beta = " + std::to_string(beta) +
                          ", expected a momentum in [0, 1]");
  }
  AcceleratedLayer(S layer, double beta, std::size_t place = 0)
      : AcceleratedLayer(std::make_shared<const S>(std::move(layer)), beta, place) {}

  /// (x, x).
  static Array<T> start(ConstView<T> x) {
    Array<T> state(doubled(x.shape()));
    copy<T>(x, state.slice(0));
    copy<T>(x, state.slice(1));
    return state;
  }
  /// A loss of x as one of the state.
  static double loss(EquilibriumLoss<T> of_x, ConstView<T> state, View<T> gradient) {
    fill<T>(gradient.slice(1), T(0));
    return of_x(state.slice(0), gradient.slice(0));
  }

  void forward(ConstView<T> state, View<T> out, Saved* saved) const {
    const ConstView<T> x = state.slice(0);
    Array<T> change(x.shape()), z(x.shape());
    combine<T>(1, x, -1, state.slice(1), change);
    combine<T>(1, x, static_cast<T>(beta_), change, z);
    layer_->forward(z, out.slice(0), saved != nullptr ? &saved->layer : nullptr);
    copy<T>(x, out.slice(1));
    if (saved != nullptr) saved->change = std::move(change);
  }

  void vjp(const Saved& saved, ConstView<T> u, View<T> out, Gradient* gradient) const {
    Array<T> zbar(saved.change.shape());
    layer_->vjp(saved.layer, u.slice(0), zbar, gradient != nullptr ? &gradient->layer : nullptr);
    const T beta = static_cast<T>(beta_);
    combine<T>(1 + beta, zbar, 1, u.slice(1), out.slice(0));
    combine<T>(-beta, zbar, 0, zbar, out.slice(1));
    if (gradient == nullptr) return;
    if (gradient->momentum.size() <= place_) gradient->momentum.resize(place_ + 1);
    gradient->momentum[place_] += dot<T>(saved.change, zbar);
  }

  double beta() const { return beta_; }

 private:
  static Shape doubled(const Shape& shape) {
    Shape result{2};
    for (const Index length : shape) result.push_back(length);
    return result;
  }
  std::shared_ptr<const S> layer_;
  double beta_;
  std::size_t place_;
};

/// The momentum under which iterations of a phi with derivatives between 0 and q < 1 (Lip(phi) = q,
/// phi a gradient step of at most 1/L) settle fastest: (1 - r) / (1 + r), r = sqrt(1 - q). The
/// spectral radius falls from q to 1 - r.
inline double settled_momentum(double q) {
  if (!(q >= 0 && q < 1))
    throw ArgumentError("settled_momentum: got q = " + std::to_string(q) +
                        ", expected a contraction in [0, 1)");
  const double r = std::sqrt(1 - q);
  return (1 - r) / (1 + r);
}

/// `count` layers that are the first iterations of FISTA with phi, one pass of them being all:
/// beta_1 = 0, beta_{k+1} = (t_k - 1) / t_{k+1}, t_1 = 1, t_{k+1} = (1 + sqrt(1 + 4 t_k^2)) / 2. To
/// be unrolled at a depth of 1. They share phi.
template <EquilibriumLayer S>
std::vector<AcceleratedLayer<S>> fista_layers(S layer, Index count) {
  const auto shared = std::make_shared<const S>(std::move(layer));
  std::vector<AcceleratedLayer<S>> layers;
  double t = 1, beta = 0;
  for (Index k = 0; k < count; ++k) {
    const double next = (1 + std::sqrt(1 + 4 * t * t)) / 2;
    layers.emplace_back(shared, beta, static_cast<std::size_t>(k));
    beta = (t - 1) / next;
    t = next;
  }
  return layers;
}

}  // namespace fejer
