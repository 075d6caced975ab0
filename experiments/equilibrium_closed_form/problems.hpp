#pragma once
/// The closed-form problems P1 (Tikhonov) and P2 (weighted lasso), a diagonal lasso, and what the
/// checks do with any of them.
#include <cmath>
#include <span>

#include <fejer/algorithms/equilibrium_gradient.hpp>
#include <fejer/vector.hpp>

#include "layers.hpp"

namespace fejer::equilibrium_closed_form {

/// P1: 64 samples on a circle, blur by exp(-(k/1.2)^2/2), |k| <= 4, P the negative Laplacian,
/// lambda = 0.05; the truth is two steps, the noise 0.05 sin(1.7 i^2 + 0.3).
template <class T>
Quadratic<T> tikhonov();
Array<double> tikhonov_truth();
Array<double> tikhonov_data();
/// Its layer with log lambda and log tau.
GradientLayer<double> tikhonov_layer(double tau = 1);

/// P2: A_ij = cos(0.7 (i+1) (j+1)) / sqrt 6, 12 x 8, omega_j = log 0.15 + 0.1 j, tau = 1/||A||^2.
template <class T>
LassoLayer<T> lasso();
Array<double> lasso_truth();
/// A = diag(1, 0.8, 0.5, 0.3), tau = 1.
LassoLayer<double> diagonal_lasso();
Array<double> diagonal_truth();

struct Estimate {
  Array<double> gradient;
  EquilibriumReport report;
  Array<double> x;
};

/// Gradient of 1/2 ||x - truth||^2 from `start`.
template <class S>
Estimate estimate(std::span<const S> layers, const EquilibriumOptions& options,
                  const Array<double>& start, const Array<double>& truth) {
  Estimate e{Array<double>(Shape{layers.front().parameters()}), {}, start};
  const auto loss = [&](ConstView<double> x, View<double> g) {
    combine<double>(1, x, -1, truth, g);
    return dot<double>(g, g) / 2;
  };
  e.report = equilibrium_gradient(layers, options, loss, View<double>(e.x), e.gradient);
  return e;
}
template <class S>
Estimate estimate(const S& layer, const EquilibriumOptions& options, const Array<double>& start,
                  const Array<double>& truth) {
  return estimate(std::span<const S>(&layer, 1), options, start, truth);
}

/// Implicit, as exactly as doubles can.
EquilibriumOptions exact_options(AdjointSolver solver = AdjointSolver::gmres);
/// JFB(K, R); R < 0: at the equilibrium.
EquilibriumOptions restarted_options(Index K, Index R = -1);
/// K passes, differentiated.
EquilibriumOptions unrolled_options(Index K);

/// Central difference of the loss at the equilibrium that is solved for again, for parameter i of
/// all layers.
template <class S>
double difference(std::vector<S> layers, Index i, const Array<double>& start,
                  const Array<double>& truth, double h = 1e-4) {
  // Four points: the error is O(h^4), and h large enough that rounding does not matter.
  const auto loss_at = [&](double by) {
    std::vector<S> moved;
    for (const S& layer : layers) moved.push_back(layer.moved(i, by));
    Array<double> x = start;
    solve_equilibrium(std::span<const S>(moved), exact_options(), View<double>(x));
    const double d = distance(x, truth);
    return d * d / 2;
  };
  return (8 * (loss_at(h) - loss_at(-h)) - (loss_at(2 * h) - loss_at(-2 * h))) / (12 * h);
}

double cosine(const Array<double>& a, const Array<double>& b);
/// ||a - b|| / ||b||.
double relative(const Array<double>& a, const Array<double>& b);

}  // namespace fejer::equilibrium_closed_form
