#pragma once
/// The training problems.
#include "../checks.hpp"
#include "learning.hpp"
#include "spectral_layer.hpp"

namespace fejer::equilibrium_learning {

using LassoLayer = equilibrium_closed_form::LassoLayer<double>;

/// Eight signals of two steps each on a circle of 64 samples, the s-th moved by 3s, blurred by
/// exp(-(k/1.2)^2/2), |k| <= 4, noise 0.08 sin(1.7 i^2 + 0.3 + 1.1 s); log lambda of the smoothness
/// penalty lambda/2 x^T P x, P the negative Laplacian, from -1. Explicit steps of size tau.
Problem<SpectralLayer> smoothness_problem(double tau = 1);
/// The same signals blurred by exp(-(k/2)^2/2), |k| <= 6; a log weight of |x_f|^2 / 2 for each of
/// the bands |f| <= 2, <= 6, <= 14 and the rest, from -4 in [-10, 4]. Forward-backward, tau = 1.9.
Problem<SpectralLayer> bands_problem();
/// Six samples of 8 coefficients, A = C diag(1, ..., 0.35) H with C the orthonormal DCT-II and H
/// the Householder matrix of (1, ..., 8); a log weight of |x_j| each, from log 0.05 in [-10, 1].
/// tau <= 1 = 1/||A||^2.
Problem<LassoLayer> lasso_problem(double tau = 1);

/// As smoothness_problem, other noise: its keys are those of `draw`.
Problem<SpectralLayer> smoothness_problem_with_noise(std::uint64_t draw);

}  // namespace fejer::equilibrium_learning
