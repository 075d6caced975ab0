#include <fejer/models/drunet.hpp>

#include <doctest/doctest.h>
#include <fejer/check.hpp>
#include <fejer/denoiser.hpp>
#include <fejer/hdf5.hpp>
#include <fejer/metrics.hpp>
#include <fejer/models/model_file.hpp>
#include <fejer/parallel.hpp>
#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

#include "data.hpp"
#include "small_drunet.hpp"
#include "training/differences.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

Array<double> output(const Drunet<double>& net, const Array<double>& x, double sigma) {
  Array<double> out(x.shape());
  net.denoise(x, sigma, out);
  return out;
}

/// <u, N(x, sigma)> and its gradient.
struct Pullback {
  Array<double> x;
  DrunetGradient<double> rest;
};
Pullback pullback(const Drunet<double>& net, const Array<double>& x, double sigma,
                  const Array<double>& u) {
  DrunetTape<double> tape;
  Array<double> out(x.shape());
  net.forward(x, sigma, out, tape);
  CHECK(same_bits(out, output(net, x, sigma)));
  Pullback p{Array<double>(x.shape()), net.zero_gradient()};
  net.vjp(tape, u, p.x, &p.rest);
  return p;
}

const std::vector<DrunetActivation> all_activations{DrunetActivation::relu, DrunetActivation::elu,
                                                    DrunetActivation::softplus};

}  // namespace

TEST_CASE("Drunet has the published numbers of parameters") {
  DrunetOptions o;
  CHECK(drunet_parameter_count(o) == 32638656);
  o.image_channels = 3;
  CHECK(drunet_parameter_count(o) == 32640960);
  o.blocks = 2;
  CHECK(drunet_parameter_count(o) == 17010624);
  o.image_channels = 1;
  CHECK(drunet_parameter_count(o) == 17008320);
  o.channels = {16, 32, 64, 128};
  CHECK(drunet_parameter_count(o) == 1063344);
  // A network holds these and no others.
  const Drunet<double> net = small_drunet(small_drunet_options(DrunetActivation::relu, 3, 2));
  Index held = 0;
  for (const auto& w : net.weights()) held += w.size();
  CHECK(held == drunet_parameter_count(net.options()));
}

TEST_CASE("Drunet names its weights as published, single blocks of the body without a number") {
  const auto names = [](Index blocks) {
    std::string all;
    for (const auto& [name, shape] : drunet_weights({1, {4, 6, 5, 8}, blocks, {}}))
      all += name + to_string(shape) + " ";
    return all;
  };
  const std::string two = names(2), one = names(1);
  CHECK(two.starts_with("m_head.weight(4,2,3,3) m_down1.0.res.0.weight(4,4,3,3) "));
  CHECK(two.find(" m_down1.2.weight(6,4,2,2) ") != std::string::npos);
  CHECK(two.find(" m_body.1.res.2.weight(8,8,3,3) m_up3.0.weight(8,5,2,2) ") != std::string::npos);
  CHECK(two.ends_with(" m_up1.2.res.2.weight(4,4,3,3) m_tail.weight(1,4,3,3) "));
  CHECK(one.find(" m_body.res.0.weight(8,8,3,3) ") != std::string::npos);
}

TEST_CASE("Drunet: gradients in image, noise level and all weights against differences") {
  const ScopedThreads one(1);  // small images
  for (const DrunetActivation f : all_activations) {
    CAPTURE(to_string(f));
    const DrunetOptions o = small_drunet_options(f);
    const std::vector<Array<double>> weights = random_drunet_weights(o);
    const Drunet<double> net(o, weights);
    const Array<double> x = random_array({1, 9, 13}, "x"), u = random_array({1, 9, 13}, "u");
    const double sigma = 0.3;
    const Pullback p = pullback(net, x, sigma, u);
    const auto value = [&](const Drunet<double>& n, const Array<double>& image, double s) {
      return dot(u, output(n, image, s));
    };
    CHECK(gradient_error([&](const Array<double>& v) { return value(net, v, sigma); }, x, p.x) <
          1e-6);
    constexpr double h = 1e-5;
    CHECK((value(net, x, sigma + h) - value(net, x, sigma - h)) / (2 * h) ==
          doctest::Approx(p.rest.sigma).epsilon(1e-6));
    for (std::size_t k = 0; k < weights.size(); ++k) {
      const auto moved = [&](const Array<double>& w) {
        std::vector<Array<double>> all = weights;
        all[k] = w;
        return value(Drunet<double>(o, all), x, sigma);
      };
      CAPTURE(k);
      CHECK(gradient_error(moved, weights[k], p.rest.weights[k], 1e-6,
                           std::max<Index>(1, weights[k].size() / 5)) < 1e-6);
    }
  }
}

