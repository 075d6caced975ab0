#include <fejer/models/frequency_norm.hpp>

#include <doctest/doctest.h>
#include <fejer/models/convolution.hpp>
#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

#include "small_models.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

struct SymbolLayer {
  Convolution<double> convolution;
  Shape input;
  Shape domain() const { return input; }
  Shape range() const { return convolution.output_shape(input); }
  void apply(ConstView<double> x, View<double> y) const { convolution.apply(x, y); }
  void apply_adjoint(ConstView<double> y, View<double> x) const { convolution.apply_adjoint(y, x); }
};

}  // namespace

TEST_CASE("frequency_norm by hand") {
  Array<double> w(Shape{1, 1, 1, 3});
  w[0] = -1;
  w[1] = 3;
  w[2] = -1;
  // |3 - 2 cos t| is largest at t = pi: 5.
  const NormInterval norm = frequency_norm(w);
  CHECK(norm.lower <= 5 + 1e-12);
  CHECK(norm.upper >= 5);
  CHECK(norm.upper < 5 * 1.005);
  // A matrix at every frequency: singular values 3 and 1.
  Array<double> m(Shape{2, 2, 1, 1});
  m[0] = m[3] = 2;
  m[1] = m[2] = 1;
  CHECK(frequency_norm(m).lower == doctest::Approx(3));
  CHECK(frequency_norm(m).upper == doctest::Approx(3).epsilon(1e-8));
}

TEST_CASE("frequency_norm encloses the norm: finite images approach it from below") {
  const ScopedThreads one(1);  // small images
  const Shape shapes[] = {{4, 1, 5, 5}, {1, 4, 3, 3}, {3, 6, 3, 5}, {6, 3, 7, 1}};
  for (const Shape& shape : shapes) {
    const Array<double> w = random_array(shape, to_string(shape) + "w");
    const NormInterval norm = frequency_norm(w);
    CHECK(norm.lower <= norm.upper);
    CHECK(norm.upper / norm.lower < 1.0051);
    for (const Padding padding : {Padding::zero, Padding::valid}) {
      const LinearOperator<double> layer(
          SymbolLayer{Convolution<double>(w, padding), {shape[1], 48, 48}});
      const double finite = power_method_norm(layer, 100);
      CHECK(finite <= norm.upper);
      CHECK(finite > 0.95 * norm.lower);
    }
  }
}

TEST_CASE("frequency_norm: the grid maximum is that of a finer grid to the stated factor") {
  // The upper end is a bound for a maximum that lies between the points of its own grid.
  const Array<double> k = random_array({5, 1, 5, 5}, "k");
  const double fine = std::sqrt(impulse_norm_squared({k}, 1009));
  const NormInterval norm = frequency_norm(k);
  CHECK(fine <= norm.upper);
  CHECK(fine >= norm.lower * (1 - 1e-4));
}

TEST_CASE("frequency norms refuse what is no kernel") {
  CHECK(throws_with<ShapeError>(
      [] {
        frequency_norm(Array<double>(Shape{3, 3}));
      },
      "(out, in, kh, kw)"));
  Array<double> w(Shape{1, 1, 1, 1});
  w[0] = std::nan("");
  CHECK(throws_with<ArgumentError>([&] { frequency_norm(w); }, "not finite"));
  CHECK(throws_with<ShapeError>(
      [] {
        impulse_norm_squared({random_array({1, 2, 3, 3}, "k")});
      },
      "expected 1"));
}
