#pragma once
/// Regression by polylines with bounded slopes and a penalty on their changes: the quadratic
/// programme behind adaptive splines, and an interior-point method for it.
#include <cmath>
#include <vector>

namespace fejer::detail {

using Vector = std::vector<double>;

/// Symmetric positive definite, two bands above the diagonal.
class Pentadiagonal {
 public:
  explicit Pentadiagonal(std::size_t n) : d_(n), e_(n), f_(n) {}
  /// += weight b b^T for b = (b0, b1, b2) from position i on.
  void add(std::size_t i, double weight, double b0, double b1 = 0, double b2 = 0) {
    d_[i] += weight * b0 * b0;
    if (b1 == 0) return;
    e_[i] += weight * b0 * b1;
    d_[i + 1] += weight * b1 * b1;
    if (b2 == 0) return;
    f_[i] += weight * b0 * b2;
    e_[i + 1] += weight * b1 * b2;
    d_[i + 2] += weight * b2 * b2;
  }
  /// LDL^T in place.
  void factor() {
    const std::size_t n = d_.size();
    for (std::size_t i = 0; i < n; ++i) {
      const double e = e_[i], f = f_[i];
      if (i + 1 < n) {
        e_[i] = e / d_[i];
        d_[i + 1] -= e_[i] * e;
      }
      if (i + 2 < n) {
        f_[i] = f / d_[i];
        e_[i + 1] -= f_[i] * e;
        d_[i + 2] -= f_[i] * f;
      }
    }
  }
  void solve(Vector& x) const {
    const std::size_t n = d_.size();
    for (std::size_t i = 0; i < n; ++i) {
      if (i + 1 < n) x[i + 1] -= e_[i] * x[i];
      if (i + 2 < n) x[i + 2] -= f_[i] * x[i];
    }
    for (std::size_t i = n; i-- > 0;) {
      x[i] /= d_[i];
      if (i + 1 < n) x[i] -= e_[i] * x[i + 1];
      if (i + 2 < n) x[i] -= f_[i] * x[i + 2];
    }
  }

 private:
  Vector d_, e_, f_;
};

/// min 1/2 sum w (v - y)^2 + lambda sum |slope changes|, lo <= slopes <= hi, at abscissae with
/// spacings h of mean 1 and data of variance 1.
struct Problem {
  Vector h, w, y;
  double lambda, lo, hi;
  std::size_t size() const { return y.size(); }
  bool upper() const { return std::isfinite(hi); }
  bool lower() const { return std::isfinite(lo); }
};

/// Slopes of the polyline through v.
Vector slopes(const Problem& p, const Vector& v);

/// One row of multipliers and slacks for each of: slope changes (z in [-lambda, lambda], parts
/// a - b of the change), upper and lower bounds of slopes.
struct Iterate {
  Vector v, z, a, b, pu, pl, su, sl;
};

/// Value of the dual at the multipliers of the iterate: a lower bound of the objective.
double dual_value(const Problem& p, const Iterate& x);

/// Primal-dual, with an affine step first to choose how far to aim (Mehrotra).
class InteriorPoint {
 public:
  explicit InteriorPoint(const Problem& p);
  const Iterate& iterate() const { return x_; }
  /// O(n). Not finite once rounding has the upper hand.
  void step();

 private:
  double f1(std::size_t i) const { return p_.lambda - x_.z[i]; }
  double f2(std::size_t i) const { return p_.lambda + x_.z[i]; }
  double theta(std::size_t i) const { return x_.a[i] / f1(i) + x_.b[i] / f2(i); }
  double change(const Vector& v, std::size_t i) const;
  void prepare();
  double complementarity(const Iterate& x) const;
  Iterate direction(double tau) const;
  double longest(const Iterate& d) const;

  const Problem& p_;
  std::size_t n_;
  Iterate x_;
  Pentadiagonal matrix_{0};
};

}  // namespace fejer::detail