TEST_CASE("Drunet: derivatives in a direction, and the gradients of these") {
  const ScopedThreads one(1);  // small images
  for (const DrunetActivation f : all_activations) {
    CAPTURE(to_string(f));
    const DrunetOptions o = small_drunet_options(f);
    const std::vector<Array<double>> weights = random_drunet_weights(o);
    const Drunet<double> net(o, weights);
    const Shape shape{1, 10, 8};
    const Array<double> x = random_array(shape, "x"), d = random_array(shape, "d"),
                        u = random_array(shape, "u"), v = random_array(shape, "v");
    const double sigma = 0.3;
    const auto value = [&](const Drunet<double>& n, const Array<double>& image, double s) {
      DrunetTape<double> tape;
      Array<double> out(shape), tangent(shape);
      n.forward(image, d, s, out, tangent, tape);
      return dot(u, out) + dot(v, tangent);
    };
    DrunetTape<double> tape, plain;
    Array<double> out(shape), tangent(shape), gx(shape), jv(shape);
    net.forward(x, d, sigma, out, tangent, tape);
    CHECK(same_bits(out, output(net, x, sigma)));
    DrunetGradient<double> gradient = net.zero_gradient();
    net.vjp(tape, u, v, gx, &gradient);
    // <v, J d> = <J^T v, d>
    net.forward(x, sigma, out, plain);
    net.vjp(plain, v, jv);
    CHECK(dot(v, tangent) == doctest::Approx(dot(jv, d)).epsilon(1e-12));
    CHECK(gradient_error([&](const Array<double>& a) { return value(net, a, sigma); }, x, gx) <
          1e-6);
    constexpr double h = 1e-5;
    CHECK((value(net, x, sigma + h) - value(net, x, sigma - h)) / (2 * h) ==
          doctest::Approx(gradient.sigma).epsilon(1e-6));
    for (std::size_t k = 0; k < weights.size(); ++k) {
      const auto moved = [&](const Array<double>& w) {
        std::vector<Array<double>> all = weights;
        all[k] = w;
        return value(Drunet<double>(o, all), x, sigma);
      };
      CAPTURE(k);
      CHECK(gradient_error(moved, weights[k], gradient.weights[k], 1e-6,
                           std::max<Index>(1, weights[k].size() / 3)) < 1e-6);
    }
  }
}

TEST_CASE("Drunet: second derivatives in a direction, and the gradients of these") {
  const ScopedThreads one(1);  // small images
  for (const DrunetActivation f : all_activations) {
    CAPTURE(to_string(f));
    const DrunetOptions o = small_drunet_options(f);
    const std::vector<Array<double>> weights = random_drunet_weights(o);
    const Drunet<double> net(o, weights);
    const Shape shape{1, 10, 8};
    const Array<double> x = random_array(shape, "x"), d = random_array(shape, "d"),
                        u = random_array(shape, "u"), v = random_array(shape, "v"),
                        w = random_array(shape, "w");
    const double sigma = 0.3;
    DrunetTape<double> tape, other;
    Array<double> out(shape), tangent(shape), second(shape), gx(shape), first(shape);
    const auto value = [&](const Drunet<double>& n, const Array<double>& image, double s) {
      DrunetTape<double> unused;
      Array<double> a(shape), b(shape), c(shape);
      n.forward(image, d, s, a, b, c, unused);
      return dot(u, a) + dot(v, b) + dot(w, c);
    };
    net.forward(x, d, sigma, out, tangent, second, tape);
    net.forward(x, d, sigma, gx, first, other);
    CHECK(same_bits(out, gx));
    CHECK(largest_difference(tangent, first) <= 1e-13 * max_abs<double>(first));
    // second = d/dt J(x + t d) d
    constexpr double h = 1e-6;
    Array<double> moved = x, above(shape), below(shape);
    axpy<double>(h, d, moved);
    net.forward(moved, d, sigma, gx, above, other);
    axpy<double>(-2 * h, d, moved);
    net.forward(moved, d, sigma, gx, below, other);
    combine<double>(1 / (2 * h), above, -1 / (2 * h), below, above);
    CHECK(largest_difference(second, above) < 1e-6 * norm(d) * std::max(1.0, norm(second)));
    CHECK((norm(second) > 0) == (f != DrunetActivation::relu));

    DrunetGradient<double> gradient = net.zero_gradient();
    net.vjp(tape, u, v, w, gx, &gradient);
    CHECK(gradient_error([&](const Array<double>& a) { return value(net, a, sigma); }, x, gx) <
          1e-6);
    CHECK((value(net, x, sigma + h) - value(net, x, sigma - h)) / (2 * h) ==
          doctest::Approx(gradient.sigma).epsilon(1e-6));
    for (std::size_t k = 0; k < weights.size(); ++k) {
      const auto with = [&](const Array<double>& a) {
        std::vector<Array<double>> all = weights;
        all[k] = a;
        return value(Drunet<double>(o, all), x, sigma);
      };
      CAPTURE(k);
      CHECK(gradient_error(with, weights[k], gradient.weights[k], 1e-6,
                           std::max<Index>(1, weights[k].size() / 3)) < 1e-6);
    }
    CHECK(throws_with<ArgumentError>([&] { net.vjp(other, u, v, w, gx); }, "2 derivatives"));
  }
}

