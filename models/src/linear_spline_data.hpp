#pragma once
#include <vector>

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
  Array<T> offset, slope;  // the same in T
  Array<T> pairs;          // and in turn

  Index channels() const { return coefficients.shape()[0]; }
  Index knots() const { return coefficients.shape()[1]; }
  /// Row of a channel in the tables; all channels share row 0 if C = 1.
  Index row(Index channel) const { return channels() == 1 ? 0 : channel * (knots() + 1); }
  Index cell(double t) const;

  /// Runs of cells with one line, where there are few of them (else pieces = 0).
  struct Pieces {
    int count = 0;
    std::vector<double> breaks, constant, line_offset, half_slope;
    std::vector<T> offset, slope, breaks_t;
  };
  std::vector<Pieces> pieces;  // of each row
  void find_pieces();

  detail::SplineTask<T> task(Index channel, double alpha, T offset_scale) const;
  /// y = f(alpha x) / alpha; its slopes go to s unless it is null.
  void values(Index channel, double alpha, Index n, const T* x, T* y, T* s) const;
  /// Numbers that `add_sums` needs for a channel.
  Index sums_size() const { return 2 * detail::sum_parts * (knots() + 1); }
  /// gx = f'(alpha x) g, and sums of (g, g x) over the cells.
  void add_sums(Index channel, double alpha, Index n, const T* x, const T* g, T* gx,
                double* sums) const;
  /// From such sums, the gradient of <g, f(alpha x)> with respect to a row of coefficients is
  /// added.
  void add_gradient(double alpha, const double* sums, double* row_sums) const;
  /// The sum of psi(alpha x).
  double potentials(Index channel, double alpha, Index n, const T* x) const;
};

}  // namespace fejer
