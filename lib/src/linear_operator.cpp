#include <fejer/linear_operator.hpp>

#include <cmath>

#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

namespace fejer {

// For a unit vector x, ||A*A x|| <= ||A||^2, and it is no smaller than the Rayleigh quotient.
template <class X, class Y>
double power_method_norm(const LinearOperator<X, Y>& A, int iterations, std::uint64_t seed) {
  Array<X> x(A.domain()), z(A.domain());
  if (x.size() == 0) return 0;
  fill_normal<X>(x, Rng(seed).stream("power method"));
  double best = 0;
  for (int i = 0; i < iterations; ++i) {
    const double length = norm(x);
    if (length == 0) break;
    scale<X>(x, static_cast<Real<X>>(1 / length));
    A.normal(x, z);
    const double ratio = norm(z) / norm(x);
    if (!std::isfinite(ratio))
      throw ArgumentError("power_method_norm: the operator of domain " + to_string(A.domain()) +
                          " returned a value that is not finite; check its data");
    best = std::max(best, ratio);
    std::swap(x, z);
  }
  return std::sqrt(best);
}

using Cf = std::complex<float>;
using Cd = std::complex<double>;
template double power_method_norm(const LinearOperator<float>&, int, std::uint64_t);
template double power_method_norm(const LinearOperator<double>&, int, std::uint64_t);
template double power_method_norm(const LinearOperator<Cf>&, int, std::uint64_t);
template double power_method_norm(const LinearOperator<Cd>&, int, std::uint64_t);
template double power_method_norm(const LinearOperator<float, Cf>&, int, std::uint64_t);
template double power_method_norm(const LinearOperator<double, Cd>&, int, std::uint64_t);
template double power_method_norm(const LinearOperator<Cf, float>&, int, std::uint64_t);
template double power_method_norm(const LinearOperator<Cd, double>&, int, std::uint64_t);

}  // namespace fejer
