#include <fejer/models/adaptive_spline.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "slope_problem.hpp"

namespace fejer {
namespace {

using detail::dual_value;
using detail::InteriorPoint;
using detail::Iterate;
using detail::Pentadiagonal;
using detail::Problem;
using detail::slopes;
using detail::Vector;

/// Slopes clipped, the best offset.
Vector feasible(const Problem& p, const Vector& v) {
  Vector result{0.0};
  const Vector s = slopes(p, v);
  double rest = p.w[0] * p.y[0], weight = p.w[0];
  for (std::size_t m = 0; m < s.size(); ++m) {
    result.push_back(result.back() + std::clamp(s[m], p.lo, p.hi) * p.h[m]);
    rest += p.w[m + 1] * (p.y[m + 1] - result.back());
    weight += p.w[m + 1];
  }
  for (double& r : result) r += rest / weight;
  return result;
}

/// A polyline by its nodes: the ends and the knots, as indices of abscissae.
struct Polyline {
  std::vector<std::size_t> nodes;
  Vector values, slopes;  // at the nodes, between them
  Vector signs;           // of the changes at the knots
  Vector sides;           // of each slope: 1 and -1 where it is held at the upper or lower bound
};

/// Which knots and which saturated slopes the iterate tells: where the change or force is more than
/// `weight` times the slack, all relative to the largest.
Polyline structure(const Problem& p, const Iterate& x, double weight) {
  const std::size_t n = p.size();
  double widest = 0, force = 0, steepest = 0;
  const Vector s = slopes(p, x.v);
  for (std::size_t i = 0; i + 2 < n; ++i) widest = std::max(widest, std::abs(x.a[i] - x.b[i]));
  for (std::size_t m = 0; m + 1 < n; ++m) {
    force = std::max({force, x.pu[m], x.pl[m]});
    steepest = std::max(steepest, std::abs(s[m]));
  }
  Polyline line;
  line.nodes.push_back(0);
  for (std::size_t i = 0; i + 2 < n; ++i)
    if (std::abs(x.a[i] - x.b[i]) * p.lambda > weight * widest * (p.lambda - std::abs(x.z[i]))) {
      line.nodes.push_back(i + 1);
      line.signs.push_back(x.z[i] > 0 ? 1 : -1);
    }
  line.nodes.push_back(n - 1);
  for (std::size_t k = 0; k + 1 < line.nodes.size(); ++k) {
    double side = 0;
    for (std::size_t m = line.nodes[k]; m < line.nodes[k + 1]; ++m) {
      if (p.upper() && x.pu[m] * steepest > weight * force * x.su[m]) side = 1;
      if (p.lower() && x.pl[m] * steepest > weight * force * x.sl[m]) side = -1;
    }
    line.sides.push_back(side);
  }
  return line;
}

/// The least squares solution with these knots, signs and saturated slopes; nodes that saturated
/// slopes link share one unknown, so the normal equations are tridiagonal.
Polyline polished(const Problem& p, Polyline line) {
  const std::size_t count = line.nodes.size();
  const Vector& signs = line.signs;
  line.slopes.clear();
  for (const double side : line.sides)
    line.slopes.push_back(side == 0 ? std::nan("") : side > 0 ? p.hi : p.lo);
  std::vector<std::size_t> group{0};
  Vector shift{0.0}, length;
  for (std::size_t k = 0; k + 1 < count; ++k) {
    length.push_back(0);
    for (std::size_t m = line.nodes[k]; m < line.nodes[k + 1]; ++m) length[k] += p.h[m];
    const bool fixed = !std::isnan(line.slopes[k]);
    group.push_back(group.back() + (fixed ? 0 : 1));
    shift.push_back(fixed ? shift[k] + line.slopes[k] * length[k] : 0);
  }
  Pentadiagonal normal(group.back() + 1);
  Vector right(group.back() + 1);
  const auto add = [&](std::size_t k, double u, double weight, double y) {
    const std::size_t g = group[k];
    if (group[k + 1] == g) {
      normal.add(g, weight, 1);
      right[g] += weight * (y - shift[k] - u * (shift[k + 1] - shift[k]));
      return;
    }
    const double rest = weight * (y - (1 - u) * shift[k] - u * shift[k + 1]);
    if (u == 0)
      normal.add(g, weight, 1);
    else
      normal.add(g, weight, 1 - u, u);
    right[g] += rest * (1 - u);
    right[g + 1] += rest * u;
  };
  for (std::size_t k = 0; k + 1 < count; ++k) {
    double at = 0;
    for (std::size_t m = line.nodes[k]; m < line.nodes[k + 1]; at += p.h[m], ++m)
      add(k, at / length[k], p.w[m], p.y[m]);
    if (k + 2 == count) add(k, 1, p.w.back(), p.y.back());
    // lambda sign (slope right of a knot - slope left of it).
    const double pull = p.lambda * ((k > 0 ? signs[k - 1] : 0) - (k + 2 < count ? signs[k] : 0));
    right[group[k]] += pull / length[k];
    right[group[k + 1]] -= pull / length[k];
  }
  normal.factor();
  normal.solve(right);
  line.values.clear();
  for (std::size_t k = 0; k < count; ++k) line.values.push_back(right[group[k]] + shift[k]);
  for (std::size_t k = 0; k + 1 < count; ++k)
    if (std::isnan(line.slopes[k]))
      line.slopes[k] = (line.values[k + 1] - line.values[k]) / length[k];
  return line;
}

/// The polyline with a node at every abscissa.
Polyline full(const Problem& p, const Vector& v) {
  Polyline line{{}, v, slopes(p, v), {}, {}};
  for (std::size_t m = 0; m < v.size(); ++m) line.nodes.push_back(m);
  return line;
}

Vector expanded(const Problem& p, const Polyline& line) {
  Vector v;
  for (std::size_t k = 0; k + 1 < line.nodes.size(); ++k) {
    double at = 0;
    for (std::size_t m = line.nodes[k]; m < line.nodes[k + 1]; at += p.h[m], ++m)
      v.push_back(line.values[k] + line.slopes[k] * at);
  }
  v.push_back(line.values.back());
  return v;
}

double objective(const Problem& p, const Polyline& line) {
  const Vector v = expanded(p, line);
  double sum = 0;
  for (std::size_t m = 0; m < v.size(); ++m) sum += p.w[m] * (v[m] - p.y[m]) * (v[m] - p.y[m]) / 2;
  for (std::size_t k = 1; k < line.slopes.size(); ++k)
    sum += p.lambda * std::abs(line.slopes[k] - line.slopes[k - 1]);
  return sum;
}

/// Multipliers that go with a polished polyline. From the left, z is determined by the residuals
/// where slopes are free; along a slope at its bound the force p has one sign, and the least force
/// that keeps z in its interval is taken, the rest of it at the end. If the polyline is the
/// minimiser, they are feasible and their dual value is its objective.
Iterate multipliers(const Problem& p, const Polyline& line) {
  const std::size_t n = p.size();
  const Vector v = expanded(p, line);
  Iterate x{{}, Vector(n - 2), {}, {}, Vector(n - 1), Vector(n - 1), {}, {}};
  double sum = 0, z = 0;  // of residuals; at the last abscissa
  for (std::size_t k = 0; k + 1 < line.nodes.size(); ++k)
    for (std::size_t m = line.nodes[k]; m < line.nodes[k + 1]; ++m) {
      sum += p.w[m] * (p.y[m] - v[m]);
      z += p.h[m] * sum;
      const double side = line.sides[k];
      if (side != 0) {
        double target = -side * p.lambda;  // what z may not pass
        if (m + 1 == line.nodes[k + 1])
          target = k + 2 < line.nodes.size() ? line.signs[k] * p.lambda : 0;
        const double force = std::max(0.0, side * (target - z));
        (side > 0 ? x.pu : x.pl)[m] = force;
        z += side * force;
      }
      if (m < n - 2) x.z[m] = std::clamp(z, -p.lambda, p.lambda);
    }
  return x;
}

bool within(const Problem& p, const Polyline& line) {
  double room = 1e-13;
  for (const double s : line.slopes) room = std::max(room, 1e-13 * std::abs(s));
  for (const double s : line.slopes)
    if (!(s >= p.lo - room && s <= p.hi + room)) return false;
  return true;
}

/// The best feasible polyline and the best lower bound so far.
class Search {
 public:
  Search(const Problem& p, double tolerance, double floor)
      : p_(p), tolerance_(tolerance), floor_(floor), best_(full(p, feasible(p, p.y))) {
    value_ = objective(p, best_);
  }
  const Polyline& best() const { return best_; }
  double bound() const { return bound_; }
  void bound(double value) {
    if (value > bound_) bound_ = value;
  }
  bool close() const { return value_ - bound_ <= tolerance_ * scale(); }
  /// Close, and its knots are those of a polished polyline.
  bool done() const { return close() && !best_.sides.empty(); }

