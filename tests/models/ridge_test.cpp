#include <fejer/models/ridge.hpp>

#include <doctest/doctest.h>
#include <fejer/models/frequency_norm.hpp>
#include <fejer/models/multi_convolution.hpp>
#include <fejer/models/training/spectral_norm.hpp>
#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

#include "small_models.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

constexpr double level = 0.05;

}  // namespace

TEST_CASE("RidgeRegulariser by hand: one 1 x 1 filter, one spline") {
  RidgeParameters p;
  p.kernels = {Array<double>(Shape{1, 1, 1, 1}, 2.0)};
  p.norm_squared = 4;  // W = identity
  p.profile = Array<double>(Shape{1, 3});
  p.profile[0] = -1;
  p.profile[2] = 1;  // phi(t) = clamp(t, -1, 1): psi is the Huber function
  p.x_min = -1;
  p.x_max = 1;
  p.mu = p.curvature = 1;
  p.scale = 2;
  p.weight = 3;
  const RidgeRegulariser<double> R(p);
  Array<double> x(Shape{1, 1, 2}), g(x.shape());
  x[0] = 0.25;
  x[1] = 2;
  // 3 (psi(0.5) + psi(4)) / 4 = 3 (0.125 + 3.5) / 4; 3 phi(2 x) / 2.
  CHECK(R.value(x, level) == doctest::Approx(3 * 3.625 / 4));
  CHECK(R.value_and_gradient(x, level, g) == doctest::Approx(3 * 3.625 / 4));
  CHECK(g[0] == doctest::Approx(0.75));
  CHECK(g[1] == doctest::Approx(1.5));
  Array<double> v(x.shape(), 1.0), hv(x.shape());
  R.hessian_vector_product(x, level, v, hv);
  CHECK(hv[0] == doctest::Approx(3));
  CHECK(hv[1] == 0);
  CHECK(R.lipschitz_bound(NormRule::as_published).value == 3);
  CHECK(R.lipschitz_bound().value == doctest::Approx(3.03));
  CHECK(R.lipschitz_bound().kind == Certificate::Kind::estimated);
  CHECK(R.proven_lipschitz_bound().value == doctest::Approx(3).epsilon(1e-6));
  CHECK(R.weak_convexity().value == 0);
  CHECK(R.weak_convexity().kind == Certificate::Kind::proven);
}

TEST_CASE("RidgeRegulariser: gradient and Hessian against central differences") {
  for (const Borders borders : {Borders::zero_every_layer, Borders::zero_once}) {
    const RidgeRegulariser<double> R(small_ridge(borders));
    const Array<double> x = random_array({2, 9, 12}, "x", 0.1);
    Array<double> g(x.shape()), hd(x.shape()), plus(x.shape()), minus(x.shape());
    R.gradient(x, level, g);
    for (int trial = 0; trial < 5; ++trial) {
      const Array<double> d = random_array(x.shape(), std::to_string(trial) + "d");
      const auto moved = [&](double h) {
        Array<double> y = x;
        axpy<double>(h, d, y);
        return y;
      };
      double h = 1e-6;
      Array<double> up = moved(h), down = moved(-h);
      const double slope = (R.value(up, level) - R.value(down, level)) / (2 * h);
      CHECK(std::abs(slope - dot(g, d)) < 1e-7 * norm(g) * norm(d));
      // Few of the filtered values cross a knot within so short a step.
      h = 1e-8;
      up = moved(h);
      down = moved(-h);
      R.gradient(up, level, plus);
      R.gradient(down, level, minus);
      R.hessian_vector_product(x, level, d, hd);
      combine<double>(1 / (2 * h), plus, -1 / (2 * h), minus, plus);
      CHECK(distance(plus, hd) < 1e-6 * norm(hd));
    }
    CHECK(R.value_and_gradient(x, level, plus) == R.value(x, level));
    CHECK(same_bits(plus, g));
  }
}

