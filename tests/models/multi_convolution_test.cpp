#include <fejer/models/multi_convolution.hpp>

#include <doctest/doctest.h>
#include <fejer/check.hpp>
#include <fejer/models/convolution.hpp>
#include <fejer/parallel.hpp>

#include "small_models.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

struct Chain {
  MultiConvolution<double> w;
  Index rows, columns;
  Shape domain() const { return {w.in_channels(), rows, columns}; }
  Shape range() const { return {w.out_channels(), rows, columns}; }
  void apply(ConstView<double> x, View<double> z) const { w.apply(x, z); }
  void apply_adjoint(ConstView<double> z, View<double> x) const { w.apply_adjoint(z, x); }
};

std::vector<Array<double>> three_layers() {
  return {random_array({3, 2, 3, 5}, "k0"), random_array({4, 3, 1, 1}, "k1"),
          random_array({5, 4, 5, 3}, "k2")};
}

/// x with `rows`, `columns` zeros around it.
Array<double> padded(const Array<double>& x, Index rows, Index columns) {
  const Index H = x.shape()[1], W = x.shape()[2];
  Array<double> y(Shape{x.shape()[0], H + 2 * rows, W + 2 * columns});
  for (Index c = 0; c < x.shape()[0]; ++c)
    for (Index i = 0; i < H; ++i)
      for (Index j = 0; j < W; ++j)
        y[(c * (H + 2 * rows) + i + rows) * (W + 2 * columns) + j + columns] =
            x[(c * H + i) * W + j];
  return y;
}

}  // namespace

TEST_CASE("MultiConvolution is its layers, one after the other") {
  const auto kernels = three_layers();
  const Array<double> x = random_array({2, 9, 17}, "x");
  for (const Borders borders : {Borders::zero_every_layer, Borders::zero_once}) {
    const bool once = borders == Borders::zero_once;
    Array<double> v = once ? padded(x, 3, 3) : x;
    for (const auto& kernel : kernels) {
      const Convolution<double> layer(kernel, once ? Padding::valid : Padding::zero);
      Array<double> next(layer.output_shape(v.shape()));
      layer.apply(v, next);
      v = next;
    }
    Array<double> z(Shape{5, 9, 17});
    MultiConvolution<double>(kernels, borders).apply(x, z);
    CHECK(largest_difference(z, v) < 1e-12);
  }
}

TEST_CASE("MultiConvolution: exact adjoint for both kinds of borders, down to one pixel") {
  const std::vector<std::vector<Array<double>>> chains{
      three_layers(),
      {random_array({3, 1, 7, 7}, "a")},
      {random_array({2, 1, 7, 7}, "b"), random_array({3, 2, 1, 1}, "c")},
      {random_array({2, 1, 1, 1}, "d"), random_array({3, 2, 7, 7}, "e")}};
  for (const auto& kernels : chains)
    for (const Borders borders : {Borders::zero_every_layer, Borders::zero_once})
      for (const Shape& size : {Shape{1, 1}, Shape{1, 30}, Shape{6, 5}, Shape{23, 40}}) {
        const Chain chain{MultiConvolution<double>(kernels, borders), size[0], size[1]};
        CAPTURE(to_string(size));
        CHECK(adjoint_error(LinearOperator<double>(chain), 2) < 1e-14);
      }
}

TEST_CASE("collapse: one convolution equals the chain that pads once") {
  const auto kernels = three_layers();
  const Array<double> one = collapse(kernels);
  CHECK(one.shape() == Shape{5, 2, 7, 7});
  const Array<double> x = random_array({2, 11, 8}, "x");
  Array<double> a(Shape{5, 11, 8}), b(a.shape());
  MultiConvolution<double>(kernels, Borders::zero_once).apply(x, a);
  Convolution<double>(one).apply(x, b);
  CHECK(largest_difference(a, b) < 1e-12);
}

TEST_CASE("remove_means: every output filter sums to zero, over inputs too") {
  const Array<double> k = remove_means(random_array({3, 2, 3, 3}, "k"));
  for (Index o = 0; o < 3; ++o) {
    double sum = 0;
    for (Index i = 0; i < 18; ++i) sum += k[o * 18 + i];
    CHECK(sum == doctest::Approx(0).scale(1));
  }
}

TEST_CASE("MultiConvolution gives the same bits for 1, 2 and 4 threads") {
  std::vector<Array<float>> kernels;
  for (const auto& k : three_layers()) kernels.push_back(converted<float>(k));
  const MultiConvolution<float> w(kernels, Borders::zero_every_layer);
  const Array<float> x = random_array<float>({2, 70, 33}, "x");
  Array<float> first(Shape{5, 70, 33}), back(x.shape());
  for (const int threads : {1, 2, 4}) {
    const ScopedThreads limit(threads);
    Array<float> z(first.shape()), y(x.shape());
    w.apply(x, z);
    w.apply_adjoint(z, y);
    if (threads == 1) {
      first = z;
      back = y;
    }
    CHECK(same_bits(z, first));
    CHECK(same_bits(y, back));
  }
}

TEST_CASE("MultiConvolution refuses chains and images that do not fit") {
  const Array<double> k0 = random_array({3, 1, 3, 3}, "k"), k1 = random_array({2, 4, 3, 3}, "l");
  CHECK(throws_with<ShapeError>(
      [&] {
        MultiConvolution<double> w({k0, k1}, Borders::zero_once);
      },
      "kernel 1"));
  CHECK(throws_with<ArgumentError>([&] { MultiConvolution<double> w({}, Borders::zero_once); },
                                   "no kernels"));
  const MultiConvolution<double> w({k0}, Borders::zero_once);
  Array<double> x(Shape{2, 4, 4}), z(Shape{3, 4, 4});
  CHECK(throws_with<ShapeError>([&] { w.apply(x, z); }, "expected (1, H, W)"));
}
