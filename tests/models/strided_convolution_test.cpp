#include <fejer/models/strided_convolution.hpp>

#include <doctest/doctest.h>
#include <fejer/check.hpp>
#include <fejer/vector.hpp>

#include "small_models.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

Array<double> naive(const Array<double>& w, const Array<double>& bias, const Array<double>& x) {
  const Index out = w.shape()[0], in = w.shape()[1], s = w.shape()[2];
  const Index H = x.shape()[1], W = x.shape()[2];
  Array<double> y(Shape{out, H / s, W / s});
  for (Index o = 0; o < out; ++o)
    for (Index r = 0; r < H / s; ++r)
      for (Index c = 0; c < W / s; ++c) {
        double sum = bias[o];
        for (Index i = 0; i < in; ++i)
          for (Index p = 0; p < s; ++p)
            for (Index q = 0; q < s; ++q)
              sum += w[((o * in + i) * s + p) * s + q] * x[(i * H + s * r + p) * W + s * c + q];
        y[(o * (H / s) + r) * (W / s) + c] = sum;
      }
  return y;
}

struct StridedLayer {
  StridedConvolution<double> convolution;
  Shape input;
  Shape domain() const { return input; }
  Shape range() const { return convolution.output_shape(input); }
  void apply(ConstView<double> x, View<double> y) const { convolution.apply(x, y); }
  void apply_adjoint(ConstView<double> y, View<double> x) const { convolution.apply_adjoint(y, x); }
};

}  // namespace

TEST_CASE("StridedConvolution by hand") {
  Array<double> w(Shape{1, 1, 2, 2}), b(Shape{1}, 0.5), x(Shape{1, 2, 4}), y(Shape{1, 1, 2});
  for (Index i = 0; i < 4; ++i) w[i] = std::pow(10.0, static_cast<double>(i));
  for (Index i = 0; i < 8; ++i) x[i] = static_cast<double>(i + 1);
  const StridedConvolution<double> layer(w, b);
  CHECK(layer.stride() == 2);
  layer.apply(x, y);
  CHECK(y[0] == 1 + 20 + 500 + 6000 + 0.5);
  CHECK(y[1] == 3 + 40 + 700 + 8000 + 0.5);
  y[0] = 1;
  y[1] = 2;
  layer.apply_adjoint(y, x);
  const double expected[] = {1, 10, 2, 20, 100, 1000, 200, 2000};
  for (Index i = 0; i < 8; ++i) CHECK(x[i] == expected[i]);
}

TEST_CASE("StridedConvolution equals its definition; adjoint and gradients") {
  const ScopedThreads one(1);
  const RandomStream s = Rng(5).stream("shapes");
  for (std::uint64_t trial = 0; trial < 60; ++trial) {
    const auto up_to = [&](std::uint64_t i, double n) {
      return 1 + static_cast<Index>(s.uniform(8 * trial + i) * n);
    };
    const Index in = up_to(0, 7), out = up_to(1, 11), stride = up_to(2, 3);
    const Shape image{in, stride * up_to(3, 9), stride * up_to(4, 40)};
    const std::string name = std::to_string(trial);
    const Array<double> w = random_array({out, in, stride, stride}, "w" + name);
    const Array<double> b = random_array({out}, "b" + name), x = random_array(image, "x" + name);
    CAPTURE(to_string(w.shape()));
    CAPTURE(to_string(image));
    const StridedConvolution<double> layer(w, b);
    const Array<double> expected = naive(w, b, x);
    Array<double> y(expected.shape());
    layer.apply(x, y);
    CHECK(largest_difference(y, expected) < 1e-12);
    const StridedConvolution<float> single(converted<float>(w), converted<float>(b));
    Array<float> yf(y.shape());
    const Array<float> xf = converted<float>(x);
    single.apply(xf, yf);
    CHECK(largest_difference(yf, converted<float>(expected)) < 1e-4);
    CHECK(adjoint_error(LinearOperator<double>(StridedLayer{StridedConvolution<double>(w), image}),
                        1) < 1e-14);
    // <g, y> is linear in (w, b), and homogeneous once b is counted.
    const Array<double> g = random_array(y.shape(), "g" + name);
    Array<double> of_w(w.shape()), of_b(b.shape());
    layer.weight_gradient(x, g, of_w, of_b);
    const Array<double> other = random_array(w.shape(), "d" + name);
    CHECK(dot(of_w, other) + dot(of_b, b) ==
          doctest::Approx(dot(g, naive(other, b, x))).epsilon(1e-11).scale(10));
  }
}

TEST_CASE("StridedConvolution: the same bits for 1, 2 and 4 threads, alone and in a batch") {
  const StridedConvolution<float> layer(random_array<float>({9, 5, 2, 2}, "w"));
  const Array<float> x = random_array<float>({20, 5, 34, 46}, "x");
  const Array<float> g = random_array<float>(layer.output_shape(x.shape()), "g");
  Array<float> first[3];
  for (const int threads : {1, 2, 4}) {
    const ScopedThreads limit(threads);
    Array<float> y(g.shape()), z(x.shape()), w(layer.weights().shape()), b;
    layer.apply(x, y);
    layer.apply_adjoint(g, z);
    layer.weight_gradient(x, g, w, b);
    const Array<float> now[] = {y, z, w};
    for (int i = 0; i < 3; ++i) {
      if (threads == 1) first[i] = now[i];
      CHECK(same_bits(now[i], first[i]));
    }
    Array<float> alone(Shape{9, 17, 23});
    layer.apply(ConstView<float>(x).slice(7), alone);
    CHECK(std::equal(alone.begin(), alone.end(), y.data() + 7 * alone.size()));
  }
}

TEST_CASE("StridedConvolution refuses what does not fit") {
  CHECK(throws_with<ShapeError>(
      [] {
        StridedConvolution<float> c(Array<float>(Shape{1, 1, 2, 3}));
      },
      "(out, in, s, s)"));
  const StridedConvolution<float> layer(Array<float>(Shape{2, 3, 2, 2}));
  CHECK(throws_with<ShapeError>([&] { layer.output_shape({3, 4, 5}); }, "multiples of 2"));
  CHECK(throws_with<ShapeError>([&] { layer.output_shape({2, 4, 4}); }, "(3, H, W)"));
}