TEST_CASE("RidgeRegulariser: the Hessian is symmetric and the bounds hold") {
  // Convex, and weakly convex.
  for (const double rho : {0.0, 0.5}) {
    const RidgeRegulariser<double> R(small_ridge(Borders::zero_every_layer, rho));
    const double lipschitz = R.lipschitz_bound().value, weak = R.weak_convexity().value;
    CHECK(weak == rho);
    CHECK(R.proven_lipschitz_bound().value >= lipschitz);
    for (int trial = 0; trial < 20; ++trial) {
      const std::string name = std::to_string(trial);
      const Array<double> x = random_array({1, 30, 30}, "x" + name, 0.2);
      const Array<double> y = random_array({1, 30, 30}, "y" + name, 0.2);
      Array<double> gx(x.shape()), gy(x.shape()), hx(x.shape()), hy(x.shape());
      R.gradient(x, level, gx);
      R.gradient(y, level, gy);
      const double apart = distance(x, y);
      CHECK(distance(gx, gy) <= lipschitz * apart);
      CHECK(dot(gx, x) - dot(gx, y) - dot(gy, x) + dot(gy, y) >=
            (-1.001 * weak - 1e-12) * apart * apart);
      R.hessian_vector_product(x, level, x, hx);
      R.hessian_vector_product(x, level, y, hy);
      CHECK(dot(hx, y) == doctest::Approx(dot(x, hy)).epsilon(1e-10).scale(norm(hx) * norm(y)));
    }
  }
}

TEST_CASE("RidgeRegulariser: padding once gives a proven bound") {
  const RidgeRegulariser<double> R(small_ridge(Borders::zero_once));
  const Bound bound = R.lipschitz_bound();
  CHECK(bound.kind == Certificate::Kind::proven);
  CHECK(bound.value == R.lipschitz_bound(NormRule::as_published).value);
  CHECK(R.weak_convexity().kind == Certificate::Kind::proven);
}

TEST_CASE("RidgeRegulariser: the proven bound is sharp where the image is padded once") {
  const RidgeParameters p = small_ridge(Borders::zero_once);
  const RidgeRegulariser<double> R(p);
  const LinearSpline<double> profile(p.profile, p.x_min, p.x_max, Extrapolation::constant);
  const double slope = std::max(std::abs(profile.min_slope()), profile.max_slope());
  const double bound = R.lipschitz_bound().value / (p.weight * slope);
  const double on_a_grid = impulse_norm_squared(p.kernels, 1009) / p.norm_squared;
  CHECK(bound >= on_a_grid * (1 - 1e-9));
  CHECK(bound <= 1.05 * on_a_grid);
  // A finite image comes close to it.
  CHECK(bound <= 1.05 * power_norm_squared(p.kernels, p.borders, 100, 1000) / p.norm_squared);
}

TEST_CASE("RidgeRegulariser: a constant image has a gradient at its border only") {
  for (const Borders borders : {Borders::zero_once, Borders::zero_every_layer})
    for (const RidgeEvaluation how : {RidgeEvaluation::layers, RidgeEvaluation::tiles}) {
      const RidgeRegulariser<double> R = RidgeRegulariser<double>(small_ridge(borders)).with(how);
      const Index height = 30, width = 34, reach = 6;  // of W and of its adjoint
      const Array<double> x(Shape{1, height, width}, 0.7);
      Array<double> g(x.shape());
      R.gradient(x, level, g);
      double inside = 0;
      for (Index r = reach; r < height - reach; ++r)
        for (Index c = reach; c < width - reach; ++c)
          inside = std::max(inside, std::abs(g[r * width + c]));
      CHECK(inside < 1e-12);
      CHECK(norm(g) > 1e-3);
    }
}

