#include <fejer/check.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

namespace fejer {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

template <class X>
Array<X> random_normal(const Shape& shape, const Rng& rng, const char* purpose, int index) {
  Array<X> x(shape);
  fill_normal<X>(x, rng.stream(purpose + std::string("/") + std::to_string(index)));
  return x;
}

template <class X>
void normalise(Array<X>& x) {
  const double length = norm(x);
  if (length > 0) scale<X>(x, static_cast<Real<X>>(1 / length));
}

/// a / b, where 0 / 0 is 0.
double ratio(double a, double b) { return a == 0 ? 0 : a / b; }

}  // namespace

template <class X, class Y>
double adjoint_error(const LinearOperator<X, Y>& A, int pairs, std::uint64_t seed) {
  const Rng rng(seed);
  double worst = 0;
  for (int i = 0; i < pairs; ++i) {
    const Array<X> x = random_normal<X>(A.domain(), rng, "x", i);
    const Array<Y> y = random_normal<Y>(A.range(), rng, "y", i);
    const Array<Y> Ax = A.apply(x);
    const Array<X> Aty = A.apply_adjoint(y);
    if (!all_finite(Ax) || !all_finite(Aty)) return infinity;
    const double size = std::max(norm(Ax) * norm(y), norm(x) * norm(Aty));
    worst = std::max(worst, ratio(std::abs(dot(Ax, y) - dot(x, Aty)), size));
  }
  return worst;
}

template <class X>
double prox_violation(const ProxFunction<X>& g, ConstView<X> v, double gamma, int trials,
                      std::uint64_t seed) {
  const Rng rng(seed);
  Array<X> p(v.shape()), candidate(v.shape());
  g.prox(v, gamma, p);
  const auto objective = [&](ConstView<X> x) {
    const double d = distance(x, v);
    return g.value(x) + d * d / (2 * gamma);
  };
  const double claimed = objective(p);
  if (!std::isfinite(claimed)) return infinity;
  double best = claimed;
  const double size = std::max(norm<X>(v), std::sqrt(static_cast<double>(v.size())));
  for (int i = 0; i < trials; ++i) {
    // Distances from 1 to 1e-6 of the size; dense and single-element directions, and those
    // towards v and towards 0.
    const double step = size * std::pow(10.0, -6.0 * (i / 4) / std::max(1, trials / 4));
    Array<X> d(v.shape());
    if (i % 4 == 0) {
      d = random_normal<X>(v.shape(), rng, "direction", i);
    } else if (i % 4 == 1) {
      const RandomStream pick = rng.stream("element");
      const auto k = static_cast<std::uint64_t>(i);
      const auto at = pick.bits(2 * k) % static_cast<std::uint64_t>(std::max<Index>(1, v.size()));
      if (v.size() > 0) d[static_cast<Index>(at)] = X(static_cast<Real<X>>(pick.normal(2 * k + 1)));
    } else {
      d = i % 4 == 2 ? Array<X>(v) : Array<X>(v.shape());
      axpy<X>(-1, p, d);
    }
    normalise(d);
    for (const double sign : {1.0, -1.0}) {
      combine<X>(1, p, static_cast<Real<X>>(sign * step), d, candidate);
      best = std::min(best, objective(candidate));
    }
  }
  return (claimed - best) / (1 + std::abs(claimed));
}

template <class X, class Y>
NormInterval norm_interval(const LinearOperator<X, Y>& A, int iterations, std::uint64_t seed) {
  NormInterval interval = A.norm_interval();
  interval.lower = power_method_norm(A, iterations, seed);
  return interval;
}

template <class X>
double nonnegative_norm_bound(const std::function<void(ConstView<X>, View<X>)>& normal,
                              const Shape& domain, int products) {
  Array<X> v(domain, X(1)), w(domain);
  double bound = infinity;
  for (int k = 0; k < std::max(1, products); ++k) {
    normal(v, w);
    const double largest = max_abs<X>(w);
    if (largest == 0) return 0;
    if (!std::isfinite(largest))
      throw ArgumentError(
          "nonnegative_norm_bound: the operator returned a value that is not finite");
    double worst = 0;
    for (Index i = 0; i < v.size(); ++i) {
      if (static_cast<double>(w[i]) < -1e-4 * largest)
        throw ArgumentError(
            "nonnegative_norm_bound: A*A of a positive vector has a negative element; "
            "the bound needs an operator with non-negative entries");
      worst = std::max(worst, static_cast<double>(w[i]) / static_cast<double>(v[i]));
    }
    bound = std::min(bound, worst);
    // The next v is A*A v, kept positive where the operator does not reach.
    for (Index i = 0; i < v.size(); ++i)
      v[i] = static_cast<X>(std::max(static_cast<double>(w[i]) / largest, 1e-6));
  }
  const double rounding = 1 + 32 * static_cast<double>(std::numeric_limits<X>::epsilon());
  return std::sqrt(bound) * rounding;
}

