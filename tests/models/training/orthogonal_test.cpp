#include <fejer/models/training/orthogonal.hpp>

#include <doctest/doctest.h>
#include <fejer/models/convolution.hpp>
#include <fejer/models/frequency_norm.hpp>
#include <fejer/models/training/fully_connected.hpp>
#include <fejer/vector.hpp>

#include "../small_models.hpp"
#include "differences.hpp"

using namespace fejer;
using namespace fejer_test;

TEST_CASE("orthonormalised matrices: rows or columns orthonormal, never longer than 1") {
  for (const Shape& shape : {Shape{5, 5}, Shape{3, 7}, Shape{7, 3}, Shape{1, 6}}) {
    const Array<double> w = random_array(shape, "w" + to_string(shape));
    const Array<double> q = Orthonormalised(w, 60).value();
    const Index m = shape[0], n = shape[1];
    const bool tall = m > n;
    for (Index i = 0; i < std::min(m, n); ++i)
      for (Index j = 0; j < std::min(m, n); ++j) {
        double sum = 0;
        for (Index k = 0; k < std::max(m, n); ++k)
          sum += tall ? q[k * n + i] * q[k * n + j] : q[i * n + k] * q[j * n + k];
        CHECK(sum == doctest::Approx(i == j ? 1 : 0).epsilon(1e-12).scale(1));
      }
    Array<double> kernel = Array<double>(Orthonormalised(w, 3).value()).reshaped({m, n, 1, 1});
    CHECK(frequency_norm(kernel).lower <= 1 + 1e-12);
  }
}

TEST_CASE("orthonormalised matrices: gradients through the iterations") {
  for (const Shape& shape : {Shape{4, 4}, Shape{3, 6}, Shape{6, 3}})
    for (const int iterations : {2, 25}) {
      const Array<double> w = random_array(shape, "w"), g = random_array(shape, "g");
      const auto value = [&](const Array<double>& v) {
        return dot(g, Orthonormalised(v, iterations).value());
      };
      CHECK(gradient_error(value, w, Orthonormalised(w, iterations).vjp(g)) < 1e-7);
    }
}

TEST_CASE("orthogonal convolutions keep norms, at every frequency and on circular images") {
  const Index shapes[][3] = {{4, 4, 3}, {6, 4, 3}, {4, 6, 3}, {1, 4, 3}, {4, 1, 3}, {4, 4, 5}};
  for (const auto& s : shapes) {
    const Array<double> m =
        random_array(OrthogonalConvolution::matrices_shape(s[0], s[1], s[2]), "m");
    const OrthogonalConvolution layer(m, s[0], s[1], 60);
    INFO(to_string(layer.weights().shape()));
    CHECK(frequency_norm(layer.weights()).lower == doctest::Approx(1).epsilon(1e-10));
    const Convolution<double> convolution(layer.weights(), Padding::circular);
    // In the direction in which the layer is an isometry.
    const bool forward = s[1] <= s[0];
    const Array<double> x = random_array({std::min(s[0], s[1]), 9, 12}, "x");
    Array<double> y(Shape{std::max(s[0], s[1]), 9, 12});
    if (forward)
      convolution.apply(x, y);
    else
      convolution.apply_adjoint(x, y);
    CHECK(norm(y) == doctest::Approx(norm(x)).epsilon(1e-10));
    double elsewhere = 0;  // more than a 1 x 1 convolution
    for (Index i = 0; i < layer.weights().size(); ++i)
      if (i % (s[2] * s[2]) != 0) elsewhere += std::pow(layer.weights()[i], 2);
    CHECK(elsewhere > 0.1);
  }
}

TEST_CASE("orthogonal convolutions: gradients for the matrices") {
  const Index shapes[][2] = {{4, 4}, {4, 3}, {2, 4}};
  for (const auto& s : shapes) {
    const Array<double> m = random_array(OrthogonalConvolution::matrices_shape(s[0], s[1], 3), "m");
    const OrthogonalConvolution layer(m, s[0], s[1]);
    const Array<double> g = random_array(layer.weights().shape(), "g");
    const auto value = [&](const Array<double>& v) {
      return dot(g, OrthogonalConvolution(v, s[0], s[1]).weights());
    };
    CHECK(gradient_error(value, m, layer.vjp(g)) < 1e-6);
  }
}

TEST_CASE("fully connected layers: value and gradients") {
  const Array<double> w = random_array({3, 5}, "w"), b = random_array({3}, "b");
  const Array<double> x = random_array({5, 7}, "x"), g = random_array({3, 7}, "g");
  const auto value = [&](const Array<double>& ww, const Array<double>& bb,
                         const Array<double>& xx) {
    Array<double> y(g.shape());
    fully_connected(ww, bb, xx, y);
    return dot(g, y);
  };
  Array<double> gw(w.shape()), gb(b.shape()), gx(x.shape());
  fully_connected_vjp(w, x, g, gx, gw, gb);
  CHECK(gradient_error([&](const auto& v) { return value(v, b, x); }, w, gw) < 1e-8);
  CHECK(gradient_error([&](const auto& v) { return value(w, v, x); }, b, gb) < 1e-8);
  CHECK(gradient_error([&](const auto& v) { return value(w, b, v); }, x, gx) < 1e-8);
}
