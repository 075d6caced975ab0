#include <fejer/models/lipschitz_cnn.hpp>

#include <doctest/doctest.h>
#include <fejer/denoiser.hpp>
#include <fejer/models/convolution.hpp>
#include <fejer/models/relu_spline.hpp>
#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

#include "small_models.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

constexpr double level = 10.0 / 255;

/// Layer by layer with the public pieces.
Array<double> plain_network(const LipschitzCnnParameters& p, const Array<double>& x) {
  Array<double> v = x;
  for (std::size_t l = 0; l < p.weights.size(); ++l) {
    const Convolution<double> layer(p.weights[l], p.biases[l]);
    Array<double> next(layer.output_shape(v.shape()));
    layer.apply(v, next);
    if (l + 1 < p.weights.size()) {
      if (p.activation == Activation::relu) {
        for (double& t : next) t = std::max(t, 0.0);
      } else {
        Array<double> activated(next.shape());
        LinearSpline<double>(p.activation_parameters[l], p.x_min, p.x_max).values(next, activated);
        next = activated;
      }
    }
    v = next;
  }
  return v;
}

}  // namespace

TEST_CASE("LipschitzCnn is its layers, and D = (x + N(x)) / 2") {
  for (const Activation activation : {Activation::relu, Activation::spline}) {
    const LipschitzCnnParameters p = small_cnn(activation);
    const LipschitzCnn<double> cnn(p);
    const Array<double> x = random_array({1, 12, 19}, "x", 3);
    const Array<double> expected = plain_network(p, x);
    Array<double> n(x.shape()), d(x.shape());
    cnn.network(x, n);
    CHECK(largest_difference(n, expected) < 1e-13);
    cnn.denoise(x, level, d);
    for (Index i = 0; i < x.size(); ++i) CHECK(d[i] == (x[i] + n[i]) / 2);
    const LipschitzCnn<float> single(p);
    const Array<float> xf = converted<float>(x);
    Array<float> nf(x.shape());
    single.network(xf, nf);
    CHECK(largest_difference(nf, converted<float>(expected)) < 1e-5);
  }
}

TEST_CASE("LipschitzCnn: layers of norm below 1 give a proven averaged denoiser") {
  const LipschitzCnn<double> cnn(small_cnn(Activation::spline, 0.99));
  const Certificate c = cnn.certificate();
  CHECK(c.kind == Certificate::Kind::proven);
  CHECK(c.averagedness == 0.5);
  CHECK(c.lipschitz == 1);
  CHECK(cnn.network_bound() <= 1);
  for (const NormInterval& norm : cnn.layer_norms()) CHECK(norm.upper < 0.99 * 1.0051);
  const double room = cnn.network_bound();
  for (int trial = 0; trial < 10; ++trial) {
    const std::string name = std::to_string(trial);
    const Array<double> x = random_array({1, 20, 20}, "x" + name, 2);
    const Array<double> y = random_array({1, 20, 20}, "y" + name, 2);
    Array<double> nx(x.shape()), ny(x.shape());
    cnn.network(x, nx);
    cnn.network(y, ny);
    CHECK(distance(nx, ny) <= room * distance(x, y));
  }
  CHECK(same_bits(certified(cnn).parameters().weights[0], cnn.parameters().weights[0]));
  CHECK(certified(cnn).parameters().divisor == 1);
}

TEST_CASE("LipschitzCnn: splines with fewer knots keep the certificate") {
  LipschitzCnnParameters p = small_cnn(Activation::spline, 0.99);
  const LipschitzCnn<double> full(p);
  const auto changes = [](const LipschitzCnnParameters& of) {
    std::size_t count = 0;
    for (const auto& a : of.activation_parameters)
      for (Index c = 0; c < 4; ++c)
        count +=
            thresholded(to_relu(LinearSpline<double>(a, of.x_min, of.x_max), c), 1e-9).knots.size();
    return count;
  };
  const std::size_t before = changes(p);
  for (auto& a : p.activation_parameters) a = sparsified(a, p.x_min, p.x_max, 0.5);
  CHECK(changes(p) < before - 5);
  const LipschitzCnn<double> sparse(p);
  CHECK(sparse.certificate().kind == Certificate::Kind::proven);
  CHECK(sparse.certificate().averagedness == 0.5);
  CHECK(sparse.network_bound() <= full.network_bound() * (1 + 1e-12));
  // With a threshold of 0 nothing moves.
  const Array<double> same = sparsified(p.activation_parameters[0], p.x_min, p.x_max, 0);
  CHECK(largest_difference(same, p.activation_parameters[0]) < 1e-14);
}

