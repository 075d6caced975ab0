#include <fejer/function.hpp>

#include <cmath>

#include <doctest/doctest.h>
#include <fejer/vector.hpp>

using namespace fejer;

namespace {

/// curvature/2 ||x - centre||^2.
template <class X>
struct Quadratic {
  double curvature, centre;
  double value(ConstView<X> x) const {
    double sum = 0;
    for (const X& v : x) sum += std::norm(std::complex<double>(v) - centre);
    return curvature / 2 * sum;
  }
  void gradient(ConstView<X> x, View<X> out) const {
    for (Index i = 0; i < x.size(); ++i)
      out[i] = static_cast<Real<X>>(curvature) * (x[i] - static_cast<Real<X>>(centre));
  }
  Interval lipschitz_interval() const { return {std::abs(curvature), std::abs(curvature)}; }
  double convexity() const { return curvature; }
};

struct ProxOnly {  // prox only
  void prox(ConstView<double> v, double gamma, View<double> out) const {
    for (Index i = 0; i < v.size(); ++i)
      out[i] = std::copysign(std::max(std::abs(v[i]) - gamma, 0.0), v[i]);
  }
};

}  // namespace

TEST_CASE_TEMPLATE("a sum has the sum of values, gradients and moduli", X, float, double,
                   std::complex<float>, std::complex<double>) {
  const SmoothFunction<X> f = Quadratic<X>{2, 0}, g = Quadratic<X>{4, 1};
  const SmoothFunction<X> h = sum(f, 0.5, g);
  const Array<X> x(Shape{3}, X(2));
  CHECK(h.value(x) == 3 * 4 + 0.5 * 6);
  Array<X> gradient(Shape{3}), same(Shape{3});
  h.gradient(x, gradient);
  CHECK(gradient[1] == X(4 + 2));
  CHECK(h.value_and_gradient(x, same) == h.value(x));
  CHECK(distance(same, gradient) == 0);
  CHECK(h.convexity() == 4);
  CHECK(h.lipschitz_interval().lower == 2);
  CHECK(h.lipschitz_interval().upper == 4);
}

TEST_CASE("curvatures of opposite sign may cancel, and the interval says so") {
  const SmoothFunction<double> f = Quadratic<double>{3, 0}, g = Quadratic<double>{-2, 0};
  const Interval interval = sum(f, 1, g).lipschitz_interval();
  CHECK(interval.lower <= 1);  // the sum is x^2/2
  CHECK(interval.lower >= 0);
  CHECK(interval.upper == 5);
  CHECK(sum(f, 1, g).convexity() == 1);
}

TEST_CASE("weights must be finite and non-negative; zero leaves the first function") {
  const SmoothFunction<double> f = Quadratic<double>{3, 0};
  CHECK(sum(f, 0, f).lipschitz_interval().upper == 3);
  CHECK_THROWS_WITH_AS(sum(f, -1, f),
                       "sum of functions: got a weight of -1.000000, expected a finite number >= 0",
                       ArgumentError);
  CHECK_THROWS_AS(sum(f, std::nan(""), f), ArgumentError);
}

TEST_CASE("the handle of a prox checks gamma, shape and value") {
  const ProxFunction<double> g = ProxOnly{};
  const Array<double> v(Shape{2}, 3.0);
  Array<double> out(Shape{2}), wrong(Shape{3});
  g.prox(v, 1, out);
  CHECK(out[0] == 2);
  CHECK_THROWS_WITH_AS(g.prox(v, 0, out), "ProxFunction::prox: gamma must be positive",
                       ArgumentError);
  CHECK_THROWS_AS(g.prox(v, 1, wrong), ShapeError);
  CHECK(!g.has_value());
  CHECK_THROWS_AS(g.value(v), ArgumentError);
  CHECK(g.convexity() == 0);
}
