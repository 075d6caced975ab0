#pragma once
/// One iteration of forward-backward with a denoiser in the place of the proximity operator, as a
/// layer whose parameters can be learned (Davy, Briceno-Arias, Pustelnik, arXiv 2506.13239).
#include <utility>
#include <vector>

#include <fejer/linear_operator.hpp>
#include <fejer/vector.hpp>

namespace fejer {

/// A denoiser of images of type Scalar with its parameters, one noise level among them if it takes
/// any. `forward` keeps in *tape (unless null) what `vjp` needs; where it iterates it may begin at
/// `start`. `vjp` overwrites zbar = (dD/dz)^T u and adds what <u, D> has for gradient in the
/// parameters to *gradient (unless null); `sigma` of it, where there is one, is that in the level.
template <class D>
concept LearnableDenoiser = requires(const D d, ConstView<typename D::Scalar> z,
                                     View<typename D::Scalar> out, typename D::Tape tape,
                                     typename D::Gradient gradient) {
  d.forward(z, z, out, &tape);
  d.vjp(tape, z, out, &gradient);
};

/// phi(x) = D(x - gamma A*(A x - y)) for real images x of shape A.domain(); an EquilibriumLayer.
/// Its Lipschitz constant is at most that of D for gamma <= 2 / ||A||^2; where D has no bound, that
/// it contracts is for `equilibrium_gradient` to find out. Layers that take turns may have noise
/// levels of their own: each is told its place among them. Cost: a normal product and a D; of a vjp
/// a normal product and that of D. Keeps references to nothing.
template <LearnableDenoiser D>
class PnpLayer {
 public:
  using Scalar = typename D::Scalar;
  using T = Scalar;
  struct Saved {
    Array<T> step;  ///< A*(A x - y)
    typename D::Tape tape;
  };
  /// Derivatives in gamma, in the parameters of D, and in the noise level of each place.
  struct Gradient {
    double step = 0;
    typename D::Gradient denoiser;
    std::vector<double> sigma;  ///< as many as places that had a vjp; denoiser.sigma stays 0
  };

  /// data: of shape A.range(). Throws ArgumentError unless gamma >= 0.
  PnpLayer(D denoiser, LinearOperator<T> A, ConstView<T> data, double gamma, std::size_t place = 0)
      : denoiser_(std::move(denoiser)),
        A_(std::move(A)),
        back_(A_.apply_adjoint(Array<T>(data))),
        gamma_(gamma),
        place_(place) {
    if (!(gamma >= 0)) throw ArgumentError("PnpLayer: gamma must not be negative");
  }

  void forward(ConstView<T> x, View<T> out, Saved* saved) const {
    Array<T> g(x.shape()), z(x.shape());
    A_.normal(x, g);
    axpy<T>(T(-1), back_, g);
    for (Index i = 0; i < x.size(); ++i) z[i] = x[i] - static_cast<T>(gamma_) * g[i];
    if (saved == nullptr) return denoiser_.forward(z, x, out, nullptr);
    denoiser_.forward(z, x, out, &saved->tape);
    saved->step = std::move(g);
  }

  void vjp(const Saved& saved, ConstView<T> u, View<T> xbar, Gradient* gradient) const {
    Array<T> g(u.shape());
    denoiser_.vjp(saved.tape, u, g, gradient != nullptr ? &gradient->denoiser : nullptr);
    if (gradient != nullptr) {
      gradient->step -= dot<T>(saved.step, g);
      if constexpr (requires { gradient->denoiser.sigma; }) {
        if (gradient->sigma.size() <= place_) gradient->sigma.resize(place_ + 1);
        gradient->sigma[place_] += std::exchange(gradient->denoiser.sigma, 0.0);
      }
    }
    A_.normal(g, xbar);
    for (Index i = 0; i < u.size(); ++i) xbar[i] = g[i] - static_cast<T>(gamma_) * xbar[i];
  }

 private:
  D denoiser_;
  LinearOperator<T> A_;
  Array<T> back_;  // A* y
  double gamma_;
  std::size_t place_;
};

}  // namespace fejer
