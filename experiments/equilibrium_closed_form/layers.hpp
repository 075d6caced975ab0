#pragma once
/// Layers of the closed-form problems, on dense matrices. Each says how many parameters it has and
/// gives itself with one of them moved, so that all are tested alike.
#include <Eigen/Core>
#include <limits>
#include <vector>

#include <fejer/array.hpp>

namespace fejer::equilibrium_closed_form {

template <class T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
template <class T>
using Vector = Eigen::Matrix<T, Eigen::Dynamic, 1>;

/// The symmetric matrices of a problem 1/2 ||A x - y||^2 + lambda/2 x^T P x, with A y in place of
/// y.
template <class T>
struct Quadratic {
  Matrix<T> A, P;
  Vector<T> Ay;
};

/// x - tau (A (A x - y) + lambda P x); parameters log lambda, log tau. With `count` > 1 the layer
/// is one of several whose lambdas are different parameters: its own is `number`, and tau is fixed.
template <class T>
struct GradientLayer {
  using Scalar = T;
  using Gradient = Array<double>;
  using Saved = Vector<T>;
  Quadratic<T> f;
  double lambda = 0, tau = 1;
  Index number = 0, count = 1;

  Index parameters() const { return count == 1 ? 2 : count; }
  GradientLayer moved(Index i, double by) const;
  void forward(ConstView<T> x, View<T> out, Saved* saved) const;
  void vjp(const Saved& x, ConstView<T> u, View<T> xbar, Gradient* gradient) const;
  /// Largest modulus of the eigenvalues of I - tau (A^2 + lambda P).
  double lipschitz_bound() const;
};

/// (I + c P)^-1 (x - tau A (A x - y)); parameters log c, log tau. The prox of lambda/2 x^T P x for
/// c = tau lambda; a linear denoiser of strength s for c = s^2.
template <class T>
struct SmoothingLayer {
  using Scalar = T;
  using Gradient = Array<double>;
  struct Saved {
    Vector<T> residual, out;
  };
  Quadratic<T> f;
  double c, tau;
  Matrix<T> smoothing;

  SmoothingLayer(Quadratic<T> quadratic, double c_, double tau_);
  Index parameters() const { return 2; }
  SmoothingLayer moved(Index i, double by) const;
  void forward(ConstView<T> x, View<T> out, Saved* saved) const;
  void vjp(const Saved& saved, ConstView<T> u, View<T> xbar, Gradient* gradient) const;
};

/// soft(x - tau A^T (A x - y), tau e^omega); parameters omega, one for each element of x.
template <class T>
struct LassoLayer {
  using Scalar = T;
  using Gradient = Array<double>;
  using Saved = Vector<T>;  // before the threshold
  Matrix<T> A;
  Vector<T> y, omega;
  double tau;

  Index parameters() const { return omega.size(); }
  LassoLayer moved(Index i, double by) const;
  void forward(ConstView<T> x, View<T> out, Saved* saved) const;
  void vjp(const Saved& v, ConstView<T> u, View<T> xbar, Gradient* gradient) const;
};

/// J x + theta B; parameter theta.
struct AffineLayer {
  using Scalar = double;
  using Gradient = Array<double>;
  using Saved = Vector<double>;
  Matrix<double> J;
  Vector<double> B;
  double theta = 1;

  Index parameters() const { return 1; }
  AffineLayer moved(Index i, double by) const;
  void forward(ConstView<double> x, View<double> out, Saved* saved) const;
  void vjp(const Saved& x, ConstView<double> u, View<double> xbar, Gradient* gradient) const;
};

/// 0.7 sin x + theta; parameter theta.
struct SineLayer {
  using Scalar = double;
  using Gradient = Array<double>;
  using Saved = double;
  double theta = 0.4;

  Index parameters() const { return 1; }
  SineLayer moved(Index, double by) const { return {theta + by}; }
  void forward(ConstView<double> x, View<double> out, Saved* saved) const;
  void vjp(const Saved& x, ConstView<double> u, View<double> xbar, Gradient* gradient) const;
};

}  // namespace fejer::equilibrium_closed_form