  /// A sparser one may be worse by a fraction of the tolerance.
  void offer(const Polyline& line) {
    if (!within(p_, line)) return;
    const double reached = objective(p_, line);
    const bool sparser = line.nodes.size() < best_.nodes.size();
    if (!(reached < value_ + (sparser ? 0.5 : -1e-4) * tolerance_ * scale())) return;
    value_ = reached;
    best_ = line;
  }
  /// Returns the side of a bound that is violated, 0 if none.
  double offer_polished(const Polyline& structure) {
    const Polyline line = polished(p_, structure);
    bound(dual_value(p_, multipliers(p_, line)));
    offer(line);
    for (const double s : line.slopes)
      if (s > p_.hi || s < p_.lo) return s > p_.hi ? 1 : -1;
    return 0;
  }

 private:
  double scale() const { return std::max(value_, floor_); }
  const Problem& p_;
  double tolerance_, floor_, value_ = 0;
  double bound_ = -std::numeric_limits<double>::infinity();
  Polyline best_;
};

/// The data as a Problem, and the way back.
struct Scaled {
  Problem problem;
  Vector t;  // distinct, increasing
  double width = 1, height = 1, mean = 0, constant = 0;
};

Scaled scaled(const Vector& t, const Vector& y, const Vector& weights, double lambda,
              const SlopeBounds& bounds) {
  Scaled result;
  std::vector<std::size_t> order(t.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](auto i, auto j) { return t[i] < t[j]; });
  Problem& p = result.problem;
  for (const std::size_t i : order) {
    const double w = weights.empty() ? 1 : weights[i];
    if (w == 0) continue;
    if (result.t.empty() || result.t.back() < t[i]) {
      result.t.push_back(t[i]);
      p.w.push_back(0);
      p.y.push_back(0);
    }
    const double total = p.w.back() + w, jump = y[i] - p.y.back();
    result.constant += p.w.back() * w / total * jump * jump / 2;
    p.y.back() += w / total * jump;
    p.w.back() = total;
  }
  const std::size_t n = result.t.size();
  double weight = 0, square = 0;
  for (std::size_t m = 0; m < n; ++m) weight += p.w[m];
  for (std::size_t m = 0; m < n; ++m) result.mean += p.w[m] / weight * p.y[m];
  for (std::size_t m = 0; m < n; ++m)
    square += p.w[m] / weight * (p.y[m] - result.mean) * (p.y[m] - result.mean);
  if (square > 0) result.height = std::sqrt(square);
  if (n > 1) result.width = (result.t.back() - result.t.front()) / static_cast<double>(n - 1);
  for (double& v : p.y) v = (v - result.mean) / result.height;
  for (std::size_t m = 0; m + 1 < n; ++m)
    p.h.push_back((result.t[m + 1] - result.t[m]) / result.width);
  p.lambda = lambda / (result.width * result.height);
  p.lo = bounds.min * result.width / result.height;
  p.hi = bounds.max * result.width / result.height;
  return result;
}

/// Knots with a change, neighbours of one sign merged in pairs.
ReluSpline to_spline(const Scaled& s, const Polyline& line) {
  ReluSpline f;
  const double unit = s.height / s.width;
  f.origin = s.t.front();
  f.offset = s.mean + s.height * line.values.front();
  f.slope = unit * line.slopes.front();
  double steepest = 0;
  for (const double slope : line.slopes) steepest = std::max(steepest, std::abs(slope));
  std::size_t last = 0;  // abscissa of the last knot, 0 if it must not be merged
  for (std::size_t k = 1; k + 1 < line.nodes.size(); ++k) {
    const double a = unit * (line.slopes[k] - line.slopes[k - 1]), t = s.t[line.nodes[k]];
    if (std::abs(a) <= 1e-13 * unit * steepest) continue;
    if (last > 0 && line.nodes[k] == last + 1 && a * f.changes.back() > 0) {
      const double sum = f.changes.back() + a;
      f.knots.back() += a / sum * (t - f.knots.back());
      f.changes.back() = sum;
      last = 0;
      continue;
    }
    f.knots.push_back(t);
    f.changes.push_back(a);
    last = line.nodes[k];
  }
  return f;
}

void check_data(const Vector& t, const Vector& y, double lambda, const SlopeBounds& bounds,
                const Vector& weights) {
  const auto fail = [](const std::string& what) {
    throw ArgumentError("fit_adaptive_spline: " + what);
  };
  if (t.empty() || t.size() != y.size() || (!weights.empty() && weights.size() != t.size()))
    fail("got " + std::to_string(t.size()) + " abscissae, " + std::to_string(y.size()) +
         " values and " + std::to_string(weights.size()) + " weights");
  double sum = 0;
  for (std::size_t i = 0; i < t.size(); ++i) {
    const double w = weights.empty() ? 1 : weights[i];
    if (!std::isfinite(t[i]) || !std::isfinite(y[i]) || !std::isfinite(w) || w < 0)
      fail("data must be finite and weights non-negative, see number " + std::to_string(i));
    sum += w;
  }
  if (!(sum > 0)) fail("all weights are 0");
  if (!(lambda > 0) || !std::isfinite(lambda))
    fail("lambda must be positive and finite, got " + std::to_string(lambda));
  if (!(bounds.min < bounds.max))
    fail("the slopes need room, got [" + std::to_string(bounds.min) + ", " +
         std::to_string(bounds.max) + "]");
}

}  // namespace

