#include <fejer/models/activation.hpp>

#include <doctest/doctest.h>
#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

#include "small_models.hpp"
#include "training/differences.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

constexpr Activation every_kind[] = {Activation::relu,      Activation::spline,
                                     Activation::absolute,  Activation::prelu,
                                     Activation::groupsort, Activation::householder};

Array<double> parameters_for(Activation kind, Index channels, double scale = 0.5) {
  return random_array(ActivationLayer<double>::parameter_shape(kind, channels, 7), "p", scale);
}

}  // namespace

TEST_CASE("activations by hand") {
  Array<double> x(Shape{2, 3}), y(x.shape());
  const double in[] = {-1, 2, 0.5, 3, -4, 0.25};
  std::copy(in, in + 6, x.begin());
  const auto check = [&](Activation kind, const Array<double>& p, std::vector<double> expected) {
    ActivationLayer<double>(kind, 2, p).values(x, y);
    for (std::size_t i = 0; i < 6; ++i)
      CHECK(y[static_cast<Index>(i)] == doctest::Approx(expected[i]));
  };
  const Array<double> none;
  check(Activation::relu, none, {0, 2, 0.5, 3, 0, 0.25});
  check(Activation::absolute, none, {1, 2, 0.5, 3, 4, 0.25});
  check(Activation::prelu, Array<double>(Shape{2}, -0.5), {0.5, 2, 0.5, 3, 2, 0.25});
  check(Activation::groupsort, none, {-1, -4, 0.25, 3, 2, 0.5});
  // theta = pi / 2: mirrored where x > y, to (y, x).
  check(Activation::householder, Array<double>(Shape{1}, std::acos(0.0)),
        {-1, -4, 0.25, 3, 2, 0.5});
}

TEST_CASE("activations never expand by more than they say") {
  for (const Activation kind : every_kind) {
    const ActivationLayer<double> layer(kind, 6, parameters_for(kind, 6, 0.9),
                                        {-2, 2, kind == Activation::groupsort ? 3 : 2});
    const Array<double> x = random_array({6, 50}, "x"), z = random_array({6, 50}, "z");
    for (const double scale : {1.0, 0.01}) {
      Array<double> w = x, y(x.shape()), v(x.shape());
      for (Index i = 0; i < w.size(); ++i) w[i] += scale * z[i];
      layer.values(x, y);
      layer.values(w, v);
      CHECK(distance(y, v) <= layer.lipschitz() * distance(x, w) * (1 + 1e-12));
    }
  }
}

TEST_CASE("activations: gradients for inputs and parameters against differences") {
  for (const Activation kind : every_kind)
    for (const Index group : {2, 3}) {
      const ActivationOptions options{-1, 1, group};
      const Array<double> p = parameters_for(kind, 6), x = random_array({6, 4, 5}, "x");
      const Array<double> g = random_array(x.shape(), "g");
      const auto value = [&](const Array<double>& at, const Array<double>& parameters) {
        Array<double> y(x.shape());
        ActivationLayer<double>(kind, 6, parameters, options).values(at, y);
        return dot(g, y);
      };
      const ActivationLayer<double> layer(kind, 6, p, options);
      Array<double> gx = g, gp(p.shape());
      layer.vjp(x, gx, gx, gp);  // in place
      INFO(to_string(kind));
      CHECK(gradient_error([&](const Array<double>& v) { return value(v, p); }, x, gx) < 1e-7);
      if (p.size() > 0)
        CHECK(gradient_error([&](const Array<double>& v) { return value(x, v); }, p, gp) < 1e-7);
    }
}

TEST_CASE("activations: float close to double, same bits for any number of threads") {
  for (const Activation kind : every_kind) {
    const Array<double> p = parameters_for(kind, 4), x = random_array({4, 9001}, "x");
    const Array<float> xf = converted<float>(x);
    Array<double> y(x.shape());
    Array<float> first(x.shape()), again(x.shape());
    ActivationLayer<double>(kind, 4, p).values(x, y);
    const ActivationLayer<float> layer(kind, 4, p);
    layer.values(xf, first);
    const ScopedThreads threads(3);
    layer.values(xf, again);
    CHECK(same_bits(first, again));
    // Householder is continuous too, so rounding may change sides without a jump.
    CHECK(largest_difference(first, converted<float>(y)) < 1e-5);
  }
}

TEST_CASE("activations refuse what does not fit") {
  CHECK(activation_named("groupsort") == Activation::groupsort);
  CHECK(throws_with<ArgumentError>([] { activation_named("tanh"); }, "tanh"));
  CHECK(throws_with<ShapeError>(
      [] { ActivationLayer<double>(Activation::groupsort, 3, Array<double>()); }, "multiple of 2"));
  CHECK(throws_with<ShapeError>(
      [] { ActivationLayer<double>(Activation::prelu, 3, Array<double>(Shape{2})); },
      "prelu parameters"));
  const ActivationLayer<double> relu(Activation::relu, 3, Array<double>());
  Array<double> x(Shape{2, 5}), y(x.shape());
  CHECK(throws_with<ShapeError>([&] { relu.values(x, y); }, "first axis to be 3"));
}
