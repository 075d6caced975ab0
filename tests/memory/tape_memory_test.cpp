#include <Eigen/Core>
#include <cstdlib>
#include <vector>

#include <doctest/doctest.h>
#include <fejer/algorithms/equilibrium_gradient.hpp>
#include <fejer/models/learnable_denoisers.hpp>
#include <fejer/models/pnp_layer.hpp>
#include <fejer/operators/blur.hpp>
#include <fejer/parallel.hpp>

#include "counted_memory.hpp"
#include "small_drunet.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

using Layer = PnpLayer<DrunetAtLevel<float>>;
constexpr Index side = 96;
const Shape image{1, side, side};

/// Its tape is some forty images.
Layer tape_heavy_layer() {
  const DrunetOptions options = small_drunet_options(DrunetActivation::softplus);
  std::vector<Array<double>> weights = random_drunet_weights(options);
  for (double& w : weights.back()) w *= 0.06;  // contracts
  const Array<float> y = random_array<float>(image, "y");
  return {{Drunet<float>(options, weights), 0.1},
          Blur<float>(gaussian_kernel<float>(0.8), image, Boundary::reflect),
          y,
          1};
}

struct Steps {
  Layer layer = tape_heavy_layer();
  Layer::Gradient gradient;

  Steps() {
    gradient.denoiser =
        small_drunet<float>(small_drunet_options(DrunetActivation::softplus)).zero_gradient();
    bytes(GradientStrategy::restarted, 1, 1);  // plans and tables that are made once
  }
  /// On the heap at most, of a step of learning.
  double bytes(GradientStrategy strategy, Index depth, Index restarts, bool recompute = false) {
    EquilibriumOptions o;
    o.strategy = strategy, o.depth = depth, o.restarts = restarts, o.recompute = recompute;
    o.power_iterations = 2;
    Array<float> x(image);
    const auto loss = [](ConstView<float> at, View<float> g) {
      copy<float>(at, g);
      return dot<float>(at, at) / 2;
    };
    return static_cast<double>(peak_growth(
        [&] { equilibrium_gradient(layer, o, EquilibriumLoss<float>(loss), x, gradient); }));
  }
  /// What one pass leaves for the way back.
  double tape_bytes() const {
    const Array<float> x = random_array<float>(image, "x");
    Array<float> out(image);
    const std::ptrdiff_t before = bytes_in_use();
    Layer::Saved saved;
    layer.forward(x, out, &saved);
    return static_cast<double>(bytes_in_use() - before);
  }
};

constexpr auto restarted = GradientStrategy::restarted;

}  // namespace

TEST_CASE("allocations are counted: arrays, vectors, Eigen's and C's") {
  const std::ptrdiff_t before = bytes_in_use();
  const auto at_least = [&](std::ptrdiff_t bytes) {
    CHECK(bytes_in_use() - before >= bytes);
    CHECK(bytes_in_use() - before <= bytes + bytes / 8);
  };
  {
    const Array<double> a(Shape{1000});
    at_least(8000);
    const std::vector<double> v(1000);
    at_least(16000);
    const Eigen::VectorXd e = Eigen::VectorXd::Zero(1000);
    at_least(24000);
    void* c = std::calloc(1000, 8);
    at_least(32000);
    c = std::realloc(c, 16000);
    at_least(40000);
    std::free(c);
    at_least(24000);
  }
  CHECK(bytes_in_use() == before);
  CHECK(peak_growth([] { Array<double>(Shape{1000}); }) >= 8000);
  CHECK(peak_growth([] {}) == 0);
}

TEST_CASE("C19: restarted JFB needs memory that is affine in K, a tape for each, and flat in R") {
  const ScopedThreads one(1);
  Steps steps;
  const double at5 = steps.bytes(restarted, 5, 0), at10 = steps.bytes(restarted, 10, 0),
               at20 = steps.bytes(restarted, 20, 0), tape = steps.tape_bytes();
  REQUIRE(tape > 20.0 * 4 * side * side);
  for (const Index R : {1, 20})
    CHECK(steps.bytes(restarted, 5, R) == doctest::Approx(at5).epsilon(0.05));
  CHECK((at10 - at5) / 5 == doctest::Approx(tape).epsilon(0.05));
  CHECK((at20 - at10) / 10 == doctest::Approx(tape).epsilon(0.05));
  // Unrolled, as many passes as restarted JFB does in all take as many tapes.
  const double unrolled5 = steps.bytes(GradientStrategy::unrolled, 5, 0),
               unrolled20 = steps.bytes(GradientStrategy::unrolled, 20, 0);
  CHECK((unrolled20 - unrolled5) / 15 == doctest::Approx(tape).epsilon(0.05));
  CHECK(unrolled20 > 2 * steps.bytes(restarted, 5, 3));
  // One tape, however many passes come before.
  CHECK(steps.bytes(GradientStrategy::one_step, 20, 5) < at5 - 3 * tape);
}

TEST_CASE("C19: with recomputation the memory is K states and a constant") {
  const ScopedThreads one(1);
  Steps steps;
  const auto bytes = [&](Index K, Index R) { return steps.bytes(restarted, K, R, true); };
  const double at5 = bytes(5, 0), at10 = bytes(10, 0), at20 = bytes(20, 0),
               state = 4.0 * side * side;
  CHECK(bytes(5, 20) == doctest::Approx(at5).epsilon(0.05));
  CHECK((at10 - at5) / 5 == doctest::Approx(state).epsilon(0.05));
  CHECK((at20 - at10) / 10 == doctest::Approx(state).epsilon(0.05));
  CHECK(at20 < steps.bytes(restarted, 5, 0));
}