TEST_CASE("LipschitzCnn: a bound above 1 is told, and `certified` divides by it") {
  const LipschitzCnn<double> cnn(small_cnn(Activation::relu, 1.05));
  const double bound = cnn.network_bound();
  CHECK(bound > 1.05 * 1.05 * 1.05);
  CHECK(bound < 1.05 * 1.05 * 1.05 * 1.0151);
  const Certificate c = cnn.certificate();
  CHECK(c.kind == Certificate::Kind::proven);
  CHECK(std::isinf(c.averagedness));
  CHECK(c.lipschitz == doctest::Approx((1 + bound) / 2));
  CHECK(c.how.find("> 1: not averaged") != std::string::npos);
  const LipschitzCnn<double> safe = certified(cnn);
  CHECK(safe.certificate().averagedness == 0.5);
  CHECK(safe.network_bound() == doctest::Approx(1).epsilon(1e-12));
  const Array<double> x = random_array({1, 8, 8}, "x");
  Array<double> n(x.shape()), s(x.shape());
  cnn.network(x, n);
  safe.network(x, s);
  for (Index i = 0; i < x.size(); ++i) CHECK(s[i] == doctest::Approx(n[i] / bound));
}

TEST_CASE("certified_about divides about an image: D_r(r) = D(r), distances as by `certified`") {
  const LipschitzCnn<double> cnn(small_cnn(Activation::spline, 1.05));
  const LipschitzCnn<double> safe = certified(cnn);
  const Array<double> r = random_array({1, 9, 11}, "r"), x = random_array({1, 9, 11}, "x");
  const Denoiser<double> about = certified_about<double>(cnn, r);
  const auto run = [](const auto& d, const Array<double>& image) {
    Array<double> out(image.shape());
    d.denoise(image, level, out);
    return out;
  };
  CHECK(largest_difference(run(about, r), run(cnn, r)) < 1e-14);
  CHECK(distance(run(safe, r), run(cnn, r)) > 1e-3);
  // D_r and D / b differ by a constant image.
  Array<double> between = run(about, x), between_safe = run(safe, x);
  const Array<double> at_r = run(about, r), safe_at_r = run(safe, r);
  for (Index i = 0; i < x.size(); ++i) between[i] -= at_r[i], between_safe[i] -= safe_at_r[i];
  CHECK(largest_difference(between, between_safe) < 1e-14);

  const Certificate c = about.certificate();
  CHECK(c.kind == Certificate::Kind::proven);
  CHECK(c.averagedness == 0.5);
  CHECK(c.how.find("divided about a fixed image") != std::string::npos);
  Array<double> small(Shape{1, 5, 5}), out(small.shape());
  CHECK(throws_with<ShapeError>([&] { about.denoise(small, level, out); }, "certified_about"));

  const LipschitzCnn<double> below(small_cnn(Activation::spline, 0.99));
  CHECK(same_bits(run(certified_about<double>(below, r), x), run(below, x)));
}

TEST_CASE("LipschitzCnn counts the slopes of the tails") {
  LipschitzCnnParameters p = small_cnn(Activation::spline);
  p.activation_parameters[1][4 * 11 - 1] =
      p.activation_parameters[1][4 * 11 - 2] - 3;  // last piece of the last channel: -3
  const LipschitzCnn<double> cnn(p);
  CHECK(cnn.activation_slopes()[1] == doctest::Approx(3));
  CHECK(std::isinf(cnn.certificate().averagedness));
}

TEST_CASE("LipschitzCnn: same bits for 1, 2 and 4 threads, planes by themselves, a denoiser") {
  const LipschitzCnn<float> cnn(small_cnn(Activation::spline));
  const Array<float> x = random_array<float>({3, 66, 30}, "x");
  Array<float> first(x.shape()), again(x.shape());
  cnn.denoise(x, level, first);
  for (const int threads : {1, 2, 4}) {
    const ScopedThreads limit(threads);
    Denoiser<float>(cnn).denoise(x, level, again);
    CHECK(same_bits(again, first));
  }
  const Array<float> plane = Array<float>(x.slice(2)).reshaped({1, 66, 30});
  Array<float> one(plane.shape());
  cnn.denoise(plane, level, one);
  for (Index i = 0; i < one.size(); ++i) CHECK(one[i] == first[2 * one.size() + i]);
}

TEST_CASE("LipschitzCnn refuses other noise levels and networks that do not fit") {
  const LipschitzCnn<double> cnn(small_cnn(Activation::relu));
  Array<double> x(Shape{1, 6, 6}), out(x.shape());
  CHECK(throws_with<ArgumentError>([&] { cnn.denoise(x, 15.0 / 255, out); }, "10.000000/255"));
  cnn.denoise(x, level * 1.0001, out);
  LipschitzCnnParameters p = small_cnn(Activation::relu);
  p.biases[1] = Array<double>(Shape{3});
  CHECK(throws_with<ShapeError>([&] { LipschitzCnn<double> bad(p); }, "bias"));
  p = small_cnn(Activation::relu);
  p.weights[2] = random_array({2, 4, 3, 3}, "w");
  CHECK(throws_with<ShapeError>([&] { LipschitzCnn<double> bad(p); }, "layer 2"));
  p = small_cnn(Activation::spline);
  p.activation_parameters.pop_back();
  CHECK(throws_with<ArgumentError>([&] { LipschitzCnn<double> bad(p); },
                                   "arrays of spline parameters"));
  p = small_cnn(Activation::relu);
  p.noise_level = 10;
  CHECK(throws_with<ArgumentError>([&] { LipschitzCnn<double> bad(p); }, "10/255"));
}
