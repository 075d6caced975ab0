#include "checks.hpp"
#include "dense.hpp"
#include "problems.hpp"

namespace fejer::equilibrium_closed_form {
namespace {

using Tikhonov = GradientLayer<double>;

const std::string id(const char* name, Index K) { return name + (".K" + std::to_string(K)); }

/// d loss / d log lambda = -lambda <H^-1 (x* - truth), P x*>, H = A^2 + lambda P.
double closed_form(const Tikhonov& layer, const Array<double>& truth) {
  const Matrix<double> H = layer.f.A * layer.f.A + layer.lambda * layer.f.P;
  const Vector<double> x = solve(H, layer.f.Ay),
                       g = x - Eigen::Map<const Vector<double>>(truth.data(), truth.size());
  return -layer.lambda * Vector<double>(solve(H, g)).dot(layer.f.P * x);
}

void unrolled(Checks& c) {
  const Array<double> y = tikhonov_data(), truth = tikhonov_truth();
  const Tikhonov layer = tikhonov_layer();
  const struct {
    Index K;
    double reference;
  } table[] = {{1, 0.00432631721}, {5, 0.01768894744}, {20, 0.03357063631}};
  for (const auto& row : table) {
    const EquilibriumOptions o = unrolled_options(row.K);
    const auto loss_at = [&](double h) {
      return estimate(layer.moved(0, h), o, y, truth).report.loss;
    };
    const double gradient = estimate(layer, o, y, truth).gradient[0], h = 1e-4;
    const double by_difference =
        (8 * (loss_at(h) - loss_at(-h)) - (loss_at(2 * h) - loss_at(-2 * h))) / (12 * h);
    c.add(id("C1", row.K), gradient, row.reference, 6e-12);
    c.add(id("C1", row.K) + ".difference", (by_difference - gradient) / gradient, 0, 1e-9);
  }
}

void implicit(Checks& c) {
  const Array<double> y = tikhonov_data(), truth = tikhonov_truth();
  const Tikhonov layer = tikhonov_layer();
  const Estimate exact = estimate(layer, exact_options(), y, truth);
  const double gradient = exact.gradient[0], reference = 0.035568055960066;
  c.add("P1.y", norm(y), 6.338002544104, 6e-13);
  c.add("P1.x", norm(exact.x), 6.408063619873, 6e-13);
  c.add("P1.loss", exact.report.loss, 0.242103975896, 6e-13);
  c.add("P1.rho", layer.lipschitz_bound(), 0.872065, 6e-7);
  c.add("C2", gradient, reference, 1e-9 * reference);
  c.add("C2.closed_form", closed_form(layer, truth) / gradient, 1, 1e-9);
  c.add("C2.difference", difference(std::vector<Tikhonov>{layer}, 0, y, truth) / gradient, 1, 1e-9);
  c.add("C2.adjoint_residual", exact.report.adjoint_residual, 0, 1e-12);
  const struct {
    const char* name;
    AdjointSolver solver;
  } solvers[] = {{"picard", AdjointSolver::picard},     {"cg", AdjointSolver::conjugate_gradient},
                 {"gmres", AdjointSolver::gmres},       {"minres", AdjointSolver::minres},
                 {"anderson", AdjointSolver::anderson}, {"broyden", AdjointSolver::broyden}};
  for (const auto& s : solvers)
    c.add(std::string("C2.") + s.name,
          estimate(layer, exact_options(s.solver), y, truth).gradient[0], reference,
          1e-9 * reference);
}

struct Row {
  Index K;
  double reference, tolerance;
};

void truncated(Checks& c, const char* name, double tau, const std::vector<Row>& table) {
  const Array<double> y = tikhonov_data(), truth = tikhonov_truth();
  const Tikhonov layer = tikhonov_layer(tau);
  const Estimate exact = estimate(layer, exact_options(), y, truth);
  for (const Row& row : table) {
    const Estimate cut = estimate(layer, restarted_options(row.K), y, truth);
    c.add(id(name, row.K), cut.gradient[0] / exact.gradient[0], row.reference, row.tolerance);
    c.add(id("C4", row.K) + ".tau" + (tau == 1 ? "1" : "1.9"), std::abs(cut.gradient[1]), 0, 1e-15);
    EquilibriumOptions picard = exact_options(AdjointSolver::picard);
    picard.adjoint_tolerance = 0;
    picard.adjoint_max_products = row.K - 1;
    const double same = estimate(layer, picard, exact.x, truth).gradient[0];
    EquilibriumOptions once = restarted_options(row.K, 0);
    const double restarted = estimate(layer, once, exact.x, truth).gradient[0];
    if (tau == 1) c.add(id("C4b", row.K), restarted / same, 1, 1e-13);
  }
}

/// The exact gradient for other steps, and for the step split into two.
void splittings(Checks& c) {
  const Array<double> y = tikhonov_data(), truth = tikhonov_truth();
  const double lambda = 0.05, reference = 0.035568055960066;
  const Tikhonov one = tikhonov_layer(1);
  const Matrix<double> H = one.f.A * one.f.A + lambda * one.f.P;
  const double beta = eigenvalues(H).maxCoeff();
  for (const auto& [name, factor] : {std::pair{"0.5", 0.5}, {"1", 1.0}, {"1.9", 1.9}}) {
    const double tau = factor / beta;
    const Estimate gradient = estimate(tikhonov_layer(tau), exact_options(), y, truth);
    const Estimate split =
        estimate(SmoothingLayer<double>(one.f, tau * lambda, tau), exact_options(), y, truth);
    c.add(std::string("C4.gradient_step.tau") + name, gradient.gradient[0], reference,
          1e-9 * reference);
    c.add(std::string("C4.forward_backward.tau") + name, split.gradient[0], reference,
          1e-9 * reference);
    // tau moves c = tau lambda as well. The linear system leaves a rounding more than passes do.
    c.add(std::string("C4.forward_backward.tau") + name + ".by_tau",
          std::abs(split.gradient[0] + split.gradient[1]), 0, 1e-14);
    for (const Index K : {1, 2, 5, 10, 20, 50, 100}) {
      const Estimate cut = estimate(SmoothingLayer<double>(one.f, tau * lambda, tau),
                                    restarted_options(K), y, truth);
      c.add(std::string("C4.forward_backward.tau") + name + ".K" + std::to_string(K) + ".by_tau",
            std::abs(cut.gradient[0] + cut.gradient[1]), 0, 1e-15);
    }
  }
}

void untied(Checks& c) {
  const Array<double> y = tikhonov_data(), truth = tikhonov_truth();
  std::vector<Tikhonov> layers;
  for (const double lambda : {0.02, 0.05, 0.12}) {
    layers.push_back({tikhonov<double>(), lambda, 1, static_cast<Index>(layers.size()), 3});
  }
  const std::span<const Tikhonov> block(layers);
  const Estimate exact = estimate(block, exact_options(), y, truth),
                 once = estimate(block, restarted_options(1), y, truth),
                 twice = estimate(block, restarted_options(2), y, truth);
  const double exact_reference[] = {0.003083511817, 0.010224703593, 0.036825764223},
               once_reference[] = {0.001425278336, 0.004849700699, 0.018332718622};
  for (Index k = 0; k < 3; ++k) {
    const std::string layer = ".layer" + std::to_string(k + 1);
    c.add("C9.exact" + layer, exact.gradient[k], exact_reference[k], 6e-13);
    c.add("C9.block" + layer, once.gradient[k], once_reference[k], 6e-13);
    c.add("C9.difference" + layer, difference(layers, k, y, truth) / exact.gradient[k], 1, 1e-8);
  }
  c.add("C9.cosine", cosine(once.gradient, exact.gradient), 0.9999108, 6e-8);
  c.add("C9.relative", relative(once.gradient, exact.gradient), 0.504, 6e-4);
  c.add("C9.two_blocks", relative(twice.gradient, exact.gradient), 0.2766, 6e-5);
  Array<double> first(y.shape()), second(y.shape());
  layers[0].forward(exact.x, first, nullptr);
  layers[1].forward(first, second, nullptr);
  c.add("C9.cycle1", distance(first, exact.x), 0.04060, 6e-6);
  c.add("C9.cycle2", distance(second, exact.x), 0.04555, 6e-6);
  Matrix<double> J = Matrix<double>::Identity(y.size(), y.size());
  for (const Tikhonov& l : layers) J -= l.tau * (l.f.A * l.f.A + l.lambda * l.f.P) * J;
  c.add("C9.q", spectral_norm(J), 0.59353, 6e-6);
}

/// D of strength s after a gradient step: log s moves c = s^2 by 2.
void linear_denoiser(Checks& c) {
  const Array<double> y = tikhonov_data(), truth = tikhonov_truth();
  const SmoothingLayer<double> layer(tikhonov<double>(), 0.25, 1.5);
  const auto by_s = [](const Estimate& e) { return 2 * e.gradient[0]; };
  const Estimate exact = estimate(layer, exact_options(), y, truth);
  c.add("C10.loss", exact.report.loss, 0.300711548283, 6e-13);
  const Index n = y.size();
  const Matrix<double> I = Matrix<double>::Identity(n, n);
  const Matrix<double> J = layer.smoothing * (I - layer.tau * layer.f.A * layer.f.A);
  c.add("C10.rho", spectral_norm(J), 0.643675, 6e-7);
  c.add("C10.s", by_s(exact), 0.124794512372, 6e-13);
  c.add("C10.tau", exact.gradient[1], -0.062397256186, 6e-13);
  for (const Index K : {1, 2, 5, 10, 20}) {
    const Estimate cut = estimate(layer, restarted_options(K), y, truth);
    c.add(id("C10", K) + ".ratio", by_s(cut) / cut.gradient[1], -2, 1e-9);
    if (K == 5) c.add(id("C10", K), by_s(cut), 0.116433186790, 6e-13);
  }
}

}  // namespace

void check_quadratic(Checks& c) {
  unrolled(c);
  implicit(c);
  truncated(c, "C3", 1,
            {{1, 0.159161, 6e-7},
             {2, 0.283012, 6e-7},
             {5, 0.545908, 6e-7},
             {10, 0.782666, 6e-7},
             {20, 0.947926, 6e-7},
             {50, 0.999222, 6e-7},
             {100, 0.99999927, 6e-9}});
  truncated(c, "C3b", 1.9,
            {{1, 0.302406, 6e-7},
             {2, 0.477342, 6e-7},
             {5, 0.790983, 6e-7},
             {10, 0.950688, 6e-7},
             {20, 0.997106, 6e-7},
             {50, 0.9999979, 6e-8},
             {100, 1 - 2e-9, 6e-10}});
  splittings(c);
  untied(c);
  linear_denoiser(c);
}

}  // namespace fejer::equilibrium_closed_form
