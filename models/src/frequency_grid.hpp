#pragma once
/// Grids of frequencies on which the maximum of a trigonometric polynomial is all but its supremum.
#include <algorithm>
#include <cmath>
#include <numbers>

#include <fejer/array.hpp>

namespace fejer::detail {

/// Grid for degree d such that 1 / cos(pi d / n) <= sqrt(1.01).
inline Index grid_points(Index degree) {
  const double widest = std::acos(1 / std::sqrt(1.01));
  return std::max<Index>(
      1, static_cast<Index>(std::ceil(std::numbers::pi * static_cast<double>(degree) / widest)));
}

/// Supremum over maximum on the grid (Ehlich, Zeller 1964), of one axis.
inline double inflation(Index degree, Index points) {
  return 1 / std::cos(std::numbers::pi * static_cast<double>(degree) / static_cast<double>(points));
}

/// Largest eigenvalues that a factorisation cannot tell from the maximum so far, relative.
constexpr double symbol_slack = 1e-9;

}  // namespace fejer::detail
