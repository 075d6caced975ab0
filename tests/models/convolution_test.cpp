#include <fejer/models/convolution.hpp>

#include <doctest/doctest.h>
#include <fejer/check.hpp>
#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

#include "small_models.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

/// The pixel that stands for pixel i of an axis, -1 for a zero.
Index seen(Index i, Index n, Padding padding) {
  while (i < 0 || i >= n) {
    if (padding == Padding::zero || padding == Padding::valid) return -1;
    if (padding == Padding::circular) i += i < 0 ? n : -n;
    if (padding == Padding::reflect) i = n == 1 ? 0 : (i < 0 ? -i : 2 * (n - 1) - i);
    if (padding == Padding::replicate) i = i < 0 ? 0 : n - 1;
  }
  return i;
}

/// The definition, sum by sum.
Array<double> naive(const Array<double>& w, const Array<double>& bias, const Array<double>& x,
                    Padding padding) {
  const bool valid = padding == Padding::valid;
  const Index pad_rows = valid ? 0 : w.shape()[2] / 2, pad_columns = valid ? 0 : w.shape()[3] / 2;
  const Index out = w.shape()[0], in = w.shape()[1], kh = w.shape()[2], kw = w.shape()[3];
  const Index H = x.shape()[1], W = x.shape()[2];
  Array<double> y(Shape{out, H + 2 * pad_rows - kh + 1, W + 2 * pad_columns - kw + 1});
  for (Index o = 0; o < out; ++o)
    for (Index r = 0; r < y.shape()[1]; ++r)
      for (Index c = 0; c < y.shape()[2]; ++c) {
        double sum = bias.size() > 0 ? bias[o] : 0;
        for (Index i = 0; i < in; ++i)
          for (Index p = 0; p < kh; ++p)
            for (Index q = 0; q < kw; ++q) {
              const Index yy = seen(r + p - pad_rows, H, padding);
              const Index xx = seen(c + q - pad_columns, W, padding);
              if (yy >= 0 && xx >= 0)
                sum += w[((o * in + i) * kh + p) * kw + q] * x[(i * H + yy) * W + xx];
            }
        y[(o * y.shape()[1] + r) * y.shape()[2] + c] = sum;
      }
  return y;
}

/// A layer as an operator, so that the public checker can take it.
struct Layer {
  Convolution<double> convolution;
  Shape input;
  Shape domain() const { return input; }
  Shape range() const { return convolution.output_shape(input); }
  void apply(ConstView<double> x, View<double> y) const { convolution.apply(x, y); }
  void apply_adjoint(ConstView<double> y, View<double> x) const { convolution.apply_adjoint(y, x); }
};

Index odd(const RandomStream& s, std::uint64_t i, Index largest) {
  return 1 + 2 * static_cast<Index>(s.uniform(i) * static_cast<double>((largest + 1) / 2));
}

}  // namespace

TEST_CASE("Convolution by hand: a correlation, not flipped, centred, with bias") {
  Array<double> w(Shape{1, 1, 1, 3}), b(Shape{1}), x(Shape{1, 1, 4}), y(x.shape());
  w[0] = 1;
  w[1] = 10;
  w[2] = 100;
  b[0] = 0.5;
  for (Index i = 0; i < 4; ++i) x[i] = static_cast<double>(i + 1);
  const Convolution<double> zero(w, b);
  zero.apply(x, y);
  const double expected[] = {210.5, 321.5, 432.5, 43.5};
  for (Index i = 0; i < 4; ++i) CHECK(y[i] == expected[i]);
  zero.apply_adjoint(x, y);  // flipped, without the bias
  const double adjoint[] = {12, 123, 234, 340};
  for (Index i = 0; i < 4; ++i) CHECK(y[i] == adjoint[i]);
  const Convolution<double> valid(w, Padding::valid);
  CHECK(valid.output_shape(x.shape()) == Shape{1, 1, 2});
  Array<double> short_y(Shape{1, 1, 2});
  valid.apply(x, short_y);
  CHECK(short_y[0] == 321);
  CHECK(short_y[1] == 432);
}

