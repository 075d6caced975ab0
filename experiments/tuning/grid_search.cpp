#include "grid_search.hpp"

#include <algorithm>
#include <cmath>

namespace fejer::tuning {
namespace {

class Search {
 public:
  Search(const std::array<Parameter, 2>& parameters,
         const std::function<double(const Point&)>& score, const SearchOptions& options)
      : parameters_(parameters), score_(score), options_(options) {}

  SearchResult run() {
    Point centre{parameters_[0].start, parameters_[1].start};
    Point factor{parameters_[0].factor, parameters_[1].factor};
    try_at(centre);
    while (!exhausted()) {
      scan(centre, factor);
      for (std::size_t axis = 0; axis < 2; ++axis) {
        const bool edge = std::abs(std::log(result_.best.point[axis] / centre[axis])) > 1e-9;
        // At an edge the step is kept, so that the search goes on outwards.
        if (!edge) factor[axis] = std::sqrt(factor[axis]);
      }
      centre = result_.best.point;
      if (std::max(factor[0], factor[1]) < options_.finest) break;
    }
    return result_;
  }

 private:
  bool exhausted() const { return static_cast<int>(result_.trials.size()) >= options_.most_trials; }

  void scan(const Point& centre, const Point& factor) {
    for (int i = -1; i <= 1; ++i)
      for (int j = -1; j <= 1; ++j) {
        if ((i != 0 && factor[0] == 1) || (j != 0 && factor[1] == 1) || exhausted()) continue;
        try_at({centre[0] * std::pow(factor[0], i), centre[1] * std::pow(factor[1], j)});
      }
  }

  void try_at(Point p) {
    for (std::size_t axis = 0; axis < 2; ++axis)
      p[axis] = std::clamp(p[axis], parameters_[axis].low, parameters_[axis].high);
    for (const Trial& t : result_.trials)
      if (std::abs(std::log(t.point[0] / p[0])) < 1e-4 &&
          std::abs(std::log(t.point[1] / p[1])) < 1e-4)
        return;
    const Trial trial{p, score_(p)};
    if (result_.trials.empty() || trial.score > result_.best.score) result_.best = trial;
    result_.trials.push_back(trial);
  }

  const std::array<Parameter, 2>& parameters_;
  const std::function<double(const Point&)>& score_;
  SearchOptions options_;
  SearchResult result_;
};

}  // namespace

SearchResult grid_search(const std::array<Parameter, 2>& parameters,
                         const std::function<double(const Point&)>& score,
                         const SearchOptions& options) {
  return Search(parameters, score, options).run();
}

}  // namespace fejer::tuning
