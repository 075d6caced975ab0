#include "parameter_search.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

namespace fejer::tuning {

std::array<Parameter, 2> search_space(const command::Situation& situation) {
  const Parameter fixed{1, 1, 1, 1};
  const double sigma = command::default_sigma(situation);
  const double most =
      situation.prior == "model" ? command::largest_ridge_level : command::largest_network_level;
  const Parameter level =
      situation.model_noise_level ? fixed : Parameter{std::min(sigma, most), 1.0 / 255, most, 2};
  const bool weighs = situation.algorithm == "gs-pnp" || situation.algorithm == "dpir";
  if (situation.prior == "pnp" && !weighs) return {{{0.1, 0.001, 1, 3}, level}};
  const double lambda = command::default_lambda(situation, sigma);
  const Parameter weight{lambda, lambda * 1e-4, lambda * 1e4, 4};
  return {{weight, situation.prior == "tv" ? fixed : level}};
}

StagedResult search_in_stages(std::array<Parameter, 2> space, std::size_t cases,
                              const std::function<double(const Point&, std::size_t)>& score,
                              const Stages& stages) {
  std::map<std::pair<Point, std::size_t>, double> known;
  const auto mean = [&](const Point& p, std::size_t count) {
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const auto [entry, fresh] = known.try_emplace({p, i});
      if (fresh) entry->second = score(p, i);
      sum += std::isfinite(entry->second) ? entry->second : -100;
    }
    return sum / static_cast<double>(count);
  };
  StagedResult result;
  result.coarse = compass_search(
      space, [&](const Point& p) { return mean(p, 1); }, stages.coarse);
  for (std::size_t axis = 0; axis < space.size(); ++axis) {
    space[axis].start = result.coarse.best.point[axis];
    space[axis].factor = std::sqrt(space[axis].factor);
  }
  result.fine = compass_search(
      space, [&](const Point& p) { return mean(p, cases); }, stages.fine);
  return result;
}

}  // namespace fejer::tuning
