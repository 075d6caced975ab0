#include <fejer/function.hpp>

#include <algorithm>
#include <cmath>

#include <fejer/vector.hpp>

namespace fejer {
namespace {

template <class X>
class Sum {
 public:
  Sum(SmoothFunction<X> f, double weight, SmoothFunction<X> g)
      : f_(std::move(f)), g_(std::move(g)), weight_(weight) {}

  double value(ConstView<X> x) const { return f_.value(x) + weight_ * g_.value(x); }
  void gradient(ConstView<X> x, View<X> out) const {
    Array<X> part(x.shape());
    f_.gradient(x, out);
    g_.gradient(x, part);
    axpy<X>(static_cast<Real<X>>(weight_), part, out);
  }
  double value_and_gradient(ConstView<X> x, View<X> out) const {
    Array<X> part(x.shape());
    const double f = f_.value_and_gradient(x, out);
    const double g = g_.value_and_gradient(x, part);
    axpy<X>(static_cast<Real<X>>(weight_), part, out);
    return f + weight_ * g;
  }
  /// Curvatures of convex functions add up and cannot cancel; others may.
  Interval lipschitz_interval() const {
    const Interval f = f_.lipschitz_interval(), g = g_.lipschitz_interval();
    const double g_lower = weight_ * g.lower, g_upper = weight_ * g.upper;
    const double lower = f_.convexity() >= 0 && g_.convexity() >= 0
                             ? std::max(f.lower, g_lower)
                             : std::max({0.0, f.lower - g_upper, g_lower - f.upper});
    return {lower, f.upper + g_upper};
  }
  double convexity() const { return f_.convexity() + weight_ * g_.convexity(); }

 private:
  SmoothFunction<X> f_, g_;
  double weight_;
};

}  // namespace

template <class X>
SmoothFunction<X> sum(SmoothFunction<X> f, double weight, SmoothFunction<X> g) {
  if (!(weight >= 0) || !std::isfinite(weight))
    throw ArgumentError("sum of functions: got a weight of " + std::to_string(weight) +
                        ", expected a finite number >= 0");
  if (weight == 0) return f;
  return Sum<X>(std::move(f), weight, std::move(g));
}

template SmoothFunction<float> sum(SmoothFunction<float>, double, SmoothFunction<float>);
template SmoothFunction<double> sum(SmoothFunction<double>, double, SmoothFunction<double>);
template SmoothFunction<std::complex<float>> sum(SmoothFunction<std::complex<float>>, double,
                                                 SmoothFunction<std::complex<float>>);
template SmoothFunction<std::complex<double>> sum(SmoothFunction<std::complex<double>>, double,
                                                  SmoothFunction<std::complex<double>>);

}  // namespace fejer