TEST_CASE("Drunet with ReLU is homogeneous, which gives the derivative in the noise level") {
  const Drunet<double> net = small_drunet();
  const Array<double> x = random_array({1, 17, 12}, "x"), u = random_array({1, 17, 12}, "u");
  const double sigma = 0.2;
  const Array<double> at_x = output(net, x, sigma);
  for (const double t : {0.1, 3.7}) {
    Array<double> scaled = x;
    scale<double>(scaled, t);
    const Array<double> there = output(net, scaled, t * sigma);
    double worst = 0;
    for (Index i = 0; i < x.size(); ++i) worst = std::max(worst, std::abs(there[i] - t * at_x[i]));
    CHECK(worst < 1e-10 * t);
  }
  const Pullback p = pullback(net, x, sigma, u);
  CHECK(std::abs(p.rest.sigma) > 1e-3);
  CHECK(std::abs((dot(u, at_x) - dot(p.x, x)) / sigma - p.rest.sigma) < 1e-10);
}

TEST_CASE("Drunet takes images of any size as if their last rows and columns went on") {
  const Drunet<double> net = small_drunet();
  const Array<double> x = random_array({1, 11, 21}, "x");
  Array<double> larger(Shape{1, 16, 24});
  for (Index r = 0; r < 16; ++r)
    for (Index c = 0; c < 24; ++c)
      larger[r * 24 + c] = x[std::min<Index>(r, 10) * 21 + std::min<Index>(c, 20)];
  const Array<double> a = output(net, x, 0.1), b = output(net, larger, 0.1);
  for (Index r = 0; r < 11; ++r)
    for (Index c = 0; c < 21; ++c) CHECK(a[r * 21 + c] == b[r * 24 + c]);
  const Array<double> dot_like(Shape{1, 1, 1}, 0.5);
  CHECK(all_finite(output(net, dot_like, 0.1)));
}

TEST_CASE("Drunet: same bits for 1, 2 and 4 threads, and for an image alone or among others") {
  const Drunet<float> net = small_drunet<float>(small_drunet_options(DrunetActivation::elu, 3, 2));
  const Array<float> x = random_array<float>({4, 3, 40, 31}, "x"),
                     u = random_array<float>({4, 3, 40, 31}, "u");
  Array<float> first(x.shape()), first_gx(x.shape());
  DrunetGradient<float> first_gradient = net.zero_gradient();
  DrunetTape<float> tape;
  net.forward(x, 0.1, first, tape);
  net.vjp(tape, u, first_gx, &first_gradient);
  for (const int threads : {1, 2, 4}) {
    const ScopedThreads limit(threads);
    Array<float> again(x.shape()), gx(x.shape());
    Denoiser<float>(net).denoise(x, 0.1, again);
    CHECK(same_bits(again, first));
    net.forward(x, 0.1, again, tape);
    CHECK(same_bits(again, first));
    DrunetGradient<float> gradient = net.zero_gradient();
    net.vjp(tape, u, gx, &gradient);
    CHECK(same_bits(gx, first_gx));
    CHECK(gradient.sigma == first_gradient.sigma);
    for (std::size_t k = 0; k < gradient.weights.size(); ++k)
      CHECK(same_bits(gradient.weights[k], first_gradient.weights[k]));
  }
  const Array<float> third(x.slice(2));
  Array<float> alone(third.shape());
  net.denoise(third, 0.1, alone);
  CHECK(same_bits(alone, Array<float>(first.slice(2))));
  // Grey networks see every plane of a colour image by itself.
  const Drunet<float> grey = small_drunet<float>();
  Array<float> planes(third.shape()), plane(Shape{40, 31});
  grey.denoise(third, 0.1, planes);
  grey.denoise(third.slice(1), 0.1, plane);
  CHECK(same_bits(plane, Array<float>(planes.slice(1))));
}

