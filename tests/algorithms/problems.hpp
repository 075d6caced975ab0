#pragma once
/// Small problems with known minimisers. Functions are written here, so that the algorithms are
/// tested without the operators.
#include <algorithm>
#include <cmath>
#include <fejer/algorithms/accelerated_forward_backward.hpp>
#include <fejer/algorithms/conjugate_gradient.hpp>
#include <fejer/algorithms/forward_backward.hpp>
#include <fejer/algorithms/gradient_step_pnp.hpp>
#include <fejer/algorithms/half_quadratic_splitting.hpp>
#include <fejer/algorithms/limited_memory_bfgs.hpp>
#include <fejer/algorithms/pnp_douglas_rachford.hpp>
#include <fejer/algorithms/pnp_forward_backward.hpp>
#include <fejer/algorithms/prox_pnp.hpp>
#include <fejer/algorithms/safeguarded_accelerated_gradient.hpp>
#include <fejer/rng.hpp>

namespace fejer_test {

using namespace fejer;

/// 1/2 sum d_i (x_i - y_i)^2.
struct DiagonalQuadratic {
  Array<double> d, y;
  double value(ConstView<double> x) const {
    double sum = 0;
    for (Index i = 0; i < x.size(); ++i) sum += d[i] * (x[i] - y[i]) * (x[i] - y[i]) / 2;
    return sum;
  }
  void gradient(ConstView<double> x, View<double> out) const {
    for (Index i = 0; i < x.size(); ++i) out[i] = d[i] * (x[i] - y[i]);
  }
  Interval lipschitz_interval() const {
    const double top = *std::max_element(d.begin(), d.end());
    return {top, top};
  }
};

/// 1/2 (x - y)^2 + w (cos x - 1), w < 1: convex in all, its second part weakly convex.
struct Wavy {
  Array<double> y;
  double w;
  double value(ConstView<double> x) const {
    double sum = 0;
    for (Index i = 0; i < x.size(); ++i)
      sum += (x[i] - y[i]) * (x[i] - y[i]) / 2 + w * (std::cos(x[i]) - 1);
    return sum;
  }
  void gradient(ConstView<double> x, View<double> out) const {
    for (Index i = 0; i < x.size(); ++i) out[i] = x[i] - y[i] - w * std::sin(x[i]);
  }
  Interval lipschitz_interval() const { return {1 - w, 1 + w}; }
  double convexity() const { return -w; }
};

/// 1/2 ||x - y||^2 + weight sum_i huber(x_{i+1} - x_i), huber'(t) = clamp(t/width, -1, 1):
/// piecewise quadratic, of curvature 1 to 1 + 4 weight/width.
struct Smoothing {
  Array<double> y;
  double weight, width;
  double value(ConstView<double> x) const {
    double sum = 0;
    for (Index i = 0; i < x.size(); ++i) {
      sum += (x[i] - y[i]) * (x[i] - y[i]) / 2;
      const double t = i > 0 ? std::abs(x[i] - x[i - 1]) : 0;
      sum += weight * (t < width ? t * t / (2 * width) : t - width / 2);
    }
    return sum;
  }
  void gradient(ConstView<double> x, View<double> out) const {
    for (Index i = 0; i < x.size(); ++i) out[i] = x[i] - y[i];
    for (Index i = 1; i < x.size(); ++i) {
      const double slope = weight * std::clamp((x[i] - x[i - 1]) / width, -1.0, 1.0);
      out[i] += slope;
      out[i - 1] -= slope;
    }
  }
  Interval lipschitz_interval() const { return {1, 1 + 4 * weight / width}; }
  double convexity() const { return 1; }
};

/// weight ||x||_1.
struct L1 {
  double weight;
  void prox(ConstView<double> v, double gamma, View<double> out) const {
    for (Index i = 0; i < v.size(); ++i)
      out[i] = std::copysign(std::max(0.0, std::abs(v[i]) - gamma * weight), v[i]);
  }
  double value(ConstView<double> x) const {
    double sum = 0;
    for (const double t : x) sum += std::abs(t);
    return weight * sum;
  }
};

/// x -> s x, s in [0, 1): firmly non-expansive.
struct Shrink {
  double s;
  Certificate claim{Certificate::Kind::proven, 1, 0.5, 0, "test"};
  void denoise(ConstView<double> x, double, View<double> out) const {
    for (Index i = 0; i < x.size(); ++i) out[i] = s * x[i];
  }
  Certificate certificate() const { return claim; }
};

/// y = M x, M dense.
struct Dense {
  Array<double> m;
  Shape domain() const { return {m.shape()[1]}; }
  Shape range() const { return {m.shape()[0]}; }
  void apply(ConstView<double> x, View<double> y) const {
    for (Index i = 0; i < y.size(); ++i) {
      y[i] = 0;
      for (Index j = 0; j < x.size(); ++j) y[i] += m[i * x.size() + j] * x[j];
    }
  }
  void apply_adjoint(ConstView<double> y, View<double> x) const {
    for (Index j = 0; j < x.size(); ++j) {
      x[j] = 0;
      for (Index i = 0; i < y.size(); ++i) x[j] += m[i * x.size() + j] * y[i];
    }
  }
};

inline Array<double> random_normal(const Shape& shape, const char* name) {
  Array<double> x(shape);
  fill_normal<double>(x, Rng(7).stream(name));
  return x;
}

/// Curvatures between 0.01 and 1, data of size 1.
inline DiagonalQuadratic quadratic(Index n) {
  DiagonalQuadratic f{Array<double>(Shape{n}), random_normal({n}, "data")};
  for (Index i = 0; i < n; ++i)
    f.d[i] = 0.01 + 0.99 * static_cast<double>(i) / static_cast<double>(std::max<Index>(1, n - 1));
  return f;
}

/// The same with its prox.
struct QuadraticProx {
  Array<double> d, y;
  void prox(ConstView<double> v, double gamma, View<double> out) const {
    for (Index i = 0; i < v.size(); ++i) out[i] = (v[i] + gamma * d[i] * y[i]) / (1 + gamma * d[i]);
  }
};

/// argmin of quadratic + weight l1, by coordinates: soft(y, weight/d).
inline Array<double> lasso_minimiser(const DiagonalQuadratic& f, double weight) {
  Array<double> x(f.y.shape());
  for (Index i = 0; i < x.size(); ++i)
    x[i] = std::copysign(std::max(0.0, std::abs(f.y[i]) - weight / f.d[i]), f.y[i]);
  return x;
}

inline double distance_of(const Array<double>& a, const Array<double>& b) {
  return fejer::distance(a, b);
}

}  // namespace fejer_test
