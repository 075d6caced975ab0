#pragma once
/// Denoisers that are made for one noise level.
#include <cmath>
#include <string>

#include <fejer/error.hpp>

namespace fejer::detail {

/// Throws ArgumentError unless sigma is `level` to 1e-3 relative.
inline void require_trained_level(const std::string& what, double sigma, double level) {
  if (std::abs(sigma - level) <= 1e-3 * level) return;
  const auto text = [](double s) {
    return std::to_string(s) + " (" + std::to_string(255 * s) + "/255)";
  };
  throw ArgumentError(what + ": sigma is " + text(sigma) + ", but it was trained for " +
                      text(level) + " only");
}

}  // namespace fejer::detail
