#include "slope_problem.hpp"

#include <algorithm>

namespace fejer::detail {
namespace {

/// out += D^T q: slopes are D v.
void add_slopes_adjoint(const Problem& p, const Vector& q, Vector& out) {
  for (std::size_t m = 0; m < q.size(); ++m) {
    out[m] -= q[m] / p.h[m];
    out[m + 1] += q[m] / p.h[m];
  }
}

void advance(Iterate& x, const Iterate& d, double step) {
  const auto move = [&](Vector& y, const Vector& dy) {
    for (std::size_t i = 0; i < y.size(); ++i) y[i] += step * dy[i];
  };
  move(x.v, d.v);
  move(x.z, d.z);
  move(x.a, d.a);
  move(x.b, d.b);
  move(x.su, d.su);
  move(x.sl, d.sl);
  move(x.pu, d.pu);
  move(x.pl, d.pl);
}

}  // namespace

Vector slopes(const Problem& p, const Vector& v) {
  Vector s(v.size() - 1);
  for (std::size_t m = 0; m < s.size(); ++m) s[m] = (v[m + 1] - v[m]) / p.h[m];
  return s;
}

double dual_value(const Problem& p, const Iterate& x) {
  const std::size_t n = p.size();
  Vector q(n - 1);
  double value = 0;
  for (std::size_t m = 0; m + 1 < n; ++m) {
    q[m] = x.pu[m] - x.pl[m];
    if (m > 0) q[m] += x.z[m - 1];
    if (m + 2 < n) q[m] -= x.z[m];
    if (p.upper()) value -= p.hi * x.pu[m];
    if (p.lower()) value += p.lo * x.pl[m];
  }
  Vector u(n);
  add_slopes_adjoint(p, q, u);
  for (std::size_t m = 0; m < n; ++m) value += p.y[m] * u[m] - u[m] * u[m] / (2 * p.w[m]);
  return value;
}

InteriorPoint::InteriorPoint(const Problem& p) : p_(p), n_(p.size()) {
  const std::size_t changes = n_ - 2;
  const Vector part(changes, std::min(1.0, 1 / p.lambda));
  x_ = {p.y, Vector(changes), part, part, {}, {}, {}, {}};
  const double width = p.upper() && p.lower() ? (p.hi - p.lo) / 2 : 1;
  x_.su = x_.sl = Vector(n_ - 1, std::min(1.0, width));
  x_.pu = Vector(n_ - 1, p.upper() ? 1.0 : 0.0);
  x_.pl = Vector(n_ - 1, p.lower() ? 1.0 : 0.0);
}

void InteriorPoint::step() {
  prepare();
  const double mu = complementarity(x_);
  const Iterate affine = direction(0);
  Iterate trial = x_;
  advance(trial, affine, longest(affine));
  const double ratio = mu > 0 ? complementarity(trial) / mu : 0;
  const Iterate d = direction(ratio * ratio * ratio * mu);
  advance(x_, d, std::min(1.0, 0.995 * longest(d)));
}

double InteriorPoint::change(const Vector& v, std::size_t i) const {
  return (v[i + 2] - v[i + 1]) / p_.h[i + 1] - (v[i + 1] - v[i]) / p_.h[i];
}

void InteriorPoint::prepare() {
  matrix_ = Pentadiagonal(n_);
  for (std::size_t m = 0; m < n_; ++m) matrix_.add(m, p_.w[m], 1);
  for (std::size_t i = 0; i + 2 < n_; ++i) {
    const double left = 1 / p_.h[i], right = 1 / p_.h[i + 1];
    matrix_.add(i, 1 / theta(i), left, -left - right, right);
  }
  for (std::size_t m = 0; m + 1 < n_; ++m)
    matrix_.add(m, x_.pu[m] / x_.su[m] + x_.pl[m] / x_.sl[m], -1 / p_.h[m], 1 / p_.h[m]);
  matrix_.factor();
}

double InteriorPoint::complementarity(const Iterate& x) const {
  double sum = 0, count = 0;
  for (std::size_t i = 0; i + 2 < n_; ++i, count += 2)
    sum += x.a[i] * (p_.lambda - x.z[i]) + x.b[i] * (p_.lambda + x.z[i]);
  for (std::size_t m = 0; m + 1 < n_; ++m) sum += x.pu[m] * x.su[m] + x.pl[m] * x.sl[m];
  count += static_cast<double>((n_ - 1) * (p_.upper() + p_.lower()));
  return count > 0 ? sum / count : 0;
}

/// Newton's step towards complementary products tau.
Iterate InteriorPoint::direction(double tau) const {
  const Vector s = slopes(p_, x_.v);
  Vector u(n_), q(n_ - 1), t(n_ - 2);  // u: minus the gradient
  for (std::size_t i = 0; i + 2 < n_; ++i) {
    t[i] = change(x_.v, i) - tau / f1(i) + tau / f2(i);
    const double pull = x_.z[i] + t[i] / theta(i);
    q[i] += pull;
    q[i + 1] -= pull;
  }
  const auto above = [&](std::size_t m) { return p_.hi - s[m] - x_.su[m]; };
  const auto below = [&](std::size_t m) { return s[m] - p_.lo - x_.sl[m]; };
  for (std::size_t m = 0; m + 1 < n_; ++m) {
    if (p_.upper()) q[m] -= tau / x_.su[m] - x_.pu[m] / x_.su[m] * above(m);
    if (p_.lower()) q[m] += tau / x_.sl[m] - x_.pl[m] / x_.sl[m] * below(m);
  }
  add_slopes_adjoint(p_, q, u);
  for (std::size_t m = 0; m < n_; ++m) u[m] += p_.w[m] * (p_.y[m] - x_.v[m]);
  matrix_.solve(u);
  Iterate d{u,
            Vector(n_ - 2),
            Vector(n_ - 2),
            Vector(n_ - 2),
            Vector(n_ - 1),
            Vector(n_ - 1),
            Vector(n_ - 1),
            Vector(n_ - 1)};
  for (std::size_t i = 0; i + 2 < n_; ++i) {
    d.z[i] = (t[i] + change(u, i)) / theta(i);
    d.a[i] = tau / f1(i) - x_.a[i] + x_.a[i] / f1(i) * d.z[i];
    d.b[i] = tau / f2(i) - x_.b[i] - x_.b[i] / f2(i) * d.z[i];
  }
  const Vector ds = slopes(p_, u);
  for (std::size_t m = 0; m + 1 < n_; ++m) {
    if (p_.upper()) {
      d.su[m] = above(m) - ds[m];
      d.pu[m] = tau / x_.su[m] - x_.pu[m] - x_.pu[m] / x_.su[m] * d.su[m];
    }
    if (p_.lower()) {
      d.sl[m] = below(m) + ds[m];
      d.pl[m] = tau / x_.sl[m] - x_.pl[m] - x_.pl[m] / x_.sl[m] * d.sl[m];
    }
  }
  return d;
}

/// Longest step that keeps everything positive.
double InteriorPoint::longest(const Iterate& d) const {
  double step = 1 / 0.995;
  const auto keep = [&](const Vector& x, const Vector& dx) {
    for (std::size_t i = 0; i < x.size(); ++i)
      if (dx[i] < 0) step = std::min(step, -x[i] / dx[i]);
  };
  keep(x_.a, d.a);
  keep(x_.b, d.b);
  keep(x_.su, d.su);
  keep(x_.sl, d.sl);
  keep(x_.pu, d.pu);
  keep(x_.pl, d.pl);
  for (std::size_t i = 0; i + 2 < n_; ++i) {
    if (d.z[i] > 0) step = std::min(step, f1(i) / d.z[i]);
    if (d.z[i] < 0) step = std::min(step, -f2(i) / d.z[i]);
  }
  return step;
}

}  // namespace fejer::detail
