#include <numbers>

#include <fejer/algorithms/contraction.hpp>
#include <fejer/algorithms/eigenvalues.hpp>

#include "checks.hpp"

namespace fejer::equilibrium_learning {
namespace {

using equilibrium_closed_form::Matrix;
using equilibrium_closed_form::relative;
using equilibrium_closed_form::Vector;

struct Row {
  double tau, rho, error[3];           // P1: K = 1, 10, 50
  double support, angle[3], lasso[2];  // C17 at its start: K = 1, 10, 20 and 10, 20
};
constexpr Row reference_rows[] = {{1.0,
                                   0.872065,
                                   {0.840839, 0.217334, 0.000778},
                                   0.84482,
                                   {22.129, 3.730, 0.742},
                                   {0.0900, 0.0147}},
                                  {0.8,
                                   0.897652,
                                   {0.872671, 0.296509, 0.003411},
                                   0.87586,
                                   {22.129, 5.215, 1.481},
                                   {0.1406, 0.0312}},
                                  {0.5,
                                   0.936033,
                                   {0.920419, 0.467887, 0.029154},
                                   0.92241,
                                   {22.129, 8.569, 3.904},
                                   {0.2838, 0.1001}},
                                  {0.25,
                                   0.968016,
                                   {0.960210, 0.680903, 0.166977},
                                   0.96121,
                                   {22.129, 13.275, 8.567},
                                   {0.5243, 0.2938}},
                                  {0.1,
                                   0.987207,
                                   {0.984084, 0.855215, 0.478320},
                                   0.98448,
                                   {22.129, 17.832, 14.454},
                                   {0.7679, 0.5985}},
                                  {0.05,
                                   0.993603,
                                   {0.992042, 0.924193, 0.685139},
                                   0.99224,
                                   {22.129, 19.828, 17.692},
                                   {0.8751, 0.7693}}};

/// The slowest rate on the support of any sample's solution.
double support_rate(const Problem<LassoLayer>& p, const Evaluation& solved) {
  double rate = 0;
  for (std::size_t i = 0; i < p.samples(); ++i) {
    std::vector<Index> support;
    for (Index j = 0; j < solved.x[i].size(); ++j)
      if (solved.x[i][j] != 0) support.push_back(j);
    const LassoLayer layer = p.layer(i, p.theta);
    const Matrix<double> A = layer.A(Eigen::all, support);
    const Vector<double> h = eigenvalues(Eigen::MatrixXd(A.transpose() * A));
    rate = std::max(rate, (1 - layer.tau * h.array()).abs().maxCoeff());
  }
  return rate;
}

double degrees(double cosine) { return std::acos(std::min(1.0, cosine)) * 180 / std::numbers::pi; }

/// Error of JFB(K) at the equilibrium over its bound M G rho^K / (1 - rho), for P1.
template <class L>
double error_over_bound(const L& layer, const equilibrium_closed_form::Estimate& exact,
                        const equilibrium_closed_form::Estimate& cut, const Array<double>& truth,
                        Index K) {
  constexpr double h = 1e-6;
  Array<double> up(exact.x.shape()), down(exact.x.shape());
  layer.moved(0, h).forward(exact.x, up, nullptr);
  layer.moved(0, -h).forward(exact.x, down, nullptr);
  EquilibriumConstants constants;
  constants.M = distance(up, down) / (2 * h);
  constants.G = distance(exact.x, truth);
  constants.rho = layer.lipschitz_bound();
  return std::abs(cut.gradient[0] - exact.gradient[0]) / restarted_error_bound(constants, K, 0, 0);
}

Json smoothing_row(Checks& c, const Row& row, const std::string& end) {
  const auto layer = equilibrium_closed_form::tikhonov_layer(row.tau);
  const Array<double> y = equilibrium_closed_form::tikhonov_data(),
                      truth = equilibrium_closed_form::tikhonov_truth();
  const double rho = layer.lipschitz_bound();
  c.add("C21.P1.rho" + end, rho, row.rho, 6e-7);
  const auto exact = estimate(layer, equilibrium_closed_form::exact_options(), y, truth);
  Json errors = Json::array();
  const Index depths[] = {1, 10, 50};
  for (std::size_t k = 0; k < 3; ++k) {
    const auto cut =
        estimate(layer, equilibrium_closed_form::restarted_options(depths[k]), y, truth);
    const double error = std::abs(cut.gradient[0] / exact.gradient[0] - 1);
    const std::string id = "C21.P1.K" + std::to_string(depths[k]);
    c.add(id + end, error, row.error[k], 6e-7);
    c.add(id + ".error_over_bound" + end, error_over_bound(layer, exact, cut, truth, depths[k]), 0,
          1);
    errors.push_back(error);
  }
  return {{"tau", row.tau}, {"rho", rho}, {"relative_error", errors}};
}

void lasso_row(Checks& c, const Row& row, const std::string& end, Json& out) {
  const Problem<LassoLayer> p = lasso_problem(row.tau);
  const Evaluation exact = evaluate(p, p.theta, exact_method());
  const double rate = support_rate(p, exact);
  c.add("C21.C17.rho_support" + end, rate, row.support, 6e-6);
  const Index depths[] = {1, 10, 20};
  Json angles = Json::array(), errors = Json::array();
  for (std::size_t k = 0; k < 3; ++k) {
    const Evaluation cut = evaluate(p, p.theta, settled_method(depths[k]));
    const double angle = degrees(equilibrium_closed_form::cosine(cut.gradient, exact.gradient)),
                 error = relative(cut.gradient, exact.gradient);
    const std::string id = "C21.C17.K" + std::to_string(depths[k]);
    c.add(id + ".degrees" + end, angle, row.angle[k], 6e-4);
    if (k > 0) c.add(id + ".relative" + end, error, row.lasso[k - 1], 6e-5);
    angles.push_back(angle);
    errors.push_back(error);
  }
  out["lasso_rho_support"] = rate;
  out["lasso_degrees"] = angles;
  out["lasso_relative_error"] = errors;
}

/// Beyond 1/||A||^2 the order breaks (an error below that of tau = 1), the bound does not.
void long_step(Checks& c) {
  const auto layer = equilibrium_closed_form::tikhonov_layer(1.9);
  const Array<double> y = equilibrium_closed_form::tikhonov_data(),
                      truth = equilibrium_closed_form::tikhonov_truth();
  const auto exact = estimate(layer, equilibrium_closed_form::exact_options(), y, truth),
             cut = estimate(layer, equilibrium_closed_form::restarted_options(10), y, truth);
  c.add("C21.P1.rho.tau1.9", layer.lipschitz_bound(), 0.9, 1e-9);
  c.add("C21.P1.K10.tau1.9", std::abs(cut.gradient[0] / exact.gradient[0] - 1), 0.0493, 6e-5);
  c.add("C21.P1.K10.error_over_bound.tau1.9", error_over_bound(layer, exact, cut, truth, 10), 0, 1);
}

}  // namespace

Json check_step_sizes(Checks& c) {
  long_step(c);
  Json rows = Json::array();
  for (const Row& row : reference_rows) {
    const std::string end = ".tau" + nlohmann::json(row.tau).dump();
    Json out = smoothing_row(c, row, end);
    lasso_row(c, row, end, out);
    rows.push_back(std::move(out));
  }
  return rows;
}

}  // namespace fejer::equilibrium_learning
