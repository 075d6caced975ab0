#include "problems.hpp"

#include <cmath>
#include <numbers>

namespace fejer::equilibrium_learning {
namespace {

using equilibrium_closed_form::Matrix;
using equilibrium_closed_form::Vector;

constexpr Index n = 64;

Index frequency(Index f) { return std::min(f, n - f); }

/// Eigenvalues of the circular blur by exp(-(k/width)^2/2), |k| <= radius, summing to 1.
std::vector<double> blur_symbol(double width, Index radius) {
  std::vector<double> symbol(n);
  double sum = 0;
  for (Index k = -radius; k <= radius; ++k) {
    const double w = std::exp(-0.5 * std::pow(static_cast<double>(k) / width, 2));
    sum += w;
    for (Index f = 0; f < n; ++f)
      symbol[static_cast<std::size_t>(f)] +=
          w * std::cos(2 * std::numbers::pi * static_cast<double>(k * f) / n);
  }
  for (double& a : symbol) a /= sum;
  return symbol;
}

Array<double> transformed(const std::vector<double>& x) {
  static const std::vector<double> basis = hartley_matrix(n);
  Array<double> out(Shape{n});
  for (std::size_t j = 0; j < n; ++j)
    for (std::size_t k = 0; k < n; ++k) out[static_cast<Index>(j)] += basis[j * n + k] * x[k];
  return out;
}

std::vector<double> two_steps(Index s) {
  std::vector<double> x(n);
  const Index first = 4 + 3 * s, second = first + 10;
  for (Index i = 0; i < n; ++i)
    x[static_cast<std::size_t>(i)] =
        (i >= first && i < first + 20 ? 1 : 0) + (i >= second && i < second + 20 ? 0.5 : 0);
  return x;
}

std::vector<double> noise(Index s, std::uint64_t draw) {
  std::vector<double> e;
  for (Index i = 0; i < n; ++i)
    e.push_back(0.08 * std::sin(1.7 * static_cast<double>(i * i) + 0.3 +
                                1.1 * static_cast<double>(s) + static_cast<double>(draw)));
  return e;
}

Problem<SpectralLayer> spectral_problem(const std::string& name, const std::vector<double>& symbol,
                                        Spectrum spectrum, double tau, bool prox,
                                        std::uint64_t draw) {
  for (const double a : symbol) spectrum.squared.push_back(a * a);
  Problem<SpectralLayer> p;
  p.name = name;
  std::vector<Array<double>> projections;
  for (Index s = 0; s < 8; ++s) {
    p.truth.push_back(transformed(two_steps(s)));
    Array<double> y = transformed(noise(s, draw)), b(y.shape());
    for (Index f = 0; f < n; ++f) {
      const double a = symbol[static_cast<std::size_t>(f)];
      y[f] += a * p.truth.back()[f];
      b[f] = a * y[f];
    }
    p.start.push_back(std::move(y));
    projections.push_back(std::move(b));
    p.key.push_back(draw << 32 | static_cast<std::uint64_t>(s));
  }
  p.layer = [shared = std::make_shared<const Spectrum>(std::move(spectrum)), projections, tau,
             prox](std::size_t i, const Array<double>& theta) {
    return SpectralLayer(shared, projections[i], theta, tau, prox);
  };
  return p;
}

Problem<SpectralLayer> smoothness(double tau, std::uint64_t draw) {
  Spectrum spectrum{{}, {}, std::vector<Index>(n, 0)};
  for (Index f = 0; f < n; ++f)
    spectrum.penalty.push_back(2 - 2 * std::cos(2 * std::numbers::pi * static_cast<double>(f) / n));
  auto p = spectral_problem("C15", blur_symbol(1.2, 4), std::move(spectrum), tau, false, draw);
  p.theta = Array<double>(Shape{1}, -1.0);
  return p;
}

/// C diag(linspace(1, 0.35, 8)) H.
Matrix<double> lasso_matrix() {
  constexpr Index m = 8;
  Matrix<double> C(m, m);
  for (Index k = 0; k < m; ++k)
    for (Index j = 0; j < m; ++j)
      C(k, j) = std::sqrt((k == 0 ? 1.0 : 2.0) / m) *
                std::cos(std::numbers::pi * static_cast<double>(k * (2 * j + 1)) / (2 * m));
  const Vector<double> v = Vector<double>::LinSpaced(m, 1, m);
  const Matrix<double> H =
      Matrix<double>::Identity(m, m) - 2 / v.squaredNorm() * (v * v.transpose());
  return C * Vector<double>::LinSpaced(m, 1, 0.35).asDiagonal() * H;
}

}  // namespace

Problem<SpectralLayer> smoothness_problem(double tau) { return smoothness(tau, 0); }
Problem<SpectralLayer> smoothness_problem_with_noise(std::uint64_t draw) {
  return smoothness(1, draw);
}

Problem<SpectralLayer> bands_problem() {
  Spectrum spectrum{{}, std::vector<double>(n, 1.0), {}};
  for (Index f = 0; f < n; ++f)
    spectrum.band.push_back((frequency(f) > 2) + (frequency(f) > 6) + (frequency(f) > 14));
  auto p = spectral_problem("C16", blur_symbol(2, 6), std::move(spectrum), 1.9, true, 0);
  p.theta = Array<double>(Shape{4}, -4.0);
  p.low = -10;
  p.high = 4;
  return p;
}

Problem<LassoLayer> lasso_problem(double tau) {
  Problem<LassoLayer> p;
  p.name = "C17";
  const Matrix<double> A = lasso_matrix();
  std::vector<Vector<double>> data;
  for (Index s = 0; s < 6; ++s) {
    Array<double> truth(Shape{8}), start(Shape{8});
    for (Index k = 0; k < 8; ++k)
      truth[k] =
          std::sin(1.3 * static_cast<double>((k + 1) * (s + 1))) * ((k + s) % 3 == 0 ? 1 : 0.15);
    Vector<double> y = A * Eigen::Map<const Vector<double>>(truth.data(), 8);
    for (Index j = 0; j < 8; ++j)
      y[j] += 0.15 * std::sin(2.3 * static_cast<double>(j + 1) + 1.7 * static_cast<double>(s));
    const Vector<double> b = A.transpose() * y;
    std::copy(b.begin(), b.end(), start.begin());
    p.truth.push_back(std::move(truth));
    p.start.push_back(std::move(start));
    p.key.push_back(static_cast<std::uint64_t>(s));
    data.push_back(std::move(y));
  }
  p.layer = [A, data, tau](std::size_t i, const Array<double>& theta) {
    return LassoLayer{A, data[i], Eigen::Map<const Vector<double>>(theta.data(), theta.size()),
                      tau};
  };
  p.theta = Array<double>(Shape{8}, std::log(0.05));
  p.low = -10;
  p.high = 1;
  return p;
}

}  // namespace fejer::equilibrium_learning
