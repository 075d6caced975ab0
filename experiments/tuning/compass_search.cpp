#include "compass_search.hpp"

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
    improves({parameters_[0].start, parameters_[1].start});
    Point factor{parameters_[0].factor, parameters_[1].factor};
    while (!cut_short_ && std::max(factor[0], factor[1]) >= options_.finest)
      if (!round(factor))
        for (double& g : factor) g = std::sqrt(g);
    result_.finished = !cut_short_;
    return result_;
  }

 private:
  /// One pass over the axes and directions; true if the best point moved.
  bool round(const Point& factor) {
    bool moved = false;
    for (std::size_t axis = 0; axis < 2; ++axis)
      for (const double g : {factor[axis], 1 / factor[axis]}) {
        bool forwards = false;
        while (improves(moved_along(axis, g))) forwards = moved = true;
        if (forwards) break;
      }
    return moved;
  }

  Point moved_along(std::size_t axis, double g) const {
    Point p = result_.best.point;
    p[axis] *= g;
    return p;
  }

  bool improves(Point p) {
    for (std::size_t axis = 0; axis < 2; ++axis)
      p[axis] = std::clamp(p[axis], parameters_[axis].low, parameters_[axis].high);
    for (const Trial& t : result_.trials)
      if (std::abs(std::log(t.point[0] / p[0])) < 1e-4 &&
          std::abs(std::log(t.point[1] / p[1])) < 1e-4)
        return false;
    cut_short_ = static_cast<int>(result_.trials.size()) >= options_.most_trials;
    if (cut_short_) return false;
    const Trial trial{p, score_(p)};
    const bool better = result_.trials.empty() || trial.score > result_.best.score;
    if (better) result_.best = trial;
    result_.trials.push_back(trial);
    return better;
  }

  const std::array<Parameter, 2>& parameters_;
  const std::function<double(const Point&)>& score_;
  SearchOptions options_;
  SearchResult result_;
  bool cut_short_ = false;  ///< a point was left out, because of most_trials
};

}  // namespace

SearchResult compass_search(const std::array<Parameter, 2>& parameters,
                            const std::function<double(const Point&)>& score,
                            const SearchOptions& options) {
  return Search(parameters, score, options).run();
}

}  // namespace fejer::tuning
