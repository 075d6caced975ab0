#include "defaults.hpp"

#include <algorithm>

namespace fejer::command {

double default_lambda(const Situation& s, double sigma) {
  const double noise = std::max(s.noise_level, smallest_noise_level);
  if (s.prior == "tv") return noise * noise / 0.1;
  if (s.prior == "model" && s.operator_kind != "denoise") return noise * noise / (sigma * sigma);
  if (s.algorithm == "gs-pnp") return 0.1;
  if (s.algorithm == "dpir") return 0.23;
  return 1;
}

double default_sigma(const Situation& s) {
  if (s.model_noise_level) return *s.model_noise_level;
  const double noise = std::max(s.noise_level, smallest_noise_level);
  if (s.operator_kind == "denoise" || s.algorithm == "dpir") return std::min(noise, 1.0);
  if (s.algorithm == "gs-pnp") return std::min(1.8 * noise, 1.0);
  if (s.algorithm == "prox-pnp") return std::clamp(noise / 2, 1.9 / 255, 1.0);
  return std::clamp(2 * noise, 5.0 / 255, largest_ridge_level);
}

double default_step(const Situation& s) { return s.algorithm == "prox-pnp" ? 0.99 : 1; }

double default_tolerance(const Situation& s) { return s.prior == "none" ? 1e-4 : 1e-5; }

Index default_max_iterations(const Situation& s) {
  if (s.algorithm == "dpir") return 8;
  if (s.algorithm == "gs-pnp") return 400;
  if (s.algorithm == "prox-pnp") return 1000;
  return s.prior == "none" ? 200 : 2000;
}

}  // namespace fejer::command
