#pragma once
/// Compass search over one or two positive parameters, in their logarithms: from the best point p
/// each parameter in turn is multiplied and divided by its factor g. A better point becomes the
/// centre at once and is followed in the same direction; after a round without a better one
/// g <- sqrt(g), until all are below `finest` (Kolda, Lewis, Torczon, SIAM Review 45(3), 2003).
#include <array>
#include <functional>
#include <vector>

namespace fejer::tuning {

using Point = std::array<double, 2>;

struct Parameter {
  double start = 1;
  double low = 1e-12, high = 1e12;  ///< values are clipped to this range
  double factor = 3;                ///< g of the first round; 1: not searched
};

struct Trial {
  Point point;
  double score;
};

struct SearchOptions {
  double finest = 1.2;
  int most_trials = 30;
};

/// The trial with the largest score, and all of them in order. Each point is scored once.
struct SearchResult {
  Trial best;
  std::vector<Trial> trials;
  bool finished = false;  ///< every factor fell below `finest` before the trials ran out
};
SearchResult compass_search(const std::array<Parameter, 2>& parameters,
                            const std::function<double(const Point&)>& score,
                            const SearchOptions& options = {});

}  // namespace fejer::tuning
