#pragma once
/// Functions on [-1, 1] with |slope| <= 1 (Ducotterd et al., JMLR 25 (2024), and its code).
#include <functional>
#include <string>
#include <vector>

#include <fejer/rng.hpp>

namespace fejer::one_dimensional_fitting {

struct Target {
  std::string name, shows;
  std::function<double(double)> value;
};

/// unit_slopes: slopes +1 and -1 in turn between 9 random knots, mean 0; zero_or_unit_slopes:
/// slopes drawn from {-1, 0, 1}, mean 0; cosine: cos(7 pi x) / (7 pi); sawtooth: four triangles of
/// height 1/4, less 1/8; soft_threshold: sign(x) max(|x| - 1/20, 0).
std::vector<Target> targets(const Rng& rng);

}  // namespace fejer::one_dimensional_fitting
