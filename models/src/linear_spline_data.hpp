#pragma once
#include <fejer/models/linear_spline.hpp>

#include "kernels.hpp"

namespace fejer {

/// Cells 0..N of every channel: 0 and N are the tails, k = 1..N-1 lies between knots k-1 and k.
template <class T>
struct LinearSpline<T>::Data {
  Array<double> coefficients;  // (C, N)
  double x_min, x_max, step;
  Extrapolation extrapolation;
  Array<double> line_offset, line_slope;  // (C, N + 1): f(t) = offset + slope t
  Array<double> constant;  // (C, N + 1): psi(t) = constant + offset t + slope t^2 / 2
  Array<double> half_slope;
  Array<T> offset, slope;

  Index channels() const { return coefficients.shape()[0]; }
  Index knots() const { return coefficients.shape()[1]; }
  /// Row of a channel in the tables; all channels share row 0 if C = 1.
  Index row(Index channel) const { return channels() == 1 ? 0 : channel * (knots() + 1); }
  Index cell(double t) const;
  /// x -> f(alpha x) / alpha.
  detail::SplineTask<T> task(Index channel, double alpha = 1) const {
    return {offset.data() + row(channel), slope.data() + row(channel),
            static_cast<T>(alpha / step), static_cast<T>(1 - x_min / step),
            static_cast<T>(knots()),      static_cast<T>(1 / alpha)};
  }
  /// x -> psi(alpha x).
  detail::PotentialTask<T> potential_task(Index channel, double alpha) const {
    const Index r = row(channel);
    return {constant.data() + r,
            line_offset.data() + r,
            half_slope.data() + r,
            static_cast<T>(alpha / step),
            static_cast<T>(1 - x_min / step),
            static_cast<T>(knots()),
            alpha};
  }
};

}  // namespace fejer