TEST_CASE("Drunet claims no certificate, and refuses what is no network, image or level") {
  const Drunet<double> net = small_drunet();
  CHECK(net.certificate().kind == Certificate::Kind::none);
  CHECK(std::isinf(net.certificate().lipschitz));
  Array<double> x(Shape{1, 8, 8}), out(x.shape()), other(Shape{1, 8, 9});
  CHECK(throws_with<ArgumentError>([&] { net.denoise(x, -0.1, out); }, "sigma"));
  CHECK(throws_with<ArgumentError>([&] { net.denoise(x, std::nan(""), out); }, "sigma"));
  CHECK(throws_with<ShapeError>([&] { net.denoise(x, 0.1, other); }, "(1,8,9)"));
  const Drunet<double> colour = small_drunet(small_drunet_options(DrunetActivation::relu, 3));
  CHECK(throws_with<ShapeError>([&] { colour.denoise(x, 0.1, out); }, "(..., 3, H, W)"));
  DrunetTape<double> tape;
  CHECK(throws_with<ArgumentError>([&] { net.vjp(tape, x, out); }, "tape"));
  net.forward(x, 0.1, out, tape);
  CHECK(throws_with<ArgumentError>([&] { net.vjp(tape, x, x, out); }, "with 1 derivatives in a"));
  const DrunetOptions o = small_drunet_options();
  auto weights = random_drunet_weights(o);
  weights[3] = random_array({6, 4, 3, 3}, "w");
  CHECK(throws_with<ShapeError>([&] { Drunet<double> bad(o, weights); }, "m_down1.1.weight"));
  weights = random_drunet_weights(o);
  weights.pop_back();
  CHECK(throws_with<ArgumentError>([&] { Drunet<double> bad(o, weights); }, "expected 22"));
  weights = random_drunet_weights(o);
  weights[5][0] = std::nan("");
  CHECK(throws_with<ArgumentError>([&] { Drunet<double> bad(o, weights); }, "not finite"));
  CHECK(throws_with<ArgumentError>([] { drunet_weights({1, {4, 6, 0, 8}, 1, {}}); }, "got 0"));
  CHECK(throws_with<ArgumentError>([] { drunet_activation_named("rleu"); }, "did you mean relu?"));
}

TEST_CASE("DRUNet: the one that comes with the project removes noise and leaves clean images") {
  const auto model =
      load_model<float>(source_folder() + "/models/weights/drunet_grey_photographs.h5");
  Array<float> truth(Shape{1, 96, 96});  // a ramp behind a disc
  for (Index i = 0; i < truth.size(); ++i) {
    const Index y = i / 96, x = i % 96;
    const bool inside = (y - 40) * (y - 40) + (x - 50) * (x - 50) < 900;
    truth[i] = inside ? 0.7f : 0.2f + 0.004f * static_cast<float>(x);
  }
  for (const auto& [sigma, gain] :
       {std::pair{0.0, 0.0}, {5 / 255.0, 2.0}, {25 / 255.0, 8.0}, {50 / 255.0, 10.0}}) {
    CAPTURE(sigma);
    Array<float> noisy = truth, out(truth.shape());
    add_normal<float>(noisy, sigma, Rng(1).stream("noise"));
    std::get<Drunet<float>>(model.value).denoise(noisy, sigma, out);
    const double before = sigma > 0 ? psnr(noisy, truth, 1) : 40;
    CHECK(psnr(out, truth, 1) > before + gain);
  }
}
