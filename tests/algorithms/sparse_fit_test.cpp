// The problem that the inexact augmented Lagrangian method minimises.
#include <doctest/doctest.h>

#include <cmath>

#include "sparse_fits.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

/// F's first two and last terms as the definition says, one sample after the other.
double plain_value(const SparseFit& fit, const Array<double>& p) {
  const SparseFitOptions& o = fit.options();
  const double count = static_cast<double>(fit.samples());
  double sum = 0;
  for (Index k = 0; k < fit.samples(); ++k) {
    std::vector<double> v;
    for (Index i = 0; i < fit.width(0); ++i) v.push_back(fit.x()[i * fit.samples() + k]);
    for (Index l = 1; l <= fit.layers(); ++l) {
      const auto w = fit.weights(ConstView<double>(p), l);
      const auto b = fit.bias(ConstView<double>(p), l);
      std::vector<double> next;
      for (Index i = 0; i < fit.width(l); ++i) {
        double u = b[i];
        for (Index j = 0; j < fit.width(l - 1); ++j)
          u += w[i * fit.width(l - 1) + j] * v[static_cast<std::size_t>(j)];
        const bool active = l < fit.layers() || o.activated_output;
        next.push_back(active ? std::max(u, o.slope * u) : u);
        if (l < fit.layers()) sum += o.lambda_v * next.back() * next.back() / count;
      }
      v = next;
    }
    for (Index i = 0; i < fit.width(fit.layers()); ++i)
      sum += std::pow(v[static_cast<std::size_t>(i)] - fit.y()[i * fit.samples() + k], 2) / count;
  }
  for (Index l = 1; l <= fit.layers(); ++l) {
    const auto w = fit.weights(ConstView<double>(p), l);
    const bool rows = o.groups == WeightGroups::rows;
    const Index in = fit.width(l - 1), out = fit.width(l);
    const Index together =
        o.group_columns.empty() ? 1 : o.group_columns[static_cast<std::size_t>(l - 1)];
    std::vector<double> squares(static_cast<std::size_t>(rows ? out : in / together));
    for (Index i = 0; i < out; ++i)
      for (Index j = 0; j < in; ++j)
        squares[static_cast<std::size_t>(rows ? i : j / together)] += std::pow(w[i * in + j], 2);
    for (const double square : squares) sum += o.lambda_w * std::sqrt(square);
    for (const double b : fit.bias(ConstView<double>(p), l)) sum += o.lambda_b * b * b;
  }
  return sum;
}

}  // namespace

TEST_CASE("the objective is its definition, its gradient that of central differences") {
  for (const Variant& variant : variants()) {
    const SparseFit& fit = variant.fit;
    Array<double> p = normal({fit.parameters()}, "p", 0.5), gradient(p.shape());
    const double value = fit.value_and_gradient(p, gradient);
    CHECK(value == doctest::Approx(plain_value(fit, p)).epsilon(1e-12));
    CHECK(fit.value(p) == value);
    for (Index i = 0; i < p.size(); i += 3) {
      const double h = 1e-6, at = p[i];
      p[i] = at + h;
      const double above = fit.value(p);
      p[i] = at - h;
      const double below = fit.value(p);
      p[i] = at;
      CHECK(gradient[i] == doctest::Approx((above - below) / (2 * h)).epsilon(1e-5));
    }
  }
}
