#include "defaults.hpp"

#include <algorithm>
#include <cmath>

namespace fejer::command {
namespace {

/// Of Prox-PnP by Douglas-Rachford (Hurault, Leclaire, Papadakis, arXiv 2201.13256, section 5.2).
constexpr double drs_noise[] = {2.55 / 255, 7.65 / 255, 12.75 / 255};
constexpr double drs_step[] = {5, 1.5, 1}, drs_sigma_ratio[] = {2, 1, 0.75};

/// Linear between (log drs_noise[k], f(k)), constant beyond.
template <class F>
double between_levels(double noise, const F& f) {
  if (noise <= drs_noise[0]) return f(0);
  for (int k = 0; k < 2; ++k) {
    if (noise >= drs_noise[k + 1]) continue;
    const double t = std::log(noise / drs_noise[k]) / std::log(drs_noise[k + 1] / drs_noise[k]);
    return (1 - t) * f(k) + t * f(k + 1);
  }
  return f(2);
}

}  // namespace

double default_lambda(const Situation& s, double sigma) {
  const double noise = std::max(s.noise_level, smallest_noise_level);
  if (s.prior == "tv") return noise * noise / 0.1;
  if (s.prior == "model" && s.operator_kind != "denoise") return noise * noise / (sigma * sigma);
  if (s.algorithm == "gs-pnp") return 0.1;
  if (s.algorithm == "dpir") return 0.23;
  if (s.algorithm == "prox-drs") return 0.5;
  return 1;
}

double default_sigma(const Situation& s) {
  if (s.model_noise_level) return *s.model_noise_level;
  const double noise = std::max(s.noise_level, smallest_noise_level);
  if (s.operator_kind == "denoise" || s.algorithm == "dpir") return std::min(noise, 1.0);
  if (s.algorithm == "gs-pnp") return std::min(1.8 * noise, 1.0);
  if (s.algorithm == "prox-pnp") return std::clamp(noise / 2, 1.9 / 255, 1.0);
  if (s.algorithm == "prox-drs")
    return std::min(noise * between_levels(noise, [](int k) { return drs_sigma_ratio[k]; }), 1.0);
  return std::clamp(2 * noise, 5.0 / 255, largest_ridge_level);
}

double default_step(const Situation& s) {
  if (s.algorithm == "prox-pnp") return 0.99;
  if (s.algorithm != "prox-drs") return 1;
  return std::exp(between_levels(s.noise_level, [](int k) { return std::log(drs_step[k]); }));
}

double default_tolerance(const Situation& s) {
  if (s.algorithm == "prox-drs") return 1e-8;
  return s.prior == "none" ? 1e-4 : 1e-5;
}

Index default_max_iterations(const Situation& s) {
  if (s.algorithm == "dpir") return 8;
  if (s.algorithm == "gs-pnp") return 400;
  if (s.algorithm == "prox-pnp" || s.algorithm == "prox-drs") return 1000;
  return s.prior == "none" ? 200 : 2000;
}

}  // namespace fejer::command
