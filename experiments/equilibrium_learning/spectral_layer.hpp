#pragma once
/// Tikhonov iterations on a circle, in the basis where blur and penalty are diagonal.
#include <memory>
#include <vector>

#include <fejer/array.hpp>

namespace fejer::equilibrium_learning {

/// The orthonormal Hartley matrix, row by row: (cos(2 pi j k / n) + sin(2 pi j k / n)) / sqrt n. It
/// is symmetric, its own inverse, and diagonalises every symmetric circulant matrix.
std::vector<double> hartley_matrix(Index n);

/// Of 1/2 ||A x - y||^2 + 1/2 sum_f exp(theta_band(f)) p_f x_f^2: a^2, p and band of each mode.
struct Spectrum {
  std::vector<double> squared, penalty;
  std::vector<Index> band;
};

/// With s_f = exp(theta_band(f)) p_f, mode by mode
///   explicit  x - tau ((a^2 + s) x - a y)
///   implicit  (x - tau (a^2 x - a y)) / (1 + tau s): forward-backward, s in the prox.
/// Parameters theta, one for each band.
class SpectralLayer {
 public:
  using Scalar = double;
  using Gradient = Array<double>;
  using Saved = Array<double>;  // x, or the output of the prox

  SpectralLayer(std::shared_ptr<const Spectrum> spectrum, Array<double> back_projection,
                const Array<double>& theta, double tau, bool prox);

  void forward(ConstView<double> x, View<double> out, Saved* saved) const;
  void vjp(const Saved& saved, ConstView<double> u, View<double> xbar, Gradient* gradient) const;
  /// The largest modulus of J's eigenvalues.
  double lipschitz_bound() const;
  /// a y / (a^2 + s).
  Array<double> equilibrium() const;
  /// The gradient of 1/2 ||x* - truth||^2 by its formula: the sum over a band of
  /// -s x* (x* - truth) / (a^2 + s).
  Array<double> exact_gradient(const Array<double>& truth, Index bands) const;

 private:
  std::size_t modes() const { return strength_.size(); }
  std::shared_ptr<const Spectrum> spectrum_;
  Array<double> b_;               // a y
  std::vector<double> strength_;  // s
  double tau_;
  bool prox_;
};

}  // namespace fejer::equilibrium_learning
