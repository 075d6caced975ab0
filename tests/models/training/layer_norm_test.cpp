#include <fejer/models/training/layer_norm.hpp>

#include <doctest/doctest.h>
#include <fejer/models/frequency_norm.hpp>
#include <fejer/vector.hpp>

#include "../small_models.hpp"
#include "differences.hpp"

using namespace fejer;
using namespace fejer_test;

TEST_CASE("frequency_norm_gradient: the proven bound, and its gradient") {
  const Shape shapes[] = {{4, 4, 3, 3}, {1, 6, 3, 3}, {6, 1, 3, 3}, {3, 5, 5, 3}, {8, 8, 1, 1}};
  for (const Shape& shape : shapes) {
    const Array<double> w = random_array(shape, "w" + to_string(shape));
    const NormGradient norm = frequency_norm_gradient(w);
    CHECK(norm.value == doctest::Approx(frequency_norm(w).upper).epsilon(1e-9));
    const auto value = [](const Array<double>& v) { return frequency_norm_gradient(v).value; };
    CHECK(gradient_error(value, w, norm.gradient, 1e-6, 3) < 1e-6);
    // Homogeneous of degree 1.
    CHECK(dot(norm.gradient, w) == doctest::Approx(norm.value));
  }
}

TEST_CASE("frequency_norm_gradient finds the maximum of many kernels") {
  for (int trial = 0; trial < 40; ++trial) {
    const Array<double> w = random_array({6, 6, 3, 3}, "trial" + std::to_string(trial));
    CHECK(frequency_norm_gradient(w).value ==
          doctest::Approx(frequency_norm(w).upper).epsilon(1e-9));
  }
}

TEST_CASE("power_norm_gradient: below the bound, close to it, and its gradient") {
  // With a mean, so that the largest singular value stands apart and the power method converges:
  // before it has, a gradient for fixed vectors is not that of the value.
  Array<double> w = random_array({3, 4, 3, 3}, "w");
  for (double& tap : w) tap += 1;
  for (const Padding padding : {Padding::zero, Padding::circular}) {
    const NormGradient norm = power_norm_gradient(w, padding, 9, 8, 300);
    CHECK(norm.value <= frequency_norm(w).upper);
    CHECK(norm.value > 0.8 * frequency_norm(w).upper);
    const auto value = [&](const Array<double>& v) {
      return power_norm_gradient(v, padding, 9, 8, 300).value;
    };
    CHECK(gradient_error(value, w, norm.gradient, 1e-5, 11) < 1e-6);
  }
}

TEST_CASE("normalised kernels: gradient through the division") {
  const Array<double> w = random_array({4, 3, 3, 3}, "w"), g = random_array(w.shape(), "g");
  const auto value = [&](const Array<double>& v) {
    return dot(g, v) / frequency_norm_gradient(v).value;
  };
  CHECK(gradient_error(value, w, normalised_vjp(w, frequency_norm_gradient(w), g), 1e-6, 3) < 1e-6);
}

TEST_CASE("norms with gradients refuse what is no kernel") {
  CHECK(throws_with<ShapeError>(
      [] {
        frequency_norm_gradient(Array<double>(Shape{3, 3}));
      },
      "(out, in, kh, kw)"));
  CHECK(throws_with<ArgumentError>(
      [] {
        frequency_norm_gradient(Array<double>(Shape{2, 2, 3, 3}));
      },
      "zero"));
}
