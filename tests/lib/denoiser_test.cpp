#include <fejer/denoiser.hpp>

#include <cmath>

#include <doctest/doctest.h>
#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

using namespace fejer;

namespace {

/// Soft threshold at sigma: the prox of sigma |x|, firmly non-expansive.
template <class X>
struct Threshold {
  Certificate given{Certificate::Kind::proven, 1, 0.5, 0, "closed form"};
  void denoise(ConstView<X> x, double sigma, View<X> out) const {
    for (Index i = 0; i < x.size(); ++i) {
      const double a = static_cast<double>(std::abs(x[i]));
      out[i] = a > sigma ? x[i] * static_cast<Real<X>>(1 - sigma / a) : X(0);
    }
  }
  Certificate certificate() const { return given; }
};

template <class X>
Array<X> run(const Denoiser<X>& d, const Array<X>& x, double sigma) {
  Array<X> out(x.shape());
  d.denoise(x, sigma, out);
  return out;
}

template <class X>
Array<X> some_values() {
  Array<X> x(Shape{1, 5, 7});
  fill_normal<X>(x, Rng(2).stream("image"));
  return x;
}

}  // namespace

TEST_CASE_TEMPLATE("averaged: beta D + (1 - beta) I and its certificate", X, float, double,
                   std::complex<float>, std::complex<double>) {
  const Denoiser<X> d = Threshold<X>{};
  const Array<X> three(Shape{1, 1, 2}, X(3));
  CHECK(std::abs(run(averaged(d, 0.25), three, 1)[1] - X(2.75)) < 1e-6);
  const Certificate c = averaged(d, 0.25).certificate();
  CHECK(c.kind == Certificate::Kind::proven);
  CHECK(c.lipschitz == 1);
  CHECK(c.averagedness == 0.125);
  CHECK(std::isinf(c.weak_convexity));
  CHECK(c.how == "closed form; averaged with beta = 0.250000");
  const Certificate same = averaged(d, 1).certificate();
  CHECK(same.weak_convexity == 0);
  CHECK(same.averagedness == 0.5);
}

TEST_CASE("averaged: certificates of expansive and unknown denoisers") {
  Threshold<double> expansive;
  expansive.given = {Certificate::Kind::estimated, 1.5, INFINITY, 0.2, ""};
  const Certificate c = averaged<double>(expansive, 0.5).certificate();
  CHECK(c.kind == Certificate::Kind::estimated);
  CHECK(c.lipschitz == 1.25);
  CHECK(std::isinf(c.averagedness));

  Threshold<double> non_expansive;  // nothing is said about averagedness, but L = 1 implies 1
  non_expansive.given = {Certificate::Kind::proven, 1, INFINITY, INFINITY, "by hand"};
  CHECK(averaged<double>(non_expansive, 0.5).certificate().averagedness == 0.5);

  Threshold<double> unknown;
  unknown.given = {};
  const Certificate none = averaged<double>(unknown, 0.5).certificate();
  CHECK(none.kind == Certificate::Kind::none);
  CHECK(std::isinf(none.lipschitz));
  CHECK(std::isinf(none.averagedness));
}

TEST_CASE("averaged: beta outside (0,1] is refused") {
  const Denoiser<double> d = Threshold<double>{};
  for (const double beta : {0.0, -0.5, 1.5, std::nan("")})
    CHECK_THROWS_AS(averaged(d, beta), ArgumentError);
  CHECK_THROWS_WITH_AS(averaged(d, 1.5),
                       "averaged: got beta = 1.500000, expected a number in (0, 1]", ArgumentError);
}

TEST_CASE("rescaled: a denoiser for 0..255 from one for [0,1]") {
  const Denoiser<double> d = Threshold<double>{};
  const Denoiser<double> d255 = rescaled(d, 255);
  Array<double> x(Shape{1, 1, 1}, 100.0);
  CHECK(run(d255, x, 25)[0] == doctest::Approx(75).epsilon(1e-14));
  CHECK(d255.certificate().lipschitz == 1);
  CHECK(d255.certificate().weak_convexity == 0);

  struct Square {  // not homogeneous: x -> x^2 + sigma
    void denoise(ConstView<double> v, double sigma, View<double> out) const {
      for (Index i = 0; i < v.size(); ++i) out[i] = v[i] * v[i] + sigma;
    }
    Certificate certificate() const { return {}; }
  };
  CHECK(run(rescaled<double>(Square{}, 10), x, 5)[0] == doctest::Approx(10 * (100 + 0.5)));
  CHECK_THROWS_WITH_AS(rescaled(d, 0),
                       "rescaled: got a scale of 0.000000, expected a finite positive number",
                       ArgumentError);
  CHECK_THROWS_AS(rescaled(d, INFINITY), ArgumentError);
}

