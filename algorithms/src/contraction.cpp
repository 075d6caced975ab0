#include <fejer/algorithms/contraction.hpp>

#include <algorithm>
#include <cmath>

namespace fejer {

double gradient_step_bound(double tau, double alpha, double beta) {
  return std::max(std::abs(1 - tau * alpha), std::abs(1 - tau * beta));
}

double forward_backward_bound(double tau, double alpha, double beta, double mu) {
  return gradient_step_bound(tau, alpha, beta) / (1 + tau * mu);
}

double backward_forward_bound(double tau, double lambda, double weak, double upper, double alpha) {
  return gradient_step_bound(tau * lambda, -weak, upper) / (1 + tau * alpha);
}

double relaxed_bound(double a, double q) { return (1 - a) + a * q; }

namespace {

double truncation(const EquilibriumConstants& c, Index K) {
  return c.M * c.G * std::pow(c.rho, static_cast<double>(K)) / (1 - c.rho);
}

double transient(const EquilibriumConstants& c, Index K, Index R, double delta) {
  const auto k = static_cast<double>(K), r = static_cast<double>(R);
  return (c.G * k * std::pow(c.rho, k - 1) * (c.L_B + c.M * c.L_J / (1 - c.rho)) +
          c.M * c.beta / (1 - c.rho) * std::pow(c.rho, k)) *
         std::pow(c.rho, k * r) * delta;
}

}  // namespace

double restarted_error_bound(const EquilibriumConstants& c, Index K, Index R, double delta) {
  return truncation(c, K) + transient(c, K, R, delta);
}

RestartedChoice choose_restarted(const EquilibriumConstants& c, double delta, double epsilon) {
  if (!(c.rho >= 0 && c.rho < 1) || !(epsilon > 0))
    throw ArgumentError("choose_restarted: rho must lie in [0, 1) and epsilon must be positive");
  RestartedChoice choice{1, 0};
  while (truncation(c, choice.K) > epsilon / 2) ++choice.K;
  while (transient(c, choice.K, choice.R, delta) > epsilon / 2) ++choice.R;
  return choice;
}

}  // namespace fejer
