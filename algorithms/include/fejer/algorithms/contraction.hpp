#pragma once
/// How fast fixed-point iterations contract, and what that says about their gradients.
#include <fejer/array.hpp>

namespace fejer {

/// Lip(x - tau grad f), the Hessian of f in [alpha, beta]: max(|1 - tau alpha|, |1 - tau beta|).
double gradient_step_bound(double tau, double alpha, double beta);
/// Lip(prox_{tau g}(x - tau grad f)), g strongly convex of modulus mu >= 0: the above over
/// 1 + tau mu.
double forward_backward_bound(double tau, double alpha, double beta, double mu = 0);
/// Lip(prox_{tau f}(x - tau lambda grad g)), the Hessian of g in [-weak, upper], of f at least
/// alpha: max(1 + tau lambda weak, |1 - tau lambda upper|) / (1 + tau alpha).
double backward_forward_bound(double tau, double lambda, double weak, double upper, double alpha);
/// Lip((1 - a) x + a Phi(x)), a in (0, 1]: (1 - a) + a q.
double relaxed_bound(double a, double q);

/// Near x*: ||dT/dtheta|| <= M, Lip(T) <= rho < 1, dT/dtheta and dT/dx Lipschitz in x with L_B and
/// L_J, ||grad l|| <= G and Lipschitz with beta.
struct EquilibriumConstants {
  double M = 1, G = 1, rho = 0, L_B = 0, L_J = 0, beta = 0;
};

/// Bound of ||JFB(K, R) - exact gradient|| for tied layers, from a start at distance delta of x*:
///   M G rho^K / (1 - rho)                                      (the cut Neumann series)
///   + G K rho^(K-1) (L_B + M L_J / (1 - rho)) rho^(K R) delta  (derivatives along the transient)
///   + M beta / (1 - rho) rho^(K (R+1)) delta                   (the loss's gradient there).
/// Restarts reduce the last two at no cost in memory; only K reduces the first.
double restarted_error_bound(const EquilibriumConstants& c, Index K, Index R, double delta);

struct RestartedChoice {
  Index K, R;
};
/// The smallest K whose first term is at most epsilon / 2, then the smallest R for which the others
/// are. Throws ArgumentError unless 0 <= rho < 1 and epsilon > 0.
RestartedChoice choose_restarted(const EquilibriumConstants& c, double delta, double epsilon);

}  // namespace fejer