TEST_CASE(
    "RidgeRegulariser: W does not lengthen images once it is divided by the power method's norm") {
  for (const Borders borders : {Borders::zero_once, Borders::zero_every_layer}) {
    RidgeParameters p = small_ridge(borders);
    p.norm_squared = power_norm_squared(p.kernels, borders, 48, 1000);
    const RidgeRegulariser<double> R(p);
    const auto lengthened = [&](const Array<double>& x) {
      Array<double> z(Shape{5, x.shape()[1], x.shape()[2]});
      R.filter(x, z);
      return norm(z) / norm(x);
    };
    for (const Index side : {5, 20, 48})
      CHECK(lengthened(random_array({1, side, side + 2}, "x")) <= 1 + 1e-3);
    // The image that W lengthens most.
    const MultiConvolution<double> W(p.kernels, borders);
    Array<double> x = random_array({1, 48, 48}, "start"), z(Shape{5, 48, 48});
    for (int k = 0; k < 400; ++k) {
      W.apply(x, z);
      W.apply_adjoint(z, x);
      scale<double>(x, 1 / norm(x));
    }
    CHECK(lengthened(x) <= 1 + 1e-3);
    CHECK(lengthened(x) > 0.98);
  }
}

TEST_CASE("RidgeRegulariser: every plane is an image of its own, alpha follows its formula") {
  const RidgeParameters p = small_ridge();
  const RidgeRegulariser<double> R(p);
  const Array<double> x = random_array({3, 8, 9}, "x", 0.1);
  double sum = 0;
  for (Index c = 0; c < 3; ++c) sum += R.value(x.slice(c), level);
  CHECK(R.value(x, level) == doctest::Approx(sum).epsilon(1e-14));
  const double g = 255 * level;  // 12.75: between knots 10 and 20
  for (Index c = 0; c < 5; ++c) {
    const double* s = p.scaling->coefficients.data() + 4 * c;
    const double expected = std::exp(s[1] + 0.275 * (s[2] - s[1])) / (g + 1e-5);
    CHECK(R.scaling(level)[static_cast<std::size_t>(c)] == doctest::Approx(expected));
  }
}

TEST_CASE("RidgeRegulariser: float agrees with double, and threads do not matter") {
  const RidgeRegulariser<double> exact(small_ridge());
  const RidgeRegulariser<float> R(small_ridge());
  const Array<double> x = random_array({1, 65, 40}, "x", 0.1);
  const Array<float> xf = converted<float>(x);
  Array<double> g(x.shape());
  Array<float> gf(x.shape()), first(x.shape());
  const double value = exact.value_and_gradient(x, level, g);
  double single = 0;
  for (const int threads : {1, 2, 4}) {
    const ScopedThreads limit(threads);
    const double v = R.value_and_gradient(xf, level, gf);
    if (threads == 1) {
      single = v;
      first = gf;
    }
    CHECK(v == single);
    CHECK(same_bits(gf, first));
  }
  CHECK(single == doctest::Approx(value).epsilon(1e-6));
  CHECK(largest_difference(gf, converted<float>(g)) < 1e-6);
}

TEST_CASE("power_norm_squared equals the plain power method") {
  const ScopedThreads one(1);  // small images
  const auto check = [](const std::vector<Array<double>>& kernels, Borders borders, Index size) {
    CAPTURE(size);
    // Eigenvalues of W^T W by brute force: converged, the start no longer matters.
    const MultiConvolution<double> w(kernels, borders);
    Array<double> u = random_array({1, size, size}, "u"), v(u.shape());
    Array<double> z(Shape{w.out_channels(), size, size});
    double largest = 0;
    for (int k = 0; k < 3000; ++k) {
      scale<double>(u, 1 / norm(u));
      w.apply(u, z);
      w.apply_adjoint(z, v);
      largest = norm(v);
      std::swap(u, v);
    }
    CHECK(power_norm_squared(kernels, borders, size, 3000) ==
          doctest::Approx(largest).epsilon(1e-4));
    // Fewer steps give less, as in the power method.
    const double few = power_norm_squared(kernels, borders, size, 3);
    CHECK(few < largest);
    CHECK(few > 0.3 * largest);
    const std::vector<double> twice(static_cast<std::size_t>(w.out_channels()), 2.0);
    CHECK(weighted_power_norm(kernels, borders, twice, size, 3000) ==
          doctest::Approx(2 * largest).epsilon(1e-4));
  };
  const RidgeParameters p = small_ridge();
  check(p.kernels, p.borders, 20);
  // (Lanczos in float: four to six digits.) A last layer with many channels, which is applied by
  // the kernel of W^T W and a border.
  for (const Index size : {4, 13, 20})
    check({random_array({2, 1, 3, 3}, "first"), random_array({9, 2, 3, 5}, "last")},
          Borders::zero_every_layer, size);
}

