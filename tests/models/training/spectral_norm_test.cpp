#include <fejer/models/training/spectral_norm.hpp>

#include <doctest/doctest.h>
#include <fejer/vector.hpp>

#include "small_models.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

std::vector<Array<double>> kernels() {
  return {remove_means(random_array({3, 1, 3, 5}, "k0")), random_array({4, 3, 3, 3}, "k1"),
          random_array({6, 4, 5, 3}, "k2")};
}
const std::vector<double> some_weights{0.5, 2, 0, 1, 3, 0.1};

template <class F>
void check_gradient(const F& norm_of, double tolerance) {
  const SquaredNorm norm = norm_of(kernels(), some_weights);
  const double h = 1e-6;
  for (std::size_t l = 0; l < 3; ++l) {
    const Array<double> d = random_array(kernels()[l].shape(), "d");
    auto up = kernels(), down = kernels();
    axpy<double>(h, d, up[l]);
    axpy<double>(-h, d, down[l]);
    const double slope =
        (norm_of(up, some_weights).value - norm_of(down, some_weights).value) / (2 * h);
    CHECK(dot(norm.kernels[l], d) == doctest::Approx(slope).epsilon(tolerance));
  }
  for (std::size_t c = 0; c < some_weights.size(); ++c) {
    const auto value = [&](double change) {
      auto moved = some_weights;
      moved[c] += change;
      return norm_of(kernels(), moved).value;
    };
    const double small = 1e-5;  // a weight of 0 cannot fall
    const double slope = some_weights[c] > 0
                             ? (value(small) - value(-small)) / (2 * small)
                             : (4 * value(small) - 3 * norm.value - value(2 * small)) / (2 * small);
    CHECK(norm.weights[c] == doctest::Approx(slope).epsilon(tolerance).scale(norm.value / 10));
  }
}

}  // namespace

TEST_CASE("proven and grid norms: value, gradient by kernels and weights") {
  const NormInterval interval = frequency_norm(collapse(kernels()));
  const SquaredNorm norm = proven_squared_norm(kernels());
  CHECK(norm.value >= interval.upper * interval.upper);
  CHECK(norm.value == doctest::Approx(interval.upper * interval.upper).epsilon(1e-7));
  CHECK(grid_squared_norm(kernels(), 267).value ==
        doctest::Approx(impulse_norm_squared(kernels(), 267)).epsilon(1e-12));
  check_gradient([](const auto& k, const auto& w) { return proven_squared_norm(k, w); }, 1e-7);
  check_gradient([](const auto& k, const auto& w) { return grid_squared_norm(k, 64, w); }, 1e-7);
}

TEST_CASE("power norm: value and gradient at the eigenvector, both borders") {
  for (const Borders borders : {Borders::zero_every_layer, Borders::zero_once}) {
    const SquaredNorm norm = power_squared_norm(kernels(), borders, some_weights, 6, 2000);
    CHECK(norm.value ==
          doctest::Approx(weighted_power_norm(kernels(), borders, some_weights, 6, 2000))
              .epsilon(1e-5));
    check_gradient(
        [&](const auto& k, const auto& w) { return power_squared_norm(k, borders, w, 4, 1000); },
        1e-5);
  }
  CHECK(power_squared_norm(kernels(), Borders::zero_once, some_weights, 12, 100).value <
        proven_squared_norm(kernels(), some_weights).value);
  const SquaredNorm none =
      power_squared_norm(kernels(), Borders::zero_once, std::vector<double>(6, 0.0), 12, 100);
  CHECK(none.value == 0);
  CHECK(none.kernels.size() == 3);
}

TEST_CASE("spectral norms name misshapen arguments") {
  CHECK(throws_with<ShapeError>(
      [] {
        proven_squared_norm({Array<double>(Shape{2, 2, 3, 3})});
      },
      "expected (out, 1, kh, kw)"));
  CHECK(throws_with<ShapeError>([] { proven_squared_norm(kernels(), {1, 2}); }, "got 2 weights"));
}
