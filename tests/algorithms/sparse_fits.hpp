#pragma once
/// Small problems for the inexact augmented Lagrangian method, and all its variants.
#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <fejer/algorithms/inexact_augmented_lagrangian.hpp>
#include <fejer/rng.hpp>

namespace fejer_test {

using namespace fejer;

constexpr double infinity = std::numeric_limits<double>::infinity();

inline Array<double> normal(const Shape& shape, const std::string& name, double scale = 1) {
  Array<double> x(shape);
  fill_normal<double>(x, Rng(11).stream(name));
  for (double& v : x) v *= scale;
  return x;
}

/// y = two units of two of the inputs, and noise.
inline SparseFit small_fit(SparseFitOptions options, Index samples = 150, Index inputs = 6) {
  Array<double> x = normal({inputs, samples}, "x"), y = normal({1, samples}, "noise", 0.05);
  for (Index n = 0; n < samples; ++n) {
    const double a = x[n] - x[samples + n], b = x[samples + n] + 0.3;
    y[n] += std::max(a, 0.01 * a) - 0.8 * std::max(b, 0.01 * b);
  }
  return SparseFit(std::move(x), std::move(y), std::move(options));
}

inline SparseFitOptions hidden(std::vector<Index> units) {
  SparseFitOptions o;
  o.hidden = std::move(units);
  return o;
}

inline bool same_bits(const Array<double>& a, const Array<double>& b) {
  return a.shape() == b.shape() &&
         std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(double)) == 0;
}

/// All that the method is tested with: two and three layers, hard, activated output, lambda_v, rows
/// and groups of columns.
struct Variant {
  SparseFit fit;
  AugmentedLagrangianOptions options;
};
inline std::vector<Variant> variants() {
  std::vector<Variant> list;
  list.push_back({small_fit(hidden({7})), {}});
  list.push_back({small_fit(hidden({7})), {.beta = infinity, .sweeps = 2}});
  list.push_back({small_fit(hidden({7})), {.beta = 0.3}});
  SparseFitOptions o = hidden({6, 5});
  o.lambda_v = 1e-3;
  list.push_back({small_fit(o), {.rho = 0.5, .column_passes = 2, .dual_start = false}});
  o = hidden({6});
  o.activated_output = true;
  o.slope = 0.3;
  list.push_back({small_fit(o), {}});
  o.slope = 0;
  list.push_back({small_fit(o), {.rho = 4}});
  list.push_back({small_fit(hidden({})), {}});
  o = hidden({7});
  o.lambda_w = 1e-2;
  o.groups = WeightGroups::rows;
  list.push_back({small_fit(o), {.column_passes = 2}});
  o = hidden({6, 4});
  o.lambda_w = 1e-2;
  o.group_columns = {3, 2, 1};
  list.push_back({small_fit(o), {}});
  list.push_back({small_fit(hidden({7})), {.prox_linear = true}});
  o.lambda_v = 1e-3;
  list.push_back({small_fit(o), {.beta = 0.3, .prox_linear = true, .dual_start = false}});
  return list;
}

}  // namespace fejer_test
