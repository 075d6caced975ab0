#pragma once
/// Linear splines on uniform knots: the learnable activations of Unser, Goujon, Ducotterd,
/// "Controlled learning of pointwise nonlinearities" (ACHA 77 (2025) 101764).
#include <memory>

#include <fejer/array.hpp>

namespace fejer {

enum class Extrapolation {
  linear,   ///< the first and the last piece go on
  constant  ///< the end values go on
};

/// f_c(t) = (1-u) a_{c,k} + u a_{c,k+1},  k = floor((t - x_min)/T), u = (t - x_min)/T - k,
/// T = (x_max - x_min)/(N-1). Coefficients (C, N): the values at the N >= 2 knots, one row a
/// channel; C = 1 is shared by all channels. At a knot the slope is that of the right piece.
/// Values and slopes come from a table of lines (offset, slope) computed in double.
template <class T>
class LinearSpline {
 public:
  LinearSpline(const Array<double>& coefficients, double x_min, double x_max,
               Extrapolation extrapolation = Extrapolation::linear);

  Index channels() const;
  Index knots() const;
  double x_min() const;
  double x_max() const;
  double step() const;
  Extrapolation extrapolation() const;
  const Array<double>& coefficients() const;

  double value(Index channel, double t) const;
  double slope(Index channel, double t) const;
  /// psi' = f, psi(0) = 0; a quadratic spline, linear or quadratic outside the knots.
  double potential(Index channel, double t) const;

  /// y = f(x) for x, y of shape (C, ...) (any first axis if shared). About 1 ns an element.
  void values(ConstView<T> x, View<T> y) const;
  /// y = f(x), s = f'(x).
  void values_and_slopes(ConstView<T> x, View<T> y, View<T> s) const;
  /// Vector-Jacobian product: gx = f'(x) g (gx may be g), and the gradient of <g, f(x)> with
  /// respect to the coefficients, sum g (1 - u) for knot k and sum g u for knot k + 1 of every
  /// element's piece, is added to `coefficients` (C, N), in an order that depends on shapes alone.
  void vjp(ConstView<T> x, ConstView<T> g, View<T> gx, View<double> coefficients) const;

  /// Over all pieces, tails included; `channel` = -1: over all channels.
  double min_slope(Index channel = -1) const;
  double max_slope(Index channel = -1) const;
  /// Sum over channels of |slope changes|, tails included: the total variation of f'.
  double tv2() const;

 private:
  template <class>
  friend class RidgeRegulariser;
  template <class>
  friend class ActivationLayer;
  struct Data;
  std::shared_ptr<const Data> data_;
};

// Projections of coefficients (C, N), row by row; `step` is T. They are what the published models
// apply inside their forward pass; none is the Euclidean projection.

/// Slopes clipped to [s_min, s_max], the mean of the row kept (Ducotterd et al., JMLR 25 (2024)).
Array<double> clip_slopes(const Array<double>& coefficients, double step, double s_min,
                          double s_max);
/// Slopes >= 0, first and last 0, value 0 at knot N/2 (CRR-NN, N odd).
Array<double> project_monotone(const Array<double>& coefficients);
/// Slopes clipped to [s_min, s_max], first and last 0, then a <- (a - reversed a)/2 (WCRR-NN).
Array<double> project_antisymmetric(const Array<double>& coefficients, double step, double s_min,
                                    double s_max);

extern template class LinearSpline<float>;
extern template class LinearSpline<double>;

}  // namespace fejer