TEST_CASE("Convolution equals its definition for all block sizes, kernels and image sizes") {
  const ScopedThreads one(1);  // small images
  const RandomStream s = Rng(3).stream("shapes");
  for (std::uint64_t trial = 0; trial < 220; ++trial) {
    const std::uint64_t k = 8 * trial;
    const bool many = trial % 12 == 0;  // these go by patches
    const Index in = (many ? 32 : 1) + static_cast<Index>(s.uniform(k) * 9);
    const Index out = (many ? 32 : 1) + static_cast<Index>(s.uniform(k + 1) * 14);
    const Index largest = many ? 5 : 13;
    const Index kh = odd(s, k + 2, largest), kw = odd(s, k + 3, largest);
    const auto padding = static_cast<Padding>(trial % 5);
    Index H = 1 + static_cast<Index>(s.uniform(k + 5) * 20);
    Index W = 1 + static_cast<Index>(s.uniform(k + 6) * 70);
    if (padding == Padding::valid) {
      H += kh - 1;
      W += kw - 1;
    }
    const std::string name = std::to_string(trial);
    const Array<double> w = random_array({out, in, kh, kw}, "w" + name);
    const Array<double> b = random_array({out}, "b" + name),
                        x = random_array({in, H, W}, "x" + name);
    const Array<double> expected = naive(w, b, x, padding);
    CAPTURE(to_string(w.shape()));
    CAPTURE(to_string(x.shape()));
    const double scale = std::sqrt(static_cast<double>(in * kh * kw));
    const Convolution<double> layer(w, b, padding);
    Array<double> y(expected.shape());
    layer.apply(x, y);
    CHECK(largest_difference(y, expected) < 1e-13 * scale);
    const Convolution<float> single(converted<float>(w), converted<float>(b), padding);
    Array<float> yf(expected.shape());
    const Array<float> xf = converted<float>(x);
    single.apply(xf, yf);
    CHECK(largest_difference(yf, converted<float>(expected)) < 2e-5 * scale);
    const Convolution<double> linear(w, padding);
    CHECK(adjoint_error(LinearOperator<double>(Layer{linear, x.shape()}), 1) < 1e-14);
    // <g, apply(x)> is linear in weights and bias: its gradients against those along one-hot ones.
    const Array<double> g = random_array(y.shape(), "g" + name);
    Array<double> of_w(w.shape(), 0.5), of_b(b.shape(), -1.0);  // the gradients are added
    layer.weight_gradient(x, g, of_w, of_b);
    for (int probe = 0; probe < 2; ++probe) {
      const auto at = s.uniform(static_cast<std::uint64_t>(probe) + 100 * k);
      const Index i = static_cast<Index>(at * static_cast<double>(w.size()));
      Array<double> hot(w.shape());
      hot[i] = 1;
      const double expected_w = dot(g, naive(hot, Array<double>(), x, padding));
      CHECK(of_w[i] - 0.5 == doctest::Approx(expected_w).epsilon(1e-11).scale(10));
    }
    for (Index o = 0; o < out; ++o) {
      double sum = 0;
      for (Index i = 0; i < g.size() / out; ++i) sum += g[o * (g.size() / out) + i];
      CHECK(of_b[o] + 1 == doctest::Approx(sum).epsilon(1e-12).scale(10));
    }
    Array<float> wf(w.shape()), none;
    const Array<float> gf = converted<float>(g);
    single.weight_gradient(xf, gf, wf, none);
    Array<double> exact(w.shape()), bias_free;
    layer.weight_gradient(x, g, exact, bias_free);
    const double bound = 1e-6 * norm(x) * norm(g) / std::sqrt(static_cast<double>(in * out));
    CHECK(largest_difference(wf, converted<float>(exact)) < bound);
  }
}

TEST_CASE("Convolution of wide images, whose channels go through the caches some at a time") {
  for (const Index out : {1, 2, 10}) {
    CAPTURE(out);
    const Shape image{17, 7, 701};
    const Array<double> w = random_array({out, 17, 3, 3}, "w"), b = random_array({out}, "b"),
                        x = random_array(image, "x");
    for (const Padding padding : {Padding::zero, Padding::reflect}) {
      const Array<double> expected = naive(w, b, x, padding);
      Array<double> y(expected.shape());
      Convolution<double>(w, b, padding).apply(x, y);
      CHECK(largest_difference(y, expected) < 1e-13 * std::sqrt(17 * 9.0));
      Array<float> yf(expected.shape());
      const Array<float> xf = converted<float>(x);
      Convolution<float>(converted<float>(w), converted<float>(b), padding).apply(xf, yf);
      CHECK(largest_difference(yf, converted<float>(expected)) < 2e-5 * std::sqrt(17 * 9.0));
      const Convolution<double> linear(w, padding);
      CHECK(adjoint_error(LinearOperator<double>(Layer{linear, image}), 1) < 1e-14);
    }
  }
}

