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
  const double begin = seconds();
  equilibrium_gradient(layer, o, loss, View<double>(x), gradient);
  return {seconds() - begin, TapeMeter::peak()};
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

}  // namespace

Json measure_memory(Checks& c, bool smoke) {
  const ScopedThreads one(1);
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
  return {{"pixels", pixels}, {"rows", rows}};
}

Json measure_time(bool smoke) {
  const ScopedThreads one(1);
  const MeteredLayer<NetworkLayer> layer{NetworkLayer(smoke ? 32 : 96)};
  const int repeats = smoke ? 1 : 5;
  const auto fastest = [&](Index K, Index R) {
    double best = 1e9;
    for (int i = 0; i < repeats; ++i)
      best = std::min(best, step(layer, restarted_options(K, R)).seconds);
    return best;
  };
  // Two unknowns from two settings; the others are predicted.
  const double shallow = fastest(10, 0), long_run = fastest(10, 20);
  const double forward = (long_run - shallow) / 200, backward = (shallow - 10 * forward) / 10;
  Json rows = Json::array();
  for (const auto& [K, R] :
       {std::pair<Index, Index>{1, 109}, {5, 10}, {10, 5}, {10, 10}, {20, 0}, {20, 5}}) {
    const double seconds = fastest(K, R);
    const double model =
        static_cast<double>((R + 1) * K) * forward + static_cast<double>(K) * backward;
    rows.push_back({{"K", K},
                    {"R", R},
                    {"milliseconds", 1e3 * seconds},
                    {"model_milliseconds", 1e3 * model},
                    {"ratio", seconds / model}});
  }
  return {{"forward_milliseconds", 1e3 * forward},
          {"backward_milliseconds", 1e3 * backward},
          {"rows", rows}};
}

}  // namespace fejer::equilibrium_learning
