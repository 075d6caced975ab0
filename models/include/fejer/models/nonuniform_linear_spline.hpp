#pragma once
/// Linear splines on knots of any spacing, each channel its own.
#include <memory>

#include <fejer/models/linear_spline.hpp>

namespace fejer {

/// f_c(t) = (1-u) a_{c,k} + u a_{c,k+1},  u = (t - t_k) / (t_{k+1} - t_k), t_k <= t < t_{k+1}.
/// Coefficients and knots (C, N), N >= 2, rows of knots increasing; C = 1 is shared by all
/// channels. As LinearSpline, which is faster where knots are equidistant; cost log2(N) comparisons
/// more.
template <class T>
class NonuniformLinearSpline {
 public:
  NonuniformLinearSpline(const Array<double>& coefficients, const Array<double>& knots,
                         Extrapolation extrapolation = Extrapolation::linear);

  Index channels() const;
  Extrapolation extrapolation() const;
  const Array<double>& knots() const;
  const Array<double>& coefficients() const;

  double value(Index channel, double t) const;
  /// At a knot that of the right piece.
  double slope(Index channel, double t) const;
  void values(ConstView<T> x, View<T> y) const;
  void values_and_slopes(ConstView<T> x, View<T> y, View<T> s) const;
  /// gx = f'(x) g (gx may be g); the gradient of <g, f(x)> for the coefficients is added to
  /// `coefficients` (C, N), channel by channel in the order of the elements.
  void vjp(ConstView<T> x, ConstView<T> g, View<T> gx, View<double> coefficients) const;

  /// Over all pieces and channels, tails included.
  double min_slope() const;
  double max_slope() const;
  double tv2() const;

  /// g(f(t)) = t on each channel: knots and values change places. Throws ArgumentError unless all
  /// slopes, tails included, are positive.
  NonuniformLinearSpline inverse() const;

 private:
  struct Data;
  std::shared_ptr<const Data> data_;
};

extern template class NonuniformLinearSpline<float>;
extern template class NonuniformLinearSpline<double>;

}  // namespace fejer