TEST_CASE_TEMPLATE("on real and imaginary part, each as an image of its own", T, float, double) {
  using C = std::complex<T>;
  const Denoiser<C> d = on_real_and_imaginary<T>(Threshold<T>{});
  Array<C> x(Shape{1, 1, 1}, C(3, T(-0.5)));
  CHECK(run(d, x, 1)[0] == C(2, 0));
  CHECK(d.certificate().kind == Certificate::Kind::proven);
  CHECK(d.certificate().averagedness == 0.5);
  CHECK(d.certificate().how == "closed form");

  struct Negative {
    void denoise(ConstView<T> v, double, View<T> out) const {
      for (Index i = 0; i < v.size(); ++i) out[i] = -v[i];
    }
    Certificate certificate() const {
      return {Certificate::Kind::estimated, 1, 1, INFINITY, "odd"};
    }
  };
  for (const bool first : {true, false}) {
    const Denoiser<T> threshold = Threshold<T>{}, negative = Negative{};
    const Denoiser<C> two = first ? on_real_and_imaginary<T>(negative, threshold)
                                  : on_real_and_imaginary<T>(threshold, negative);
    CHECK(run(two, x, 1)[0] == (first ? C(-3, 0) : C(2, T(0.5))));
    const Certificate c = two.certificate();
    CHECK(c.kind == Certificate::Kind::estimated);
    CHECK(c.averagedness == 1);
    CHECK(std::isinf(c.weak_convexity));
    CHECK(c.how ==
          (first ? "odd; imaginary part: closed form" : "closed form; imaginary part: odd"));
  }
}

TEST_CASE_TEMPLATE("on the modulus, with the phase kept and the certificate dropped", T, float,
                   double) {
  using C = std::complex<T>;
  const Denoiser<C> d = on_magnitude<T>(Threshold<T>{});
  Array<C> x(Shape{1, 1, 2}, C(3, 4));
  x[1] = 0;
  const Array<C> y = run(d, x, 1);
  CHECK(std::abs(y[0] - C(T(2.4), T(3.2))) < 1e-6);
  CHECK(y[1] == C(0));
  CHECK(d.certificate().kind == Certificate::Kind::none);
  CHECK(std::isinf(d.certificate().lipschitz));

  struct Lift {  // |x| = 0 has no phase: the result is real
    void denoise(ConstView<T>, double, View<T> out) const { fill<T>(out, 2); }
    Certificate certificate() const { return {}; }
  };
  CHECK(run(on_magnitude<T>(Lift{}), x, 1)[1] == C(2));
}

TEST_CASE_TEMPLATE("red_gradient is x - D(x); as_prox ignores gamma", X, float, double,
                   std::complex<float>, std::complex<double>) {
  const Denoiser<X> d = Threshold<X>{};
  const Array<X> x = some_values<X>(), y = run(d, x, 0.5);
  Array<X> r(x.shape()), expected(x.shape()), p(x.shape());
  red_gradient<X>(d, 0.5, x, r);
  combine<X>(1, x, -1, y, expected);
  CHECK(distance(r, expected) == 0);
  const auto g = as_prox(d, 0.5);
  g.prox(x, 3, p);
  CHECK(distance(p, y) == 0);
  CHECK(!ProxFunction<X>(g).has_value());
}

TEST_CASE("a denoiser's output must have its input's shape") {
  const Denoiser<double> d = Threshold<double>{};
  Array<double> x(Shape{1, 2, 2}), y(Shape{1, 2, 3});
  CHECK_THROWS_WITH_AS(d.denoise(x, 1, y),
                       "Denoiser::denoise output: got (1,2,3), expected (1,2,2)", ShapeError);
}
