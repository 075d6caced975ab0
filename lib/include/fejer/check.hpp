#pragma once
/// Checkers that the tests use and that users can call on types of their own.
#include <cstdint>
#include <functional>

#include <fejer/array.hpp>
#include <fejer/function.hpp>
#include <fejer/linear_operator.hpp>

namespace fejer {

/// max over random pairs of |Re<Ax,y> - Re<x,A*y>| / max(||Ax|| ||y||, ||x|| ||A*y||).
/// Relative to norms, since the inner product itself may be tiny. About 1e-15 in double.
template <class X, class Y>
double adjoint_error(const LinearOperator<X, Y>& A, int pairs = 2, std::uint64_t seed = 1);

/// How far the claimed prox point p = prox(v, gamma) is from a minimiser: the largest decrease of
/// g(x) + ||x - v||^2/(2 gamma) found at random points around p, relative to 1 + |objective|.
/// 0 (to rounding) for a true prox. Needs g.has_value().
template <class X>
double prox_violation(const ProxFunction<X>& g, ConstView<X> v, double gamma, int trials = 200,
                      std::uint64_t seed = 1);

/// Lower end by the power method, upper end as the operator states it.
template <class X, class Y>
NormInterval norm_interval(const LinearOperator<X, Y>& A, int iterations = 100,
                           std::uint64_t seed = 1);

/// Rigorous upper end for ||A|| (not its square), A with non-negative entries:
/// ||A||^2 <= max_i (A*A v)_i / v_i for any v > 0; v from `products` steps of the power method.
/// `normal` is out = A*A x. Throws ArgumentError where a negative element shows up.
template <class X>
double nonnegative_norm_bound(const std::function<void(ConstView<X>, View<X>)>& normal,
                              const Shape& domain, int products = 12);

/// Relative error of <ybar, J d> between central differences of `forward` and `vjp`, the largest
/// over random directions: |<ybar, (f(x+hd) - f(x-hd))/2h> - <f'(x)^T ybar, d>| / (||ybar|| ||Jd||).
using Map = std::function<void(ConstView<double>, View<double>)>;
double vjp_error(const Map& forward,
                 const std::function<void(ConstView<double> x, ConstView<double> ybar,
                                          View<double> xbar)>& vjp,
                 ConstView<double> x, const Shape& range, double step = 1e-6, int directions = 5,
                 std::uint64_t seed = 1);

/// Largest ||D(x) - D(y)|| / ||x - y|| found on random pairs and by local search: a lower end of
/// the Lipschitz constant of any map.
template <class X>
double lipschitz_lower_bound(const std::function<void(ConstView<X>, View<X>)>& map,
                             ConstView<X> x, int steps = 20, std::uint64_t seed = 1);

}  // namespace fejer
