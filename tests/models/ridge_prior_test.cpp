#include <fejer/models/ridge_prior.hpp>

#include <doctest/doctest.h>
#include <fejer/vector.hpp>

#include "small_models.hpp"

using namespace fejer;
using namespace fejer_test;

TEST_CASE("RidgePrior is lambda R, as a smooth function") {
  const RidgeRegulariser<double> R(small_ridge());
  const SmoothFunction<double> f = RidgePrior<double>(R, 0.05, 3);
  const Array<double> x = random_array({1, 8, 9}, "x", 0.1);
  Array<double> g(x.shape()), r(x.shape());
  CHECK(f.value(x) == doctest::Approx(3 * R.value(x, 0.05)));
  CHECK(f.value_and_gradient(x, g) == doctest::Approx(3 * R.value(x, 0.05)));
  R.gradient(x, 0.05, r);
  for (Index i = 0; i < x.size(); ++i) CHECK(g[i] == doctest::Approx(3 * r[i]));
  CHECK(f.convexity() == -1.5);
  CHECK(f.lipschitz_interval().upper == doctest::Approx(3 * 1.01 * 4));
  const RidgePrior<double> published(R, 0.05, 3, NormRule::as_published);
  CHECK(published.lipschitz_interval().upper == doctest::Approx(12));
}

TEST_CASE("RidgePrior of a complex image: real and imaginary part, each an image of its own") {
  const RidgeRegulariser<double> R(small_ridge());
  using Complex = std::complex<double>;
  const SmoothFunction<Complex> f = RidgePrior<Complex>(R, 0.05, 2);
  const Array<double> re = random_array({1, 8, 9}, "re", 0.1),
                      im = random_array({1, 8, 9}, "im", 0.1);
  const Array<Complex> x = to_complex<double>(re, im);
  const double value = 2 * (R.value(re, 0.05) + R.value(im, 0.05));
  Array<Complex> g(x.shape()), h(x.shape());
  CHECK(f.value(x) == doctest::Approx(value));
  f.gradient(x, g);
  CHECK(f.value_and_gradient(x, h) == doctest::Approx(value));
  CHECK(same_bits(g, h));
  // <grad f, d> = Re sum conj(grad) d is the derivative along d.
  const Array<double> a = random_array(re.shape(), "a"), b = random_array(re.shape(), "b");
  const Array<Complex> d = to_complex<double>(a, b);
  Array<Complex> up = x, down = x;
  axpy<Complex>(1e-6, d, up);
  axpy<Complex>(-1e-6, d, down);
  CHECK((f.value(up) - f.value(down)) / 2e-6 == doctest::Approx(dot(g, d)).epsilon(1e-6));
}

TEST_CASE("RidgePrior refuses what is no weight or noise level") {
  const RidgeRegulariser<float> R(small_ridge());
  CHECK(throws_with<ArgumentError>([&] { RidgePrior<float> f(R, 0.05, 0); }, "lambda"));
  CHECK(throws_with<ArgumentError>([&] { RidgePrior<float> f(R, 25, 1); }, "25/255"));
}
