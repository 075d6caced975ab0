#pragma once
/// Sets of slopes, and the map that brings a linear spline into one inside a forward pass; Unser,
/// Goujon, Ducotterd, "Controlled learning of pointwise nonlinearities" (ACHA 77 (2025) 101764).
#include <limits>

#include <fejer/array.hpp>

namespace fejer {

/// min <= f' <= max almost everywhere, and f(-t) = -f(t) if odd.
struct SlopeBounds {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool odd = false;

  /// [-l, l]: |f(x) - f(y)| <= l |x - y|.
  static SlopeBounds lipschitz(double l = 1);
  /// [0, 1]: f is the proximal operator of a convex function, 2 f - Id is 1-Lipschitz.
  static SlopeBounds firmly_nonexpansive();
  /// [0, inf): f is the derivative of a convex function.
  static SlopeBounds monotone();
  /// [min, max], 0 < min <= max < inf: the inverse is a linear spline with slopes in
  /// [1/max, 1/min].
  static SlopeBounds invertible(double min, double max);
  /// [1 - 2 beta, 1], 0 < beta <= 1: f = (1 - beta) Id + beta N with N 1-Lipschitz.
  static SlopeBounds averaged(double beta);
  /// [-rho, l]: psi + rho/2 t^2 is convex for psi' = f, and psi' is max(rho, l)-Lipschitz.
  static SlopeBounds weakly_convex(double rho, double l);
  SlopeBounds made_odd() const;
};

/// Rows of n equidistant knots from x_min to x_max, one row a channel.
Array<double> uniform_knots(Index channels, Index n, double x_min, double x_max);

/// P(f) for values f (C, N) at increasing knots (C, N), row by row: slopes clipped to the bounds
/// and summed up again; then the mean of the row restored or, if odd (knots symmetric about 0), P
/// <- (P - reversed P) / 2. Feasible; P(f) = f where f is feasible; never increases the total
/// variation of f'. It is not the Euclidean projection.
Array<double> project_slopes(const Array<double>& values, const Array<double>& knots,
                             const SlopeBounds& bounds);
/// The gradient of <g, P(f)> for f. A slope that equals a bound counts as free: a spline that
/// starts at a bound can leave it.
Array<double> project_slopes_vjp(const Array<double>& values, const Array<double>& knots,
                                 const SlopeBounds& bounds, const Array<double>& g);

/// The sum over rows of |slope changes| at inner knots: the total variation of f' where f goes on
/// as it ends. `weight` times a subgradient for the values is added to `gradient` (C, N).
double add_tv2_gradient(const Array<double>& values, const Array<double>& knots, double weight,
                        Array<double>& gradient);

}  // namespace fejer
