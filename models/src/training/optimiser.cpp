#include <fejer/models/training/optimiser.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include <fejer/error.hpp>
#include <fejer/files.hpp>

#include "names.hpp"

namespace fejer {
namespace {

void require(bool fits, const char* name, double got, const char* expected) {
  if (!fits)
    throw ArgumentError(std::string("Optimiser: got ") + name + " = " + std::to_string(got) +
                        ", expected " + expected);
}

}  // namespace

const std::vector<std::string>& optimiser_names() {
  static const std::vector<std::string> names = {"adam", "adamax", "adagrad", "sgd"};
  return names;
}
OptimiserKind optimiser_from(const std::string& name) {
  return detail::kind_from<OptimiserKind>("optimiser", name, optimiser_names());
}

Optimiser::Optimiser(OptimiserOptions options, const Parameters& parameters)
    : options_(std::move(options)) {
  const OptimiserOptions& o = options_;
  require(std::isfinite(o.rate) && o.rate >= 0, "rate", o.rate, "0 or more");
  require(o.beta1 >= 0 && o.beta1 < 1, "beta1", o.beta1, "[0,1)");
  require(o.beta2 >= 0 && o.beta2 < 1, "beta2", o.beta2, "[0,1)");
  require(o.epsilon > 0 && std::isfinite(o.epsilon), "epsilon", o.epsilon, "a positive number");
  require(o.momentum >= 0 && o.momentum < 1, "momentum", o.momentum, "[0,1)");
  std::vector<std::string> groups;
  for (const Parameters::Entry& e : parameters.entries())
    if (std::find(groups.begin(), groups.end(), e.group) == groups.end()) groups.push_back(e.group);
  for (const auto& [group, rate] : o.group_rates) {
    require(std::isfinite(rate) && rate >= 0, group.c_str(), rate, "a rate of 0 or more");
    if (std::find(groups.begin(), groups.end(), group) == groups.end())
      throw ArgumentError(unknown_name("group of parameters", group, groups));
  }
}

Optimiser::State Optimiser::initial(const Parameters& parameters) const {
  return {0, parameters.zeros(), parameters.zeros()};
}

void Optimiser::step(const Parameters& gradient, double factor, State& state,
                     Parameters& parameters) const {
  parameters.require_like("Optimiser::step", gradient);
  parameters.require_like("Optimiser::step", state.first);
  parameters.require_like("Optimiser::step", state.second);
  const OptimiserOptions& o = options_;
  const double t = static_cast<double>(++state.step);
  const double first_bias = 1 - std::pow(o.beta1, t), second_bias = 1 - std::pow(o.beta2, t);
  for (std::size_t e = 0; e < parameters.entries().size(); ++e) {
    Parameters::Entry& entry = parameters.entries()[e];
    const auto own = o.group_rates.find(entry.group);
    const double rate = factor * (own == o.group_rates.end() ? o.rate : own->second);
    const Array<double>& gs = gradient.entries()[e].value;
    Array<double>&ms = state.first.entries()[e].value, &vs = state.second.entries()[e].value;
    for (Index i = 0; i < entry.value.size(); ++i) {
      const double g = gs[i];
      double &m = ms[i], &v = vs[i], &p = entry.value[i];
      switch (o.kind) {
        case OptimiserKind::adam:
          m = o.beta1 * m + (1 - o.beta1) * g;
          v = o.beta2 * v + (1 - o.beta2) * (g * g);
          p -= rate * (m / first_bias) / (std::sqrt(v / second_bias) + o.epsilon);
          break;
        case OptimiserKind::adamax:
          m = o.beta1 * m + (1 - o.beta1) * g;
          v = std::max(o.beta2 * v, std::abs(g) + o.epsilon);
          p -= rate / first_bias * (m / v);
          break;
        case OptimiserKind::adagrad:
          v += g * g;
          p -= rate * g / (std::sqrt(v) + o.epsilon);
          break;
        case OptimiserKind::sgd:
          m = o.momentum * m + g;
          p -= rate * m;
          break;
      }
    }
  }
}

const std::vector<std::string>& schedule_names() {
  static const std::vector<std::string> names = {"constant", "step", "cosine"};
  return names;
}
Schedule::Kind schedule_from(const std::string& name) {
  return detail::kind_from<Schedule::Kind>("schedule", name, schedule_names());
}

double Schedule::factor(Index step) const {
  double value = 1;
  if (kind == Kind::step)
    value =
        std::pow(decay, static_cast<double>(std::min(step / std::max<Index>(every, 1), at_most)));
  if (kind == Kind::cosine) {
    const double share = static_cast<double>(step) / static_cast<double>(std::max<Index>(over, 1));
    value = (1 + std::cos(std::numbers::pi * std::min(share, 1.0))) / 2;
  }
  if (step + 1 < warm_up) value *= static_cast<double>(step + 1) / static_cast<double>(warm_up);
  return value;
}

double clip_norm(Parameters& gradient, double largest) {
  const double norm = std::sqrt(dot(gradient, gradient));
  if (largest > 0 && norm > largest) scale(gradient, largest / norm);
  return norm;
}

void update_average(double decay, Index step, const Parameters& parameters, Parameters& average) {
  const double t = static_cast<double>(step), d = std::min(decay, (1 + t) / (10 + t));
  scale(average, d);
  axpy(1 - d, parameters, average);
}

}  // namespace fejer