TEST_CASE("W^T W: a point-symmetric response to one pixel, and its norm in three ways") {
  const std::vector<Array<double>> kernels = small_ridge().kernels;
  const MultiConvolution<double> w(kernels, Borders::zero_once);
  const Index side = 25, middle = side / 2;
  Array<double> pixel(Shape{1, side, side}), z(Shape{5, side, side}), response(pixel.shape());
  pixel[middle * side + middle] = 1;
  w.apply(pixel, z);
  w.apply_adjoint(z, response);
  const Array<double> one = collapse(kernels);
  const double energy = dot(one, one);
  CHECK(response[middle * side + middle] == doctest::Approx(energy).epsilon(1e-13));
  for (Index i = 0; i < response.size(); ++i)
    CHECK(std::abs(response[i] - response[response.size() - 1 - i]) < 1e-13 * energy);
  // The power method climbs, up to the largest of the spectrum (Lanczos in float: five digits).
  const double top = proven_squared_norm(kernels).value;
  double before = 0;
  for (const int steps : {1, 2, 4, 9, 25, 64, 200, 400}) {
    const double value = power_norm_squared(kernels, Borders::zero_once, 128, steps);
    CHECK(value >= before * (1 - 1e-5));
    CHECK(value <= top * (1 + 1e-5));
    before = value;
  }
  CHECK(before >= 0.99 * grid_squared_norm(kernels, 256).value);
}

TEST_CASE("RidgeRegulariser refuses impossible parameters and noise levels") {
  RidgeParameters p = small_ridge();
  const RidgeRegulariser<float> R(p);
  CHECK(throws_with<ArgumentError>([&] { R.scaling(25); }, "write 25/255 for 25"));
  CHECK(throws_with<ArgumentError>([&] { R.scaling(-0.1); }, "not negative"));
  CHECK(throws_with<ArgumentError>([&] { R.scaling(std::nan("")); }, "finite"));
  Array<float> x(Shape{4, 4}), g(Shape{4, 5});
  CHECK(throws_with<ShapeError>([&] { R.gradient(x, level, g); }, "expected (4,4)"));
  p.mu = 1;
  CHECK(throws_with<ArgumentError>([&] { RidgeRegulariser<float> bad(p); }, "outside [-rho, mu]"));
  p = small_ridge();
  p.scaling->coefficients = Array<double>(Shape{4, 4});
  CHECK(throws_with<ShapeError>([&] { RidgeRegulariser<float> bad(p); }, "expected (5, knots)"));
  p = small_ridge();
  p.kernels[1][3] = std::nan("");
  CHECK(throws_with<ArgumentError>([&] { RidgeRegulariser<float> bad(p); }, "not finite"));
  p = small_ridge();
  p.norm_squared = 0;
  CHECK(throws_with<ArgumentError>([&] { RidgeRegulariser<float> bad(p); }, "norm_squared"));
}

