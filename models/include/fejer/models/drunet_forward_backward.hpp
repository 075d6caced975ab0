#pragma once
/// One iteration of forward-backward with a DRUNet in the place of the proximity operator, as a
/// layer whose parameters can be learned (Davy, Briceno-Arias, Pustelnik, arXiv 2506.13239).
#include <utility>

#include <fejer/linear_operator.hpp>
#include <fejer/models/drunet.hpp>
#include <fejer/vector.hpp>

namespace fejer {

/// phi(x) = N(x - gamma A*(A x - y); sigma) for real images x of shape A.domain(); an
/// EquilibriumLayer. Nothing bounds its Lipschitz constant: that it contracts is for
/// `equilibrium_gradient` to find out. Cost: a normal product and a pass of the network; of a vjp
/// about twice that. Keeps references to nothing.
template <class T>
class DrunetForwardBackward {
 public:
  using Scalar = T;
  struct Saved {
    Array<T> step;  ///< A*(A x - y)
    DrunetTape<T> tape;
  };
  /// Derivatives in gamma, sigma and, where network.weights is not empty, the weights.
  struct Gradient {
    double step = 0;
    DrunetGradient<T> network;
  };

  /// data: of shape A.range(). Throws ArgumentError unless gamma >= 0.
  DrunetForwardBackward(Drunet<T> network, LinearOperator<T> A, ConstView<T> data, double gamma,
                        double sigma)
      : network_(std::move(network)),
        A_(std::move(A)),
        back_(A_.apply_adjoint(Array<T>(data))),
        gamma_(gamma),
        sigma_(sigma) {
    if (!(gamma >= 0)) throw ArgumentError("DrunetForwardBackward: gamma must not be negative");
  }

  void forward(ConstView<T> x, View<T> out, Saved* saved) const {
    Array<T> g(x.shape()), z(x.shape());
    A_.normal(x, g);
    axpy<T>(T(-1), back_, g);
    for (Index i = 0; i < x.size(); ++i) z[i] = x[i] - static_cast<T>(gamma_) * g[i];
    if (saved == nullptr) return network_.denoise(z, sigma_, out);
    network_.forward(z, sigma_, out, saved->tape);
    saved->step = std::move(g);
  }

  void vjp(const Saved& saved, ConstView<T> u, View<T> xbar, Gradient* gradient) const {
    Array<T> g(u.shape());
    network_.vjp(saved.tape, u, g, gradient != nullptr ? &gradient->network : nullptr);
    if (gradient != nullptr) gradient->step -= dot<T>(saved.step, g);
    A_.normal(g, xbar);
    for (Index i = 0; i < u.size(); ++i) xbar[i] = g[i] - static_cast<T>(gamma_) * xbar[i];
  }

 private:
  Drunet<T> network_;
  LinearOperator<T> A_;
  Array<T> back_;  // A* y
  double gamma_, sigma_;
};

}  // namespace fejer
