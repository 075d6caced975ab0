#pragma once
/// Derivatives of the projections that keep learned splines within their slopes (linear_spline.hpp)
/// and the TV(2) penalty: Unser, Goujon, Ducotterd (ACHA 77 (2025) 101764).
#include <fejer/array.hpp>

namespace fejer {

// Vector-Jacobian products. `coefficients` (C, N) is what was projected, `cotangent` that of the
// result; returns that of the coefficients. With the slopes s_n = a_{n+1} - a_n and m_n = 1 where
// the clip lets s_n through, the bounds included (so that a spline that starts at 0 with slopes
// >= 0 can move), v_n = m_n sum_{j>n} q_j and the gradient is v_{n-1} - v_n:

/// q: the cotangent less its mean; the mean is added to every coefficient.
Array<double> clip_slopes_vjp(const Array<double>& coefficients, double step, double s_min,
                              double s_max, const Array<double>& cotangent);
/// q: the cotangent, less its sum at knot N/2; m = 0 on the first and the last piece.
Array<double> project_monotone_vjp(const Array<double>& coefficients,
                                   const Array<double>& cotangent);
/// q: (cotangent - reversed cotangent)/2; m = 0 on the first and the last piece.
Array<double> project_antisymmetric_vjp(const Array<double>& coefficients, double step,
                                        double s_min, double s_max, const Array<double>& cotangent);

/// weight * sum over rows of TV(2) = sum_n |a_{n+2} - 2 a_{n+1} + a_n| / step (linear tails);
/// adds a subgradient (0 where a term is 0) to `gradient` (C, N).
double add_tv2(const Array<double>& coefficients, double step, double weight,
               Array<double>& gradient);

}  // namespace fejer
