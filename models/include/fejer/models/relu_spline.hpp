#pragma once
/// Linear splines by their slope changes: the form in which total variation and sparsity are read.
#include <vector>

#include <fejer/models/nonuniform_linear_spline.hpp>

namespace fejer {

/// f(t) = offset + slope (t - origin) + sum_k changes[k] (t - knots[k])_+, knots increasing, origin
/// left of them (in exact arithmetic it does not matter; there the sums stay short).
struct ReluSpline {
  double origin = 0, offset = 0, slope = 0;
  std::vector<double> knots, changes;

  double value(double t) const;
  double min_slope() const;
  double max_slope() const;
  /// sum |changes|.
  double tv2() const;
};

/// One channel. Every inner knot stays, changes of 0 included; with constant extrapolation the
/// outer ones too.
ReluSpline to_relu(const NonuniformLinearSpline<double>& spline, Index channel = 0);
ReluSpline to_relu(const LinearSpline<double>& spline, Index channel = 0);

/// Values at `knots` (at least 2, increasing), summed up from the left by slopes, which keeps
/// rounding errors small where solving for the values would not. They must include those of f, else
/// ArgumentError. The spline with these values is f where the first and the last are not knots of
/// f.
std::vector<double> values_at(const ReluSpline& f, const std::vector<double>& knots);
/// One channel whose knots are those of f, and one more on each side.
NonuniformLinearSpline<double> to_spline(const ReluSpline& f);

/// Changes of at most `threshold` left out, all else kept: slopes and values right of them move.
ReluSpline thresholded(const ReluSpline& f, double threshold);
/// Knots with changes of at most `threshold` left out, values at the other knots and the slopes of
/// both tails kept. Every new slope is a mean of old ones (proof: between two knots that stay it is
/// the mean slope of f there), so bounds of slopes and total variation keep holding whatever they
/// were. No knot left: the line of f's mean slope between its outermost knots.
ReluSpline sparsified(const ReluSpline& f, double threshold);
/// The same for every row of values (C, N) at N equidistant knots on [x_min, x_max] with linear
/// extrapolation: activations and profiles of models. The knots that are left out stay as points
/// where the slope does not change, which evaluation merges. Bounds of slopes hold to rounding.
Array<double> sparsified(const Array<double>& values, double x_min, double x_max, double threshold);

}  // namespace fejer
