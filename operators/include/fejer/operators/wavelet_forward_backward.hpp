#pragma once
/// One iteration of forward-backward on wavelet coefficients, as a layer whose weights can be
/// learned (Davy, Briceno-Arias, Pustelnik, arXiv 2506.13239).
#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>

#include <fejer/linear_operator.hpp>
#include <fejer/operators/learned_wavelet_norm.hpp>
#include <fejer/vector.hpp>

namespace fejer {

/// phi(u) = prox_{gamma (g + ridge/2 |.|^2)}(u - gamma B*(B u - y)), whose fixed point is
///   argmin 1/2 |B u - y|^2 + g(u; theta) + ridge/2 |u|^2,
/// g a LearnedWaveletNorm, B of coefficients u: A W* for an orthonormal basis W and a measurement
/// A, A F* for several bases. An EquilibriumLayer with gradients in theta; gamma does not depend on
/// theta and need not be learned, since it does not move the fixed point. Lipschitz bound:
/// max(|1 - gamma lower|, |1 - gamma ||B||^2|) / (1 + gamma ridge), lower <= B*B.
/// Cost: a normal product and a pass over the coefficients, forward and back alike.
template <class T>
class WaveletForwardBackward {
 public:
  using Scalar = T;
  using Saved = Array<T>;  ///< what the prox is taken of
  using Gradient = Array<double>;

  struct Options {
    double step = 1.9;  ///< gamma ||B||^2, in (0, 2)
    double ridge = 0;   ///< >= 0; above 0 the layer contracts whatever B is
    double lower = 0;   ///< a proven bound below B*B, for the Lipschitz bound alone
  };

  /// data: of shape B.range(). Throws ArgumentError for options out of range and for operators
  /// whose norm has no bound.
  WaveletForwardBackward(std::shared_ptr<const LearnedWaveletNorm> prior, ConstView<double> theta,
                         LinearOperator<T> B, ConstView<T> data, const Options& options)
      : prior_(std::move(prior)),
        norm_(prior_->norm<T>(theta)),
        B_(std::move(B)),
        back_(B_.apply_adjoint(Array<T>(data))),
        options_(options) {
    require_shape("WaveletForwardBackward, domain of B", B_.domain(), prior_->coefficients());
    const double bound = B_.norm_interval().upper;
    if (!(bound > 0) || !std::isfinite(bound))
      throw ArgumentError(
          "WaveletForwardBackward: the operator's norm must have a finite bound above 0");
    if (!(options.step > 0 && options.step < 2))
      throw ArgumentError("WaveletForwardBackward: got step = " + std::to_string(options.step) +
                          ", expected a number in (0, 2): gamma ||B||^2");
    if (!(options.ridge >= 0) || !(options.lower >= 0))
      throw ArgumentError("WaveletForwardBackward: ridge and lower must not be negative");
    gamma_ = options.step / (bound * bound);
    shrink_ = 1 / (1 + gamma_ * options.ridge);
  }

  void forward(ConstView<T> u, View<T> out, Saved* saved) const {
    Array<T> v(u.shape());
    B_.normal(u, v);
    for (Index i = 0; i < u.size(); ++i) v[i] = u[i] - static_cast<T>(gamma_) * (v[i] - back_[i]);
    // g is positively homogeneous: the prox of g + ridge/2 |.|^2 is that of g, divided.
    norm_.prox(v, gamma_, out);
    if (options_.ridge > 0) scale<T>(out, static_cast<T>(shrink_));
    if (saved != nullptr) *saved = std::move(v);
  }

  void vjp(const Saved& v, ConstView<T> ubar, View<T> out, Gradient* gradient) const {
    Array<T> vbar(ubar.shape()), w(ubar);
    if (options_.ridge > 0) scale<T>(w, static_cast<T>(shrink_));
    if (gradient != nullptr) {
      Array<double> log_weights(norm_.weights().shape());
      norm_.prox_vjp(v, gamma_, w, vbar, &log_weights);
      prior_->pull_back(log_weights, *gradient);
    } else {
      norm_.prox_vjp(v, gamma_, w, vbar, nullptr);
    }
    B_.normal(vbar, out);
    for (Index i = 0; i < out.size(); ++i) out[i] = vbar[i] - static_cast<T>(gamma_) * out[i];
  }

  double lipschitz_bound() const {
    return std::max(std::abs(1 - gamma_ * options_.lower), std::abs(1 - options_.step)) * shrink_;
  }
  double gamma() const { return gamma_; }
  const WaveletNorm<T>& norm() const { return norm_; }

 private:
  std::shared_ptr<const LearnedWaveletNorm> prior_;
  WaveletNorm<T> norm_;
  LinearOperator<T> B_;
  Array<T> back_;  // B* y
  Options options_;
  double gamma_ = 0, shrink_ = 1;
};

}  // namespace fejer