TEST_CASE("RidgeRegulariser::vjp: parameters and image against central differences") {
  for (const Borders borders : {Borders::zero_every_layer, Borders::zero_once})
    for (const Shape& shape : {Shape{3, 9, 12}, Shape{1, 1, 1}, Shape{40, 5, 7}}) {
      CAPTURE(to_string(shape));
      RidgeParameters p = small_ridge(borders);
      p.scaling.reset();
      p.mu *= 10;  // room for the changes
      p.rho += 10;
      const RidgeRegulariser<double> R(p);
      const Array<double> x = random_array(shape, "x", 0.1), u = random_array(shape, "u");
      Array<double> h(shape), g(shape), product(shape);
      const RidgeGradients gradients = R.vjp(x, level, u, h);
      R.hessian_vector_product(x, level, u, product);
      CHECK(distance(h, product) <= 1e-13 * norm(product));
      const auto value = [&](const RidgeParameters& q) {
        RidgeRegulariser<double>(q).gradient(x, level, g);
        return dot(u, g);
      };
      const auto slope = [&](const auto& change, double step) {
        RidgeParameters up = p, down = p;
        change(up, step);
        change(down, -step);
        return (value(up) - value(down)) / (2 * step);
      };
      for (std::size_t l = 0; l < p.kernels.size(); ++l) {
        const Array<double> d = random_array(p.kernels[l].shape(), "d" + std::to_string(l));
        const double first = l == 0 ? std::sqrt(p.norm_squared) : 1;
        const double expected = slope(
            [&](RidgeParameters& q, double step) { axpy<double>(step, d, q.kernels[l]); }, 1e-8);
        CHECK(dot(gradients.kernels[l], d) / first == doctest::Approx(expected).epsilon(1e-5));
      }
      const Array<double> d = random_array(p.profile.shape(), "profile");
      CHECK(dot(gradients.profile, d) ==
            doctest::Approx(
                slope([&](RidgeParameters& q, double step) { axpy<double>(step, d, q.profile); },
                      1e-6))
                .epsilon(1e-7));
      double scaling = 0;
      for (const double v : gradients.scaling) scaling += v;
      CHECK(scaling ==
            doctest::Approx(slope([&](RidgeParameters& q, double step) { q.scale += step; }, 1e-8))
                .epsilon(1e-5));
      const ScopedThreads threads(4);
      const RidgeGradients again = R.vjp(x, level, u, h);
      for (std::size_t l = 0; l < p.kernels.size(); ++l)
        CHECK(same_bits(again.kernels[l], gradients.kernels[l]));
      CHECK(same_bits(again.profile, gradients.profile));
      CHECK(again.scaling == gradients.scaling);
    }
}

TEST_CASE("RidgeRegulariser: a noise level for each sample is the samples one by one") {
  for (const Borders borders : {Borders::zero_every_layer, Borders::zero_once}) {
    const RidgeRegulariser<double> R(small_ridge(borders));
    const Shape shape{11, 2, 12, 9}, one{2, 12, 9};
    const Array<double> x = random_array(shape, "x", 0.1), u = random_array(shape, "u");
    std::vector<double> sigmas;
    for (int i = 0; i < 11; ++i) sigmas.push_back(0.01 * (1 + i % 4));
    Array<double> g(shape), h(shape), hv(shape);
    const double value = R.value_and_gradient(x, sigmas, g);
    R.hessian_vector_product(x, sigmas, u, h);
    const RidgeGradients all = R.vjp(x, sigmas, u, hv);
    REQUIRE(all.scaling.size() == 11 * 5);
    double sum = 0;
    std::vector<Array<double>> kernels;
    for (const auto& k : all.kernels) kernels.emplace_back(k.shape());
    Array<double> profile(all.profile.shape());
    for (Index i = 0; i < 11; ++i) {
      const double sigma_i = sigmas[static_cast<std::size_t>(i)];
      Array<double> gi(one), hi(one), hvi(one);
      sum += R.value_and_gradient(x.slice(i), sigma_i, gi);
      R.hessian_vector_product(x.slice(i), sigma_i, u.slice(i), hi);
      const RidgeGradients of = R.vjp(x.slice(i), sigma_i, u.slice(i), hvi);
      CHECK(distance(Array<double>(g.slice(i)), gi) <= 1e-14 * norm(gi));
      CHECK(distance(Array<double>(h.slice(i)), hi) <= 1e-14 * norm(hi));
      CHECK(distance(Array<double>(hv.slice(i)), hvi) <= 1e-14 * norm(hvi));
      for (std::size_t l = 0; l < kernels.size(); ++l) axpy<double>(1, of.kernels[l], kernels[l]);
      axpy<double>(1, of.profile, profile);
      for (std::size_t c = 0; c < 5; ++c)
        CHECK(all.scaling[static_cast<std::size_t>(i) * 5 + c] ==
              doctest::Approx(of.scaling[c]).epsilon(1e-12));
    }
    CHECK(value == doctest::Approx(sum).epsilon(1e-13));
    CHECK(R.value(x, sigmas) == doctest::Approx(sum).epsilon(1e-13));
    for (std::size_t l = 0; l < kernels.size(); ++l)
      CHECK(distance(all.kernels[l], kernels[l]) <= 1e-13 * norm(kernels[l]));
    CHECK(distance(all.profile, profile) <= 1e-13 * norm(profile));
  }
  const RidgeRegulariser<double> R(small_ridge());
  const Array<double> x(Shape{3, 4, 4}), flat(Shape{4, 4});
  CHECK(
      throws_with<ShapeError>([&] { R.value(x, std::vector<double>(2, 0.1)); }, "2 noise levels"));
  CHECK(throws_with<ShapeError>([&] { R.value(flat, std::vector<double>(4, 0.1)); }, "first axis"));
}