AdaptiveSplineFit fit_adaptive_spline(const Vector& t, const Vector& y, double lambda,
                                      const SlopeBounds& bounds, const Vector& weights,
                                      const AdaptiveSplineOptions& options) {
  check_data(t, y, lambda, bounds, weights);
  const Scaled data = scaled(t, y, weights, lambda, bounds);
  const Problem& p = data.problem;
  AdaptiveSplineFit fit;
  if (p.size() == 1) {
    fit.spline.origin = data.t[0];
    fit.spline.offset = data.mean;
    fit.spline.slope = std::clamp(0.0, bounds.min, bounds.max);
    fit.objective = data.constant;
    fit.converged = true;
    return fit;
  }
  double square = 0;
  for (std::size_t m = 0; m < p.size(); ++m) square += p.w[m] * p.y[m] * p.y[m] / 2;
  Search search(p, options.tolerance, 1e-6 * square);
  // Large lambda: a line.
  const double side = search.offer_polished({{0, p.size() - 1}, {}, {}, {}, {0}});
  if (side != 0) search.offer_polished({{0, p.size() - 1}, {}, {}, {}, {side}});
  InteriorPoint method(p);
  // Some steps more where the knots are not settled yet.
  for (int extra = 0; extra < 20 && !search.done() && fit.iterations < options.max_iterations;
       extra += search.close() ? 1 : 0) {
    method.step();
    ++fit.iterations;
    const Iterate& x = method.iterate();
    if (!std::isfinite(x.v[0])) break;
    search.bound(dual_value(p, x));
    for (const double weight : {1.0, 1e-2, 1e2}) search.offer_polished(structure(p, x, weight));
    search.offer(full(p, feasible(p, x.v)));
  }
  fit.converged = search.close();
  fit.spline = to_spline(data, search.best());
  const double unit = data.height * data.height;
  for (std::size_t i = 0; i < t.size(); ++i) {
    const double r = fit.spline.value(t[i]) - y[i];
    fit.objective += (weights.empty() ? 1 : weights[i]) * r * r / 2;
  }
  fit.objective += lambda * fit.spline.tv2();
  fit.gap = fit.objective - (unit * search.bound() + data.constant);
  return fit;
}

}  // namespace fejer
