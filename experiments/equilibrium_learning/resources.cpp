#include <malloc.h>
#include <fstream>
#include <sstream>

#include "checks.hpp"

namespace fejer::equilibrium_learning {
namespace {

using equilibrium_closed_form::ReluNetwork;
using equilibrium_closed_form::restarted_options;

/// x -> N(x) / (2 Lip N) + y / 2, N a small network without biases; parameter sigma of N.
struct NetworkLayer {
  using Scalar = double;
  using Gradient = Array<double>;
  using Saved = ReluNetwork<double>::Saved;
  ReluNetwork<double> net;
  Array<double> y;
  double factor = 0;

  explicit NetworkLayer(Index size) : y(Shape{1, size, size}) {
    for (Index i = 0; i < y.size(); ++i) y[i] = std::sin(0.1 * static_cast<double>(i));
    // By the sums of |w|, so that Lip <= 1/2 in the maximum norm.
    factor = 0.5;
    for (const auto* layer : {&net.one, &net.two, &net.three}) factor /= largest_row(*layer);
  }
  static double largest_row(const Convolution<double>& layer) {
    const Array<double>& w = layer.weights();
    const Index row = w.size() / w.shape()[0];
    double largest = 0;
    for (Index i = 0; i < w.shape()[0]; ++i) {
      double sum = 0;
      for (Index j = 0; j < row; ++j) sum += std::abs(w[i * row + j]);
      largest = std::max(largest, sum);
    }
    return largest;
  }
  void forward(ConstView<double> x, View<double> out, Saved* saved) const {
    net.forward(x, out, saved);
    combine<double>(factor, out, 0.5, y, out);
  }
  void vjp(const Saved& saved, ConstView<double> u, View<double> xbar, Gradient* gradient) const {
    Array<double> scaled(u);
    scale<double>(scaled, factor);
    net.vjp(saved, scaled, xbar, gradient);
  }
};

struct Step {
  double seconds;
  Index tape;
};

Step step(const MeteredLayer<NetworkLayer>& layer, EquilibriumOptions o) {
  o.power_iterations = 0;  // counted apart: products that do not depend on K and R
  Array<double> x = layer.layer.y, gradient(Shape{1});
  const auto loss = [&](ConstView<double> at, View<double> g) {
    copy<double>(at, g);
    return dot<double>(at, at) / 2;
  };
  TapeMeter::begin();
  const double begin = cpu_seconds();
  equilibrium_gradient(layer, o, loss, View<double>(x), gradient);
  return {cpu_seconds() - begin, TapeMeter::peak()};
}

/// Bytes of a line of /proc/self/status; 0 where there is none.
double status_bytes(const std::string& name) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.rfind(name + ":", 0) == 0) {
      std::istringstream text(line.substr(name.size() + 1));
      double kilobytes = 0;
      text >> kilobytes;
      return 1024 * kilobytes;
    }
  return 0;
}

/// By how much the process grows at most during a step; null where the system does not tell.
Json resident_growth(const MeteredLayer<NetworkLayer>& layer, const EquilibriumOptions& o) {
  malloc_trim(0);
  if (!(std::ofstream("/proc/self/clear_refs") << "5" << std::flush)) return nullptr;
  const double before = status_bytes("VmRSS");
  step(layer, o);
  return status_bytes("VmHWM") - before;
}

/// Flat in R, affine in K: 16 numbers a pixel for each layer, or one where layers are recomputed.
void check_growth(Checks& c, const Json& rows, Index pixels) {
  const auto growth = [&](std::size_t i) { return rows[i]["resident_growth_bytes"].get<double>(); };
  for (const std::size_t first : {std::size_t{0}, std::size_t{4}}) {
    const std::string end = first > 0 ? ".recompute" : "";
    c.add("C19.resident.R20_over_R0" + end, growth(first + 1) / growth(first), 1, 0.05);
    const double layer = 8.0 * static_cast<double>(pixels) * (first > 0 ? 1 : 16);
    c.add("C19.resident.K10_to_K20" + end, (growth(first + 3) - growth(first + 2)) / (10 * layer),
          1, 0.05);
    c.add("C19.resident.K5_to_K10" + end, (growth(first + 2) - growth(first)) / (5 * layer), 1,
          0.05);
  }
  const double layer = 8.0 * static_cast<double>(pixels) * 16;
  c.add("C19.resident.unrolled.K10_to_K60", (growth(9) - growth(8)) / (50 * layer), 1, 0.05);
}

/// The best of some turns: a pass without a tape, and a pass with one and back, less the former.
struct PassCosts {
  double forward = 1e9, forward_and_back = 1e9;
  double backward() const { return forward_and_back - forward; }