TEST_CASE("RidgeRegulariser::vjp of a batch is the sum of those of groups of 8") {
  const RidgeRegulariser<float> R(small_ridge(Borders::zero_once));
  const Shape shape{19, 1, 20, 20};
  const auto x = random_array<float>(shape, "x", 0.1F), u = random_array<float>(shape, "u");
  Array<float> h(shape);
  const RidgeGradients all = R.vjp(x, level, u, h);
  std::vector<Array<double>> kernels;
  for (const auto& k : all.kernels) kernels.emplace_back(k.shape());
  Array<double> profile(all.profile.shape());
  for (Index first = 0; first < 19; first += 8) {
    const Index count = std::min<Index>(8, 19 - first), at = first * 400;
    const Shape part{count, 1, 20, 20};
    Array<float> of_x(part);
    const RidgeGradients some = R.vjp(ConstView<float>(x.data() + at, part), level,
                                      ConstView<float>(u.data() + at, part), of_x);
    for (Index i = 0; i < of_x.size(); ++i) CHECK(of_x[i] == h[at + i]);
    for (std::size_t l = 0; l < kernels.size(); ++l) axpy<double>(1, some.kernels[l], kernels[l]);
    axpy<double>(1, some.profile, profile);
  }
  // By tiles, gradients go back to the kernels of the layers once for all groups.
  for (std::size_t l = 0; l < kernels.size(); ++l)
    CHECK(distance(all.kernels[l], kernels[l]) < 1e-12 * norm(kernels[l]));
  CHECK(same_bits(all.profile, profile));
}

TEST_CASE("RidgeKernelSum: vector-Jacobian products at several points, with factors") {
  for (const Borders borders : {Borders::zero_every_layer, Borders::zero_once})
    for (const auto how : {RidgeEvaluation::layers, RidgeEvaluation::tiles}) {
      const RidgeRegulariser<double> R = RidgeRegulariser<double>(small_ridge(borders)).with(how);
      const Shape shape{3, 1, 21, 20};
      RidgeKernelSum<double> sum(R);
      std::vector<Array<double>> expected = R.parameters().kernels;
      for (Array<double>& k : expected) scale<double>(k, 0);
      for (const Array<double>& zero : sum.gradients()) CHECK(norm(zero) == 0);
      for (const double factor : {2.0, -0.5}) {
        const std::string name = std::to_string(factor);
        const Array<double> x = random_array(shape, "x" + name, 0.1);
        const Array<double> u = random_array(shape, "u" + name);
        Array<double> h(shape), again(shape);
        const RidgeGradients one = R.vjp(x, level, u, h);
        const RidgeGradients rest = R.vjp(x, level, u, again, sum, factor);
        CHECK(rest.kernels.empty());
        CHECK(same_bits(rest.profile, one.profile));
        CHECK(same_bits(h, again));
        for (std::size_t l = 0; l < expected.size(); ++l)
          axpy<double>(factor, one.kernels[l], expected[l]);
      }
      const std::vector<Array<double>> all = sum.gradients();
      for (std::size_t l = 0; l < expected.size(); ++l)
        CHECK(distance(all[l], expected[l]) < 1e-12 * norm(expected[l]));
      const RidgeRegulariser<double> other(small_ridge(borders));
      Array<double> h(shape);
      CHECK(
          throws_with<ArgumentError>([&] { other.vjp(h, level, h, h, sum, 1); }, "another model"));
    }
}