double vjp_error(const Map& forward,
                 const std::function<void(ConstView<double>, ConstView<double>, View<double>)>& vjp,
                 ConstView<double> x, const Shape& range, double step, int directions,
                 std::uint64_t seed) {
  const Rng rng(seed);
  double worst = 0;
  for (int i = 0; i < directions; ++i) {
    Array<double> d = random_normal<double>(x.shape(), rng, "direction", i);
    const Array<double> ybar = random_normal<double>(range, rng, "ybar", i);
    Array<double> ahead(x.shape()), behind(x.shape()), xbar(x.shape());
    Array<double> f_ahead(range), f_behind(range);
    combine<double>(1, x, step, d, ahead);
    combine<double>(1, x, -step, d, behind);
    forward(ahead, f_ahead);
    forward(behind, f_behind);
    combine<double>(0.5 / step, f_ahead, -0.5 / step, f_behind, f_ahead);  // now J d
    vjp(x, ybar, xbar);
    if (!all_finite(f_ahead) || !all_finite(xbar)) return infinity;
    const double difference = std::abs(dot(ybar, f_ahead) - dot(xbar, d));
    worst = std::max(worst, ratio(difference, norm(ybar) * norm(f_ahead)));
  }
  return worst;
}

// Random directions at several distances; the image of the best direction is tried next, which
// for a symmetric Jacobian is the power method, and random changes of it, which need no symmetry.
template <class X>
double lipschitz_lower_bound(const std::function<void(ConstView<X>, View<X>)>& map, ConstView<X> x,
                             int steps, std::uint64_t seed) {
  const Rng rng(seed);
  const double size = std::max(norm<X>(x), std::sqrt(static_cast<double>(x.size())));
  Array<X> at_x(x.shape()), moved(x.shape()), at_moved(x.shape());
  map(x, at_x);
  double best = 0;
  Array<X> best_direction;
  const auto attempt = [&](Array<X>& d, double h) {
    normalise(d);
    combine<X>(1, x, static_cast<Real<X>>(h), d, moved);
    map(moved, at_moved);
    const double found = ratio(distance(at_moved, at_x), distance<X>(moved, x));
    axpy<X>(-1, at_x, at_moved);  // now the image of the direction
    if (found > best) {
      best = found;
      best_direction = d;
    }
  };
  for (int i = 0; i < steps; ++i) {
    const double h = size * std::pow(10.0, -(i % 3) - 0.5);
    Array<X> d = random_normal<X>(x.shape(), rng, "direction", i);
    if (best_direction.size() > 0 && i % 2 == 1) {
      normalise(d);
      axpy<X>(2, best_direction, d);
    }
    attempt(d, h);
    for (int power = 0; power < 3; ++power) {
      Array<X> image(at_moved);
      attempt(image, h);
    }
  }
  return best;
}

using Cf = std::complex<float>;
using Cd = std::complex<double>;
template double adjoint_error(const LinearOperator<float>&, int, std::uint64_t);
template NormInterval norm_interval(const LinearOperator<float>&, int, std::uint64_t);
template double adjoint_error(const LinearOperator<double>&, int, std::uint64_t);
template NormInterval norm_interval(const LinearOperator<double>&, int, std::uint64_t);
template double adjoint_error(const LinearOperator<Cf>&, int, std::uint64_t);
template NormInterval norm_interval(const LinearOperator<Cf>&, int, std::uint64_t);
template double adjoint_error(const LinearOperator<Cd>&, int, std::uint64_t);
template NormInterval norm_interval(const LinearOperator<Cd>&, int, std::uint64_t);
template double adjoint_error(const LinearOperator<float, Cf>&, int, std::uint64_t);
template NormInterval norm_interval(const LinearOperator<float, Cf>&, int, std::uint64_t);
template double adjoint_error(const LinearOperator<double, Cd>&, int, std::uint64_t);
template NormInterval norm_interval(const LinearOperator<double, Cd>&, int, std::uint64_t);
template double adjoint_error(const LinearOperator<Cf, float>&, int, std::uint64_t);
template NormInterval norm_interval(const LinearOperator<Cf, float>&, int, std::uint64_t);
template double adjoint_error(const LinearOperator<Cd, double>&, int, std::uint64_t);
template NormInterval norm_interval(const LinearOperator<Cd, double>&, int, std::uint64_t);
template double prox_violation(const ProxFunction<float>&, ConstView<float>, double, int,
                               std::uint64_t);
template double lipschitz_lower_bound(const std::function<void(ConstView<float>, View<float>)>&,
                                      ConstView<float>, int, std::uint64_t);
template double prox_violation(const ProxFunction<double>&, ConstView<double>, double, int,
                               std::uint64_t);
template double lipschitz_lower_bound(const std::function<void(ConstView<double>, View<double>)>&,
                                      ConstView<double>, int, std::uint64_t);
template double prox_violation(const ProxFunction<Cf>&, ConstView<Cf>, double, int, std::uint64_t);
template double lipschitz_lower_bound(const std::function<void(ConstView<Cf>, View<Cf>)>&,
                                      ConstView<Cf>, int, std::uint64_t);
template double prox_violation(const ProxFunction<Cd>&, ConstView<Cd>, double, int, std::uint64_t);
template double lipschitz_lower_bound(const std::function<void(ConstView<Cd>, View<Cd>)>&,
                                      ConstView<Cd>, int, std::uint64_t);
template double nonnegative_norm_bound(const std::function<void(ConstView<float>, View<float>)>&,
                                       const Shape&, int);
template double nonnegative_norm_bound(const std::function<void(ConstView<double>, View<double>)>&,
                                       const Shape&, int);

}  // namespace fejer