  void measure(const NetworkLayer& layer) {
    Array<double> x = layer.y, out(x.shape()), gradient(Shape{1});
    double begin = cpu_seconds();
    constexpr int passes = 20;
    for (int i = 0; i < passes; ++i) layer.forward(x, out, nullptr), std::swap(x, out);
    forward = std::min(forward, (cpu_seconds() - begin) / passes);
    begin = cpu_seconds();
    for (int i = 0; i < passes; ++i) {
      NetworkLayer::Saved saved;
      layer.forward(x, out, &saved);
      layer.vjp(saved, out, x, &gradient);
    }
    forward_and_back = std::min(forward_and_back, (cpu_seconds() - begin) / passes);
  }
};

}  // namespace

Json measure_memory(Checks& c, bool smoke) {
  const ScopedThreads one(1);
  // Every array is a mapping of its own, so that gaps in the heap are not taken for memory in use.
  mallopt(M_MMAP_THRESHOLD, 1 << 16);
  const Index size = smoke ? 32 : 160;
  const MeteredLayer<NetworkLayer> layer{NetworkLayer(size)};
  const Index pixels = size * size;
  Json rows = Json::array();
  for (const bool recompute : {false, true})
    for (const auto& [K, R] : {std::pair<Index, Index>{5, 0}, {5, 20}, {10, 0}, {20, 0}}) {
      EquilibriumOptions o = restarted_options(K, R);
      o.recompute = recompute;
      const Index tape = step(layer, o).tape;
      const std::string id =
          "C19.K" + std::to_string(K) + ".R" + std::to_string(R) + (recompute ? ".recompute" : "");
      // What a layer keeps: eight channels twice.
      c.add(id, static_cast<double>(tape) / static_cast<double>(16 * pixels),
            recompute ? 1 : static_cast<double>(K), 0);
      Json row = {{"K", K}, {"R", R}, {"recompute", recompute}, {"numbers_on_tape", tape}};
      if (!smoke) row["resident_growth_bytes"] = resident_growth(layer, o);
      rows.push_back(row);
    }
  // Unrolling keeps every pass: those that JFB(10, 5) differentiates, and all it makes.
  for (const Index K : {10, 60}) {
    EquilibriumOptions o = restarted_options(K, 0);
    o.strategy = GradientStrategy::unrolled;
    const Index tape = step(layer, o).tape;
    c.add("C19.unrolled.K" + std::to_string(K),
          static_cast<double>(tape) / static_cast<double>(16 * pixels), static_cast<double>(K), 0);
    Json row = {{"K", K}, {"R", nullptr}, {"recompute", false}, {"numbers_on_tape", tape}};
    if (!smoke) row["resident_growth_bytes"] = resident_growth(layer, o);
    rows.push_back(row);
  }
  if (!smoke && rows[0]["resident_growth_bytes"].is_number()) check_growth(c, rows, pixels);
  return {{"pixels", pixels}, {"rows", rows}};
}

Json measure_time(Checks& c, bool smoke) {
  const ScopedThreads one(1);
  // What is freed stays with the process, as it comes to do in long trainings.
  mallopt(M_MMAP_THRESHOLD, 1 << 25);
  mallopt(M_TRIM_THRESHOLD, 1 << 28);
  const MeteredLayer<NetworkLayer> layer{NetworkLayer(smoke ? 16 : 64)};
  struct Row {
    Index K, R;
    double seconds = 1e9;
    double model(const PassCosts& costs) const {
      return static_cast<double>((R + 1) * K) * costs.forward +
             static_cast<double>(K) * costs.backward();
    }
  };
  PassCosts costs;
  std::vector<Row> rows = {{1, 109}, {5, 0}, {5, 10}, {10, 0}, {10, 5}, {10, 10}, {20, 0}, {20, 5}};
  // In turns, so that all meet the same neighbours.
  for (int turn = 0; turn < (smoke ? 1 : 25); ++turn) {
    costs.measure(layer.layer);
    for (Row& row : rows)
      row.seconds = std::min(row.seconds, step(layer, restarted_options(row.K, row.R)).seconds);
  }
  Json list = Json::array();
  for (const Row& row : rows) {
    const double model = row.model(costs);
    if (!smoke)
      c.add("C20.K" + std::to_string(row.K) + ".R" + std::to_string(row.R), row.seconds / model, 1,
            0.2);
    list.push_back({{"K", row.K},
                    {"R", row.R},
                    {"milliseconds", 1e3 * row.seconds},
                    {"model_milliseconds", 1e3 * model},
                    {"ratio", row.seconds / model}});
  }
  return {{"forward_milliseconds", 1e3 * costs.forward},
          {"backward_milliseconds", 1e3 * costs.backward()},
          {"rows", list}};
}

}  // namespace fejer::equilibrium_learning
