#pragma once
/// One-dimensional regression by linear splines whose knots are found, not given.
#include <fejer/models/relu_spline.hpp>
#include <fejer/models/slope_bounds.hpp>

namespace fejer {

struct AdaptiveSplineOptions {
  double tolerance = 1e-8;  ///< of the gap, relative to the objective, at least 1e-6 sum w y^2 / 2
  int max_iterations = 200;
};

struct AdaptiveSplineFit {
  ReluSpline spline;
  double objective = 0;  ///< of `spline`
  double gap =
      0;  ///< objective minus a lower bound from a feasible dual point: how far from optimal
  int iterations = 0;
  bool converged = false;
};

/// min over all functions s of  sum_m w_m/2 (s(t_m) - y_m)^2 + lambda TV2(s),
/// bounds.min <= s' <= bounds.max (`odd` is not used), lambda > 0, and of the minimisers one with
/// few knots: at most M - 2 for M distinct abscissae.
/// Polylines through the values at the abscissae are as good as any function (Unser, JMLR 20
/// (2019); their slopes are means of s', their total variation is no larger), so this is a convex
/// quadratic programme in M values with banded matrices: a primal-dual interior-point method,
/// O(M) an iteration, then the exact solution on the knots and saturated slopes that it finds.
/// Neighbouring knots of one sign are then merged into one between them, where the lines on either
/// side meet: values at the data, total variation and bounds stay (Debarre, Denoyelle, Unser,
/// Fageot, "Sparsest piecewise-linear regression of one-dimensional data", J. Comput. Appl. Math.
/// 406 (2022)). Abscissae in any order, repeated ones allowed; weights w empty: all 1.
AdaptiveSplineFit fit_adaptive_spline(const std::vector<double>& t, const std::vector<double>& y,
                                      double lambda, const SlopeBounds& bounds = {},
                                      const std::vector<double>& weights = {},
                                      const AdaptiveSplineOptions& options = {});

}  // namespace fejer