TEST_CASE("Convolution of a batch: each sample alone, gradients added up, for any thread count") {
  for (const Index count : {3, 37}) {
    const Shape images{count, 3, 11, 18};
    const Array<float> x = random_array<float>(images, "x"),
                       w = random_array<float>({5, 3, 3, 5}, "w");
    const Convolution<float> layer(w, random_array<float>({5}, "b"), Padding::circular);
    const Array<float> g = random_array<float>(layer.output_shape(images), "g");
    Array<float> of_w(w.shape()), of_b(Shape{5}), sum_w(w.shape()), sum_b(Shape{5});
    layer.weight_gradient(x, g, of_w, of_b);
    Array<float> y(g.shape()), back(x.shape());
    layer.apply(x, y);
    layer.apply_adjoint(g, back);
    for (Index n = 0; n < count; ++n) {
      Array<float> yn(Shape{5, 11, 18}), xn(Shape{3, 11, 18});
      layer.apply(ConstView<float>(x).slice(n), yn);
      layer.apply_adjoint(ConstView<float>(g).slice(n), xn);
      CHECK(std::equal(yn.begin(), yn.end(), y.data() + n * yn.size()));
      CHECK(std::equal(xn.begin(), xn.end(), back.data() + n * xn.size()));
      layer.weight_gradient(ConstView<float>(x).slice(n), ConstView<float>(g).slice(n), sum_w,
                            sum_b);
    }
    CHECK(largest_difference(sum_w, of_w) < 1e-3);
    CHECK(largest_difference(sum_b, of_b) < 1e-3);
    for (const int threads : {1, 2, 4}) {
      const ScopedThreads limit(threads);
      Array<float> again_w(w.shape()), again_b(Shape{5}), again_y(y.shape());
      layer.weight_gradient(x, g, again_w, again_b);
      layer.apply(x, again_y);
      CHECK(same_bits(again_w, of_w));
      CHECK(same_bits(again_b, of_b));
      CHECK(same_bits(again_y, y));
    }
  }
}

TEST_CASE("Convolution gives the same bits for 1, 2 and 4 threads") {
  struct Case {
    Shape weights, image;
  };
  // Rows, patches, and channels some at a time.
  for (const Case& c : {Case{{7, 3, 5, 5}, {3, 67, 61}}, Case{{130, 40, 3, 3}, {40, 21, 37}},
                        Case{{3, 40, 3, 3}, {40, 70, 300}}}) {
    const Convolution<float> layer(random_array<float>(c.weights, "w"));
    const Array<float> x = random_array<float>(c.image, "x");
    Array<float> first, back, gradient;
    for (const int threads : {1, 2, 4}) {
      const ScopedThreads limit(threads);
      Array<float> y(layer.output_shape(c.image)), z(x.shape()), w(layer.weights().shape()), b;
      layer.apply(x, y);
      layer.apply_adjoint(y, z);
      layer.weight_gradient(x, y, w, b);
      if (threads == 1) {
        first = y;
        back = z;
        gradient = w;
      }
      CHECK(same_bits(y, first));
      CHECK(same_bits(z, back));
      CHECK(same_bits(w, gradient));
    }
  }
}

TEST_CASE("Convolution of nothing is nothing") {
  const Convolution<float> layer(random_array<float>({3, 2, 1, 1}, "w"));
  const Array<float> y(Shape{3, 4, 0});
  Array<float> x(Shape{2, 4, 0});
  layer.apply_adjoint(y, x);
  CHECK(x.size() == 0);
}

TEST_CASE("Convolution keeps NaN where it belongs") {
  const Convolution<float> layer(random_array<float>({1, 1, 3, 3}, "w"));
  Array<float> x(Shape{1, 9, 40}, 1.0F), y(x.shape());
  x[4 * 40 + 20] = std::nanf("");
  layer.apply(x, y);
  int count = 0;
  for (const float v : y) count += std::isnan(v) ? 1 : 0;
  CHECK(count == 9);
}

TEST_CASE("Convolution refuses what does not fit, saying what does") {
  const Array<double> even(Shape{1, 1, 2, 3}, 1.0), good(Shape{2, 3, 3, 3}, 1.0);
  CHECK(throws_with<ShapeError>([&] { Convolution<double> c(even); }, "odd kh and kw"));
  CHECK(throws_with<ShapeError>([&] { Convolution<double> c(good, Array<double>(Shape{3})); },
                                "got (3), expected (2)"));
  const Convolution<double> layer(good, Padding::valid);
  CHECK(throws_with<ShapeError>(
      [&] {
        layer.output_shape({2, 8, 8});
      },
      "(3, H, W) or (N, 3, H, W)"));
  CHECK(throws_with<ShapeError>([&] { layer.output_shape({3, 2, 8}); }, "smaller than the kernel"));
  Array<double> x(Shape{3, 8, 8}), y(Shape{2, 8, 8});
  CHECK(throws_with<ShapeError>([&] { layer.apply(x, y); }, "expected (2,6,6)"));
}
