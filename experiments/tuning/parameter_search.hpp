#pragma once
/// What of a reconstruction is tuned, and its search on cases whose truth is known: coarsely on the
/// first of them, then finely on all, by the mean of their scores.
#include <cstddef>

#include "compass_search.hpp"
#include "defaults.hpp"

namespace fejer::tuning {

/// tv: lambda; model: lambda and sigma; pnp: the relaxation and, where the denoiser takes any,
/// sigma. Starts are the defaults of fejer reconstruct, but for the relaxation, which starts at
/// 0.1. A factor on the intensity scale would be one more strength, but takes the images out of the
/// range [0,1] that networks were trained on.
std::array<Parameter, 2> search_space(const command::Situation& situation);

struct Stages {
  SearchOptions coarse{1.6, 18};
  SearchOptions fine{1.25, 6};
};

struct StagedResult {
  SearchResult coarse;  ///< scores of the first case
  SearchResult fine;    ///< means over all cases
};

/// `score` of a point and the index of a case: larger is better; not finite counts as -100. It is
/// asked once for each, and should begin each case afresh: from an earlier trial's end, a weak
/// prior would look good for what it has not yet spoilt. The fine search starts at the best point
/// of the coarse one, with the roots of the factors.
StagedResult search_in_stages(std::array<Parameter, 2> space, std::size_t cases,
                              const std::function<double(const Point&, std::size_t)>& score,
                              const Stages& stages);

}  // namespace fejer::tuning
