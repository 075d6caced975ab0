// Priors in reconstruction: what the algorithms promise of them (statements 16 to 20 of our
// specification of ridge regularisers and Lipschitz networks).
#include <doctest/doctest.h>

#include <limits>

#include <fejer/algorithms/accelerated_forward_backward.hpp>
#include <fejer/algorithms/forward_backward.hpp>
#include <fejer/algorithms/limited_memory_bfgs.hpp>
#include <fejer/algorithms/pnp_forward_backward.hpp>
#include <fejer/algorithms/safeguarded_accelerated_gradient.hpp>
#include <fejer/models/ridge_prior.hpp>
#include <fejer/operators/blur.hpp>
#include <fejer/operators/box.hpp>
#include <fejer/operators/least_squares.hpp>
#include <fejer/vector.hpp>

#include "small_models.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

constexpr double noise = 0.05;
const Shape image{1, 16, 18};

Array<double> picture(const std::string& name) {
  Array<double> x = random_array(image, name, 0.1);
  for (double& v : x) v += 0.4;
  return x;
}

/// (.1, .8, .1) in both directions: the smallest eigenvalue of A*A is 0.6^4.
Blur<double> mild_blur() {
  Array<double> h(Shape{3, 3});
  const double line[] = {0.1, 0.8, 0.1};
  for (Index i = 0; i < 9; ++i) h[i] = line[i / 3] * line[i % 3];
  return {h, image, Boundary::circular};
}

SmoothFunction<double> with_prior(const LeastSquares<double>& f, const RidgePrior<double>& R) {
  return sum(SmoothFunction<double>(f), 1, SmoothFunction<double>(R));
}

template <class Algorithm>
typename Algorithm::State settled(const Algorithm& algorithm, const Array<double>& start,
                                  double tolerance = 1e-13, int most = 30000) {
  auto s = algorithm.init(start);
  do algorithm.step(s), ++s.iteration;
  while (s.residual > tolerance && s.iteration < most);
  CHECK(s.residual <= tolerance);
  return s;
}

/// || A x(y) - A x(y') || <= || y - y' ||.
template <class Reconstruct>
void check_stability(const Blur<double>& A, const Reconstruct& reconstruct) {
  const Array<double> y[] = {picture("y"), picture("other y")};
  Array<double> seen[2];
  for (int i = 0; i < 2; ++i) {
    const Array<double> x = reconstruct(y[i]);
    seen[i] = Array<double>(image);
    A.apply(x, seen[i]);
  }
  CHECK(distance(seen[0], seen[1]) <= (1 + 1e-8) * distance(y[0], y[1]));
  CHECK(distance(seen[0], seen[1]) > 0.01 * distance(y[0], y[1]));
}

}  // namespace

TEST_CASE("PnP-FBS with a Lipschitz network: the change never rises, data-domain stability") {
  const Blur<double> A(gaussian_kernel<double>(1.2), image, Boundary::circular);
  const LipschitzCnn<double> D(small_cnn(Activation::spline, 0.99));
  for (const double factor : {0.5, 1.0, 1.9}) {
    CAPTURE(factor);
    check_stability(A, [&](const Array<double>& y) {
      const LeastSquares<double> f(A, y);
      const PnpForwardBackward<double> pnp(
          f, D, {.sigma = D.noise_level(), .step = {factor / f.lipschitz_interval().upper}});
      auto s = pnp.init(y);
      double last = std::numeric_limits<double>::infinity();
      bool rose = false;
      do {
        pnp.step(s), ++s.iteration;
        rose = rose || s.change > last * (1 + 1e-10) + 1e-14;
        last = s.change;
      } while (s.residual > 1e-12 && s.iteration < 30000);
      CHECK(s.residual <= 1e-12);
      CHECK_FALSE(rose);
      return s.x;
    });
  }
}

TEST_CASE("a convex ridge regulariser: data-domain stability of the minimiser") {
  const Blur<double> A(gaussian_kernel<double>(1.2), image, Boundary::circular);
  const RidgeRegulariser<double> R(small_ridge(Borders::zero_once, 0));
  check_stability(A, [&](const Array<double>& y) {
    const LeastSquares<double> f(A, y);
    return settled(
               AcceleratedForwardBackward<double>(with_prior(f, RidgePrior<double>(R, noise, 0.5))),
               y)
        .x;
  });
}

TEST_CASE("a convex ridge denoiser: every algorithm ends at the same minimiser") {
  const RidgeRegulariser<double> R(small_ridge(Borders::zero_once, 0));
  const Array<double> y = picture("y");
  Array<double> one(Shape{1, 1}, 1.0);
  const LeastSquares<double> f(Blur<double>(one, image, Boundary::circular), y, 1);
  const auto F = with_prior(f, RidgePrior<double>(R, noise, 1));
  const Array<double> x = settled(ForwardBackward<double>(F), y).x;
  const auto check = [&](const Array<double>& other) {
    CHECK(distance(x, other) < 1e-7 * norm(x));
  };
  check(settled(AcceleratedForwardBackward<double>(F), y).x);
  check(settled(SafeguardedAcceleratedGradient<double>(F), y).x);
  const LimitedMemoryBfgs<double> bfgs(F);
  check(bfgs.solution(settled(bfgs, y, 1e-9)));
}

TEST_CASE("a weakly convex ridge regulariser: the objective falls from restart to restart") {
  const RidgeRegulariser<double> R(small_ridge(Borders::zero_once, 1));
  const Array<double> y = picture("y");
  const LeastSquares<double> f(mild_blur(), y, 0.1296);
  const AcceleratedForwardBackward<double> agd(with_prior(f, RidgePrior<double>(R, noise, 0.12)));
  auto s = agd.init(Array<double>(image));
  std::vector<double> values;
  for (Index restarts = 0; s.iteration < 3000; ++s.iteration) {
    agd.step(s);
    if (s.restarts == restarts) continue;
    restarts = s.restarts;
    values.push_back(agd.objective(s));
  }
  REQUIRE(values.size() >= 2);
  for (std::size_t k = 1; k < values.size(); ++k) CHECK(values[k] <= values[k - 1] + 1e-13);
}

TEST_CASE("SAGD on a weakly convex ridge regulariser: descent, the minimiser, no negative pixel") {
  const RidgeRegulariser<double> R(small_ridge(Borders::zero_once, 0.5));
  Array<double> y = picture("y");
  y[40] = -0.5;  // x >= 0 matters
  const LeastSquares<double> f(mild_blur(), y, 0.1296);
  const auto F = with_prior(f, RidgePrior<double>(R, noise, 0.2));
  const SafeguardedAcceleratedGradient<double> sagd(F);
  auto s = sagd.init(y);
  double last = std::numeric_limits<double>::infinity();
  bool rose = false;
  for (; s.iteration < 400; ++s.iteration) {
    sagd.step(s);
    const double now = F.value(s.z);
    rose = rose || now > last + 1e-13;
    last = now;
  }
  CHECK_FALSE(rose);
  const Array<double> x = settled(AcceleratedForwardBackward<double>(F), y).x;
  CHECK(distance(settled(sagd, y).x, x) < 1e-8 * norm(x));
  const SafeguardedAcceleratedGradient<double> positive(F, non_negativity<double>());
  auto p = positive.init(y);
  double least = 0;
  do {
    positive.step(p), ++p.iteration;
    for (const double v : p.x) least = std::min(least, v);
  } while (p.residual > 1e-12 && p.iteration < 30000);
  CHECK(p.residual <= 1e-12);
  CHECK(least == 0);
  CHECK(F.value(p.x) > F.value(x));
}
