#pragma once
/// Coarse-to-fine search over one or two positive parameters (Goujon et al., IEEE TCI 9 (2023),
/// as published with their code): a multiplicative 3-point (3x3) grid {p/g, p, pg}; if the best is
/// at an edge the grid moves there, else it is refined, g <- sqrt(g); stops below `finest`.
#include <array>
#include <functional>
#include <vector>

namespace fejer::tuning {

using Point = std::array<double, 2>;

struct Parameter {
  double start = 1;
  double low = 1e-12, high = 1e12;  ///< values are clipped to this range
  double factor = 3;                ///< g of the first grid; 1: not searched
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
};
SearchResult grid_search(const std::array<Parameter, 2>& parameters,
                         const std::function<double(const Point&)>& score,
                         const SearchOptions& options = {});

}  // namespace fejer::tuning
