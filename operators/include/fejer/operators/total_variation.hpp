#pragma once
#include <limits>

#include <fejer/array.hpp>

namespace fejer {

enum class TvKind {
  isotropic,   ///< sum of sqrt(|d_v|^2 + |d_h|^2)
  anisotropic  ///< sum of |d_v| + |d_h|
};

struct TvOptions {
  TvKind kind = TvKind::isotropic;
  /// Constraint lower <= x <= upper inside the prox; real images only.
  double lower = -std::numeric_limits<double>::infinity();
  double upper = std::numeric_limits<double>::infinity();
  /// The prox stops at a duality gap of tolerance times its objective; 0: after max_iterations,
  /// with the gap computed at the end only.
  double tolerance = 1e-5;
  int max_iterations = 200;
};

/// How a prox computation ended. In units of the objective P(x) = g(x) + ||x - v||^2/(2 gamma):
/// P(x) - min P <= gap, and so ||x - prox(v)|| <= sqrt(2 gamma gap).
struct TvReport {
  double gap = 0;
  double objective = 0;
  int iterations = 0;
  bool converged = true;
};

/// Total variation, g(x) = lambda sum over pixels of |(Dx)_ij|, plus the indicator of a box.
/// D: forward differences d_v (down), d_h (right) along the last two axes, 0 beyond the last row
/// and column, as FiniteDifference. Each leading channel by itself. The modulus of a complex
/// image's difference couples its real and imaginary part: |(Dx)_ij|^2 = |d_v|^2 + |d_h|^2 with
/// complex d. Shapes (..,H,W). lambda in units of the image times that of the data term.
///
/// Prox by fast gradient projection on the dual (Beck and Teboulle, IEEE Trans. Image Processing
/// 18(11), 2009): x = P_box(v - D^T y), |y_ij| <= gamma lambda, steps of 1/||D||^2 from y = 0, with
/// the momentum (k-1)/(k+4) of Chambolle and Dossal (J. Optim. Theory Appl. 166(3), 2015), for
/// which the iterates converge. One iteration is one pass over the image. The gap
/// sum(gamma lambda |Dx| - <Dx, y>) / gamma counts the constraint and the rounding of y; it is
/// checked after 0, 2, 5, 10, 20, .. iterations. Nothing is kept between calls, except by the
/// caller who passes the dual variables of one call to the next: with those of the last step of an
/// outer iteration, a few inner iterations (3 to 10, tolerance 0) do for a prox.
template <class X>
class TotalVariation {
 public:
  explicit TotalVariation(double lambda, TvOptions options = {});

  void prox(ConstView<X> v, double gamma, View<X> out) const { prox_gap(v, gamma, out); }
  /// The prox, and how accurate it is.
  TvReport prox_gap(ConstView<X> v, double gamma, View<X> out) const;
  /// The same from the given dual variables, which are replaced by the last ones: empty (zeros), or
  /// those of an earlier call with an image of this shape, (2 or for complex images 4, pixels);
  /// they are brought within |y_ij| <= gamma lambda.
  TvReport prox_gap(ConstView<X> v, double gamma, View<X> out, Array<Real<X>>& dual) const;
  /// Infinite outside the box.
  double value(ConstView<X> x) const;

  double lambda() const { return lambda_; }
  const TvOptions& options() const { return options_; }

 private:
  double lambda_;
  TvOptions options_;
};

}  // namespace fejer
