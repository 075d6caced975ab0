#pragma once
/// Products of a layer with its transposed Jacobians, in any precision, against differences of the
/// same layer in double.
#include <algorithm>
#include <cmath>
#include <string>

#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

namespace fejer_test {

/// What is required of it, relative to the norms.
template <class T>
inline constexpr double product_tolerance = sizeof(T) == 4 ? 1e-3 : 1e-6;

/// The largest |<J^T u, d> - <u, J d>| / (||u|| ||J d||) over three directions d of the state, and
/// over parameters i = 0, 1, ... with d = 1. J^T u: `layer.vjp` at x, to which parameter(gradient,
/// i) belongs; J d: central differences of `moved(i, h)`, the layer in double whose parameter i is
/// moved by h (i = -1: none).
template <class S, class Moved, class Parameter>
double product_error(const S& layer, typename S::Gradient gradient, const Moved& moved,
                     fejer::Index parameters, const Parameter& parameter,
                     const fejer::Array<double>& x, double h = 1e-6) {
  using namespace fejer;
  using T = typename S::Scalar;
  const Shape& shape = x.shape();
  const auto random = [&](const std::string& name) {
    Array<double> a(shape);
    fill_normal<double>(a, Rng(11).stream(name));
    return a;
  };
  // In T, and the same numbers in double.
  const auto rounded = [&](const Array<double>& from, Array<T>& to) {
    Array<double> same(shape);
    for (Index i = 0; i < from.size(); ++i) same[i] = to[i] = static_cast<T>(from[i]);
    return same;
  };
  Array<T> xs(shape), us(shape), out(shape), pulled(shape);
  const Array<double> at = rounded(x, xs), u = rounded(random("cotangent"), us);
  typename S::Saved saved;
  layer.forward(xs, out, &saved);
  layer.vjp(saved, us, pulled, &gradient);

  double worst = 0;
  Array<double> up(shape), down(shape), above(shape), below(shape);
  const auto compare = [&](Index i, double product) {
    moved(i, h).forward(up, above, nullptr);
    moved(i, -h).forward(down, below, nullptr);
    combine<double>(0.5 / h, above, -0.5 / h, below, above);
    const double size = norm(u) * norm(above), error = std::abs(dot(u, above) - product);
    worst = std::max(worst, size > 0 ? error / size : error);
  };
  for (int k = 0; k < 3; ++k) {
    const Array<double> d = random("direction " + std::to_string(k));
    combine<double>(1, at, h, d, up);
    combine<double>(1, at, -h, d, down);
    double product = 0;
    for (Index i = 0; i < d.size(); ++i) product += static_cast<double>(pulled[i]) * d[i];
    compare(-1, product);
  }
  up = down = at;
  for (Index i = 0; i < parameters; ++i) compare(i, static_cast<double>(parameter(gradient, i)));
  return worst;
}

}  // namespace fejer_test
