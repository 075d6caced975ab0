#include <fejer/models/dncnn.hpp>

#include <doctest/doctest.h>
#include <fejer/denoiser.hpp>
#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

#include "small_dncnn.hpp"
#include "training/differences.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

Array<double> output(const DncnnParameters& p, const Array<double>& x) {
  Array<double> out(x.shape());
  Dncnn<double>(p).denoise(x, p.noise_level, out);
  return out;
}

}  // namespace

TEST_CASE("Dncnn is the input minus its layers: a case by hand") {
  // 1 -> 2 -> 1 channels, 1x1: chain(t) = 3 max(2t - 1, 0) - max(-t, 0) + 0.5.
  DncnnParameters p;
  p.weights = {Array<double>(Shape{2, 1, 1, 1}), Array<double>(Shape{1, 2, 1, 1})};
  p.biases = {Array<double>(Shape{2}), Array<double>(Shape{1}, 0.5)};
  p.weights[0][0] = 2, p.weights[0][1] = -1, p.weights[1][0] = 3, p.weights[1][1] = -1;
  p.biases[0][0] = -1;
  p.noise_level = 0.1;
  Array<double> x(Shape{1, 1, 3});
  x[0] = 1, x[1] = 0.25, x[2] = -2;
  const Array<double> y = output(p, x);
  CHECK(y[0] == doctest::Approx(1 - 3.5));
  CHECK(y[1] == doctest::Approx(0.25 - 0.5));
  CHECK(y[2] == doctest::Approx(-2 + 2 - 0.5));
}

TEST_CASE("Dncnn: gradients in image, weights and biases against differences") {
  for (const Index channels : {1, 3}) {
    const DncnnParameters p = small_dncnn(channels);
    const Dncnn<double> net(p);
    const Shape shape{2, channels, 7, 9};
    const Array<double> x = random_array(shape, "x"), u = random_array(shape, "u");
    Array<double> out(shape), gx(shape);
    DncnnTape<double> tape;
    net.forward(x, out, tape);
    CHECK(same_bits(out, output(p, x)));
    DncnnGradient<double> gradient = net.zero_gradient();
    net.vjp(tape, u, gx, &gradient);
    CHECK(gradient_error([&](const Array<double>& v) { return dot(u, output(p, v)); }, x, gx) <
          1e-6);
    for (std::size_t l = 0; l < p.weights.size(); ++l) {
      DncnnParameters q = p;
      CHECK(gradient_error(
                [&](const Array<double>& w) {
                  q = p;
                  q.weights[l] = w;
                  return dot(u, output(q, x));
                },
                p.weights[l], gradient.weights[l]) < 1e-6);
      CHECK(gradient_error(
                [&](const Array<double>& b) {
                  q = p;
                  q.biases[l] = b;
                  return dot(u, output(q, x));
                },
                p.biases[l], gradient.biases[l]) < 1e-6);
    }
  }
}

TEST_CASE("Dncnn: same bits for 1, 2 and 4 threads, for planes alone or together") {
  const Dncnn<float> net(small_dncnn(1));
  const Array<float> x = random_array<float>({3, 37, 50}, "x"),
                     u = random_array<float>({3, 37, 50}, "u");
  const double level = net.noise_level();
  Array<float> first(x.shape()), first_gx(x.shape());
  DncnnGradient<float> first_gradient = net.zero_gradient();
  DncnnTape<float> tape;
  net.forward(x, first, tape);
  net.vjp(tape, u, first_gx, &first_gradient);
  for (const int threads : {1, 2, 4}) {
    const ScopedThreads limit(threads);
    Array<float> again(x.shape()), gx(x.shape());
    Denoiser<float>(net).denoise(x, level, again);
    CHECK(same_bits(again, first));
    DncnnGradient<float> gradient = net.zero_gradient();
    net.vjp(tape, u, gx, &gradient);
    CHECK(same_bits(gx, first_gx));
    for (std::size_t l = 0; l < gradient.weights.size(); ++l) {
      CHECK(same_bits(gradient.weights[l], first_gradient.weights[l]));
      CHECK(same_bits(gradient.biases[l], first_gradient.biases[l]));
    }
  }
  Array<float> plane(Shape{37, 50});
  net.denoise(x.slice(2), level, plane);
  CHECK(same_bits(plane, Array<float>(first.slice(2))));
}

TEST_CASE("Dncnn claims nothing, and refuses other levels, images and parameters") {
  const Dncnn<double> net(small_dncnn(3));
  CHECK(net.certificate().kind == Certificate::Kind::none);
  Array<double> x(Shape{3, 8, 8}), out(x.shape()), grey(Shape{1, 8, 8}), grey_out(grey.shape());
  CHECK(throws_with<ArgumentError>([&] { net.denoise(x, 0.2, out); }, "25.000000/255"));
  CHECK(
      throws_with<ShapeError>([&] { net.denoise(grey, 25.0 / 255, grey_out); }, "(..., 3, H, W)"));
  DncnnTape<double> tape;
  CHECK(throws_with<ArgumentError>([&] { net.vjp(tape, x, out); }, "tape"));
  const auto refused = [](const auto& change, const std::string& part) {
    DncnnParameters p = small_dncnn(1);
    change(p);
    try {
      Dncnn<double> bad(p);
    } catch (const ArgumentError& e) {
      return std::string(e.what()).find(part) != std::string::npos;
    }
    return false;
  };
  CHECK(refused([](DncnnParameters& p) { p.biases.pop_back(); }, "one of each a layer"));
  CHECK(refused(
      [](DncnnParameters& p) {
        p.weights[2] = Array<double>(Shape{2, 4, 3, 3});
      },
      "layer 2"));
  CHECK(refused(
      [](DncnnParameters& p) {
        p.weights[1] = Array<double>(Shape{4, 4, 2, 2});
      },
      "layer 1"));
  CHECK(refused([](DncnnParameters& p) { p.biases[0] = Array<double>(Shape{5}); }, "bias"));
  CHECK(refused([](DncnnParameters& p) { p.weights[1][3] = std::nan(""); }, "not finite"));
  CHECK(refused([](DncnnParameters& p) { p.noise_level = 25; }, "write 25/255 for 25"));
}
