#include "checks.hpp"
#include "dense.hpp"
#include "problems.hpp"

namespace fejer::equilibrium_closed_form {
namespace {

using Lasso = LassoLayer<double>;

std::string at(const char* name, Index K) { return name + (".K" + std::to_string(K)); }

Array<double> backprojection(const Lasso& layer) {
  const Vector<double> b = layer.A.transpose() * layer.y;
  Array<double> x(Shape{b.size()});
  std::copy(b.begin(), b.end(), x.begin());
  return x;
}

void solution(Checks& c, const Lasso& layer, const Estimate& exact) {
  const struct {
    Index j;
    double x, gradient;
  } support[] = {{0, 1.33530330929, 0.004356835371},
                 {2, 0.77393739456, -0.143955569891},
                 {3, -0.85686643521, 0.038177928755}};
  const Array<double> truth = lasso_truth(), start = backprojection(layer);
  c.add("P2.lambda_max", 1 / layer.tau, 2.235484277, 6e-10);
  c.add("P2.loss", exact.report.loss, 0.643295653999, 6e-13);
  std::vector<bool> active(8, false);
  for (const auto& s : support) {
    const std::string element = std::to_string(s.j);
    active[static_cast<std::size_t>(s.j)] = true;
    c.add("P2.x" + element, exact.x[s.j], s.x, 6e-12);
    c.add("C7.w" + element, exact.gradient[s.j], s.gradient, 6e-13);
    c.add("C7.w" + element + ".difference",
          difference(std::vector<Lasso>{layer}, s.j, start, truth) - exact.gradient[s.j], 0, 1e-10);
  }
  double margin = 1;
  const Vector<double> dual =
      layer.A.transpose() *
      (layer.A * Eigen::Map<const Vector<double>>(exact.x.data(), 8) - layer.y);
  for (Index j = 0; j < 8; ++j) {
    if (active[static_cast<std::size_t>(j)]) continue;
    margin = std::min(margin, std::exp(layer.omega[j]) - std::abs(dual[j]));
    c.add("P2.x" + std::to_string(j), exact.x[j], 0, 0);
    c.add("C7.w" + std::to_string(j), exact.gradient[j], 0, 0);
  }
  c.add("P2.margin", margin, 0.0241, 6e-5);
}

/// |gradient of JFB(K, infinity) - exact| <= M |g_S| rho_S^K / (1 - rho_S).
void truncated(Checks& c, const Lasso& layer, const Estimate& exact) {
  const struct {
    Index K;
    double cosine, cosine_tolerance, relative, tolerance;
  } table[] = {{1, 0.988605, 6e-7, 0.568, 6e-4},      {2, 0.993585, 6e-7, 0.334, 6e-4},
               {3, 0.996563, 6e-7, 0.202, 6e-4},      {5, 0.999121, 6e-7, 0.0794, 6e-5},
               {10, 0.99998026, 6e-9, 9.38e-3, 6e-6}, {20, 1 - 6e-9, 6e-10, 1.53e-4, 6e-7},
               {40, 1 - 3e-16, 2e-15, 4.3e-8, 6e-10}};
  const Array<double> truth = lasso_truth(), start = backprojection(layer);
  std::vector<Index> support;
  for (Index j = 0; j < 8; ++j)
    if (exact.x[j] != 0) support.push_back(j);
  const Matrix<double> A_S = layer.A(Eigen::all, support);
  const auto extremes = [&](const Matrix<double>& A) {
    const Vector<double> h = eigenvalues(Matrix<double>(A.transpose() * A));
    return (1 - layer.tau * h.array()).abs().maxCoeff();
  };
  const double rho = extremes(A_S);
  c.add("C5.rho_support", rho, 0.664223, 6e-7);
  c.add("C5.rho", extremes(layer.A), 0.99904, 6e-6);
  double M = 0, g = 0;
  for (const Index j : support) {
    M = std::max(M, layer.tau * std::exp(layer.omega[j]));
    g += std::pow(exact.x[j] - truth[j], 2);
  }
  for (const auto& row : table) {
    const Estimate cut = estimate(layer, restarted_options(row.K), start, truth);
    c.add(at("C5", row.K) + ".cosine", cosine(cut.gradient, exact.gradient), row.cosine,
          row.cosine_tolerance);
    c.add(at("C5", row.K) + ".relative", relative(cut.gradient, exact.gradient), row.relative,
          row.tolerance);
    const double bound = M * std::sqrt(g) * std::pow(rho, static_cast<double>(row.K)) / (1 - rho);
    c.add(at("C5", row.K) + ".error_over_bound", distance(cut.gradient, exact.gradient) / bound, 0,
          1);
  }
}

void restarts(Checks& c, const Lasso& layer, const Estimate& exact) {
  const Index restarts[] = {0, 1, 2, 5, 10, 20};
  struct Cell {
    double reference, tolerance;
  };
  const struct {
    Index K;
    Cell cells[6];
  } table[] = {
      {5, {{3.77, 6e-3}, {3.24, 6e-3}, {2.92, 6e-3}, {3.18, 6e-3}, {0.610, 6e-4}, {0.0794, 6e-5}}},
      {10,
       {{6.74, 6e-3}, {6.06, 6e-3}, {6.71, 6e-3}, {1.13, 6e-3}, {9.38e-3, 6e-6}, {9.38e-3, 6e-6}}},
      {20,
       {{12.4, 6e-2},
        {4.47, 6e-3},
        {2.43, 6e-3},
        {1.53e-4, 6e-7},
        {1.53e-4, 6e-7},
        {1.53e-4, 6e-7}}}};
  for (const auto& row : table)
    for (std::size_t i = 0; i < 6; ++i) {
      const Estimate e = estimate(layer, restarted_options(row.K, restarts[i]),
                                  backprojection(layer), lasso_truth());
      c.add(at("C6", row.K) + ".R" + std::to_string(restarts[i]),
            relative(e.gradient, exact.gradient), row.cells[i].reference, row.cells[i].tolerance);
    }
}

/// d_K = (1 - (1 - a^2)^K) exact, element by element.
void diagonal(Checks& c) {
  const Lasso layer = diagonal_lasso();
  const double exact[] = {-0.01, 0.01171875, 0.24, 0}, one[] = {-0.01, 0.0075, 0.06, 0},
               five[] = {-0.01, 0.01164789, 0.18304688, 0};
  const Array<double> start(Shape{4}), truth = diagonal_truth();
  const Estimate whole = estimate(layer, exact_options(), start, truth),
                 k1 = estimate(layer, restarted_options(1), start, truth),
                 k5 = estimate(layer, restarted_options(5), start, truth);
  for (Index j = 0; j < 4; ++j) {
    const std::string element = "." + std::to_string(j + 1);
    c.add("C8.exact" + element, whole.gradient[j], exact[j], 1e-13);
    c.add("C8.K1" + element, k1.gradient[j], one[j], 1e-13);
    c.add("C8.K5" + element, k5.gradient[j], five[j], 6e-9);
    const double a = layer.A(j, j);
    c.add("C8.K5" + element + ".formula", k5.gradient[j],
          (1 - std::pow(1 - a * a, 5)) * whole.gradient[j], 1e-13);
  }
}

}  // namespace

void check_lasso(Checks& c) {
  const Lasso layer = lasso<double>();
  const Estimate exact = estimate(layer, exact_options(), backprojection(layer), lasso_truth());
  truncated(c, layer, exact);
  restarts(c, layer, exact);
  solution(c, layer, exact);
  diagonal(c);
}

}  // namespace fejer::equilibrium_closed_form
