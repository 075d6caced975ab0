#include <fejer/operators/wavelet_filters.hpp>

#include <cmath>

#include <doctest/doctest.h>
#include <fejer/operators/wavelet.hpp>

#include "operators/dense.hpp"

using namespace fejer;

namespace {

/// max_m |sum_j h_j h_(j+2m) - [m = 0]|.
double off_orthonormal(const std::vector<double>& h) {
  double worst = 0;
  for (std::size_t shift = 0; shift < h.size(); shift += 2) {
    double product = shift == 0 ? -1 : 0;
    for (std::size_t j = 0; j + shift < h.size(); ++j) product += h[j] * h[j + shift];
    worst = std::max(worst, std::abs(product));
  }
  return worst;
}

/// |sum_j s^j (j - centre)^power h_j| / sum_j |j - centre|^power |h_j|.
double moment(const std::vector<double>& h, double sign, double centre, int power) {
  double sum = 0, size = 0;
  for (std::size_t j = 0; j < h.size(); ++j) {
    const double term = std::pow(static_cast<double>(j) - centre, power) * h[j];
    sum += (j % 2 == 0 ? 1 : sign) * term;
    size += std::abs(term);
  }
  return std::abs(sum) / size;
}

}  // namespace

TEST_CASE("symlets: orthonormal, with vanishing moments; published values") {
  for (Index moments = 2; moments <= 9; ++moments) {
    CAPTURE(moments);
    const std::vector<double> h = symlet_filter(moments);
    REQUIRE(h.size() == static_cast<std::size_t>(2 * moments));
    CHECK(off_orthonormal(h) < 1e-15 * static_cast<double>(h.size()));
    for (int power = 0; power < moments; ++power) CHECK(moment(h, -1, 0, power) < 1e-12);
    if (moments < 4) continue;  // there is no choice below
    const std::vector<double> daubechies = daubechies_filter(moments);
    double distance = 0;
    for (std::size_t j = 0; j < h.size(); ++j) distance += std::abs(h[j] - daubechies[j]);
    CHECK(distance > 0.1);
  }
  // Five moments, as tabulated, from either end.
  const double table[] = {0.0195388827353, -0.0211018340248, -0.175328089908, 0.0166021057645,
                          0.633978963458,  0.723407690402,   0.199397533977,  -0.0391342493024,
                          0.0295194909258, 0.0273330683451};
  const std::vector<double> h = symlet_filter(5);
  double forward = 0, backward = 0;
  for (std::size_t j = 0; j < 10; ++j) {
    forward = std::max(forward, std::abs(h[j] - table[j]));
    backward = std::max(backward, std::abs(h[9 - j] - table[j]));
  }
  CHECK(std::min(forward, backward) < 1e-11);
}

TEST_CASE("coiflets: orthonormal, with vanishing moments of both functions; published values") {
  for (Index order = 1; order <= 6; ++order) {
    CAPTURE(order);
    const std::vector<double> h = coiflet_filter(order);
    REQUIRE(h.size() == static_cast<std::size_t>(6 * order));
    CHECK(off_orthonormal(h) < 1e-15 * static_cast<double>(h.size()));
    const auto centre = static_cast<double>(2 * order);
    for (int power = 0; power < 2 * order; ++power) {
      CHECK(moment(h, -1, centre, power) < 1e-12);
      if (power > 0) CHECK(moment(h, 1, centre, power) < 1e-12);
    }
  }
  // Order 1 in closed form, over 16 sqrt 2.
  const double root = std::sqrt(7.0), part = 16 * std::sqrt(2.0);
  const double closed[] = {(1 - root) / part,      (5 + root) / part, (14 + 2 * root) / part,
                           (14 - 2 * root) / part, (1 - root) / part, (root - 3) / part};
  const std::vector<double> one = coiflet_filter(1), six = coiflet_filter(6);
  for (std::size_t j = 0; j < 6; ++j) CHECK(one[j] == doctest::Approx(closed[j]).epsilon(1e-14));
  // Order 6 as tabulated, which is exact to six digits or so.
  const double table[] = {0.425819545013, 0.76840325758, 0.440401191127};
  for (std::size_t j = 0; j < 3; ++j) CHECK(std::abs(six[11 + j] - table[j]) < 2e-6);
}

TEST_CASE("wavelets with these filters are orthonormal at every size; others are refused") {
  for (const std::vector<double>& h : {symlet_filter(5), coiflet_filter(1), coiflet_filter(6)})
    for (const Shape& shape : {Shape{8, 5}, Shape{2, 3, 4}}) {
      const LinearOperator<double> W = Wavelet<double>(h, 2, shape);
      const auto A = fejer_test::dense(W);
      const auto n = A.rows();
      CHECK((A * A.transpose() - Eigen::MatrixXd::Identity(n, n)).cwiseAbs().maxCoeff() < 1e-13);
    }
  CHECK_THROWS_AS(Wavelet<double>({0.5, 0.5}, 1, Shape{4, 4}), ArgumentError);
  CHECK_THROWS_AS(Wavelet<double>(std::vector<double>{1.0}, 1, Shape{4, 4}), ArgumentError);
  CHECK_THROWS_WITH_AS(coiflet_filter(7),
                       "coiflet_filter: got 7 for the order, expected a number from 1 to 6",
                       ArgumentError);
  CHECK_THROWS_AS(symlet_filter(10), ArgumentError);
}
