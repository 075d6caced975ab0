#pragma once
/// Denoisers with derivatives in the image and in what is chosen when they are used: noise level,
/// relaxation, weight.
#include <utility>
#include <vector>

#include <fejer/models/activation.hpp>
#include <fejer/models/convolution.hpp>
#include <fejer/models/drunet.hpp>
#include <fejer/models/gradient_step_drunet.hpp>
#include <fejer/models/lipschitz_cnn.hpp>
#include <fejer/models/ridge.hpp>

namespace fejer {

/// D(z) = N(z; sigma), N a DRUNet.
template <class T>
class DrunetAtLevel {
 public:
  using Scalar = T;
  using Tape = DrunetTape<T>;
  using Gradient = DrunetGradient<T>;

  DrunetAtLevel(Drunet<T> network, double sigma) : network_(std::move(network)), sigma_(sigma) {}
  void forward(ConstView<T> z, ConstView<T> /*start*/, View<T> out, Tape* tape) const {
    if (tape == nullptr) return network_.denoise(z, sigma_, out);
    network_.forward(z, sigma_, out, *tape);
  }
  void vjp(const Tape& tape, ConstView<T> u, View<T> zbar, Gradient* gradient) const {
    network_.vjp(tape, u, zbar, gradient);
  }

 private:
  Drunet<T> network_;
  double sigma_;
};

/// D(z; sigma) = z - grad g(z; sigma), g the potential of a gradient-step denoiser. The tape is z
/// alone. Cost: a forward pass and a vjp of the network; of a vjp three times that.
template <class T>
class GradientStepAtLevel {
 public:
  using Scalar = T;
  using Tape = Array<T>;
  using Gradient = DrunetGradient<T>;

  GradientStepAtLevel(GradientStepDrunet<T> denoiser, double sigma)
      : denoiser_(std::move(denoiser)), sigma_(sigma) {}
  void forward(ConstView<T> z, ConstView<T> /*start*/, View<T> out, Tape* tape) const {
    denoiser_.denoise(z, sigma_, out);
    if (tape != nullptr) *tape = Array<T>(z);
  }
  void vjp(const Tape& z, ConstView<T> u, View<T> zbar, Gradient* gradient) const {
    denoiser_.vjp(z, sigma_, u, zbar, gradient);
  }

 private:
  GradientStepDrunet<T> denoiser_;
  double sigma_;
};

/// D(z) = beta (z + N(z)) / 2 + (1 - beta) z, N a LipschitzCnn (divisor included), on every plane
/// of (..., H, W); beta as `relaxation` of PnpForwardBackward: with N 1-Lipschitz D is beta/2-
/// averaged. Cost of a vjp: as of a forward. Cheap to copy.
template <class T>
class RelaxedCnn {
 public:
  using Scalar = T;
  struct Tape {
    /// Of each plane what every convolution gave.
    std::vector<std::vector<Array<T>>> outputs;
    Array<T> change;  ///< (N(z) - z) / 2
  };
  struct Gradient {
    double relaxation = 0;
  };

  /// Throws ArgumentError unless beta lies in (0, 1].
  RelaxedCnn(const LipschitzCnn<T>& network, double relaxation);
  void forward(ConstView<T> z, ConstView<T> start, View<T> out, Tape* tape) const;
  void vjp(const Tape& tape, ConstView<T> u, View<T> zbar, Gradient* gradient) const;

 private:
  std::vector<Convolution<T>> layers_;
  std::vector<ActivationLayer<T>> activations_;
  std::vector<Array<double>> no_gradient_;  // of the shapes of the activations' parameters
  double divisor_, relaxation_;
};

struct RidgeProxOptions {
  double tolerance = 1e-6;  ///< of RidgeDenoiser; also on the relative residual of the vjp's system
  int max_iterations = 500;
  bool sigma_derivative = true;  ///< without: Gradient::sigma of a vjp stays 0
};

/// D(z) = prox_{weight R(.; sigma)}(z) = argmin_p 1/2 ||p - z||^2 + weight R(p; sigma), from the
/// start given, on every plane of (..., H, W). With v = (I + weight Hess R(D(z)))^{-1} u, found by
/// conjugate residuals:
///   zbar = v,  d/d log weight: -weight <v, grad R>,  d/d sigma: -weight <v, d grad R / d sigma>.
/// Cost: RidgeDenoiser; of a vjp some ten to fifty products with the Hessian, and for the
/// derivative in sigma 3 to 4 gradients.
template <class T>
class RidgeProx {
 public:
  using Scalar = T;
  struct Tape {
    Array<T> x;           ///< D(z)
    double residual = 0;  ///< as RidgeSolution's
    bool settled = true;  ///< as RidgeSolution's converged
  };
  /// Beside the derivatives, what the solvers left of the vjps that were added: the largest
  /// residuals of a D(z) and of a system, and how many of both ended above the tolerance.
  struct Gradient {
    double log_weight = 0, sigma = 0;
    double residual = 0, adjoint_residual = 0;
    Index not_settled = 0;
  };

  /// Throws ArgumentError where RidgeDenoiser does, and where the model does not take sigma.
  RidgeProx(RidgeRegulariser<T> model, double weight, double sigma,
            const RidgeProxOptions& options = {});
  void forward(ConstView<T> z, ConstView<T> start, View<T> out, Tape* tape) const;
  void vjp(const Tape& tape, ConstView<T> u, View<T> zbar, Gradient* gradient) const;

 private:
  RidgeRegulariser<T> model_;
  double weight_, sigma_;
  RidgeProxOptions options_;
};

extern template class RelaxedCnn<float>;
extern template class RelaxedCnn<double>;
extern template class RidgeProx<float>;
extern template class RidgeProx<double>;

}  // namespace fejer
