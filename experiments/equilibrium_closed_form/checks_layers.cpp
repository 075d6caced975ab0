#include <fejer/algorithms/contraction.hpp>
#include <fejer/rng.hpp>

#include "checks.hpp"
#include "problems.hpp"
#include "relu_network.hpp"

namespace fejer::equilibrium_closed_form {
namespace {

template <class T>
Array<T> random_array(const Shape& shape, const char* name) {
  Array<T> x(shape);
  fill_normal<T>(x, Rng(11).stream(name));
  return x;
}

/// J = diag(0.9, 0), B = (1, 1), grad l = (1, -2): one and two terms point uphill.
void sign_flip(Checks& c) {
  const AffineLayer layer{Vector<double>{{0.9, 0}}.asDiagonal(), Vector<double>{{1, 1}}};
  const auto gradient = [&](const EquilibriumOptions& o) {
    Array<double> x(Shape{2}), sum(Shape{1});
    const auto loss = [](ConstView<double> at, View<double> g) {
      g[0] = 1;
      g[1] = -2;
      return at[0] - 2 * at[1];
    };
    equilibrium_gradient(layer, o, loss, View<double>(x), sum);
    return sum[0];
  };
  c.add("C11.exact", gradient(exact_options()), 8, 1e-11);
  const double reference[] = {-1, -0.1, 0.71, 1.439, 2.0951};
  for (Index K = 1; K <= 5; ++K)
    c.add("C11.K" + std::to_string(K), gradient(restarted_options(K)), reference[K - 1], 1e-12);
}

/// dx*/dtheta of x = 0.7 sin x + theta from 3, against the bound.
void error_bound(Checks& c) {
  const SineLayer layer;
  const auto loss = [](ConstView<double> x, View<double> g) {
    g[0] = 1;
    return x[0];
  };
  Array<double> solved(Shape{1}, 3.0);
  solve_equilibrium(layer, exact_options(), View<double>(solved));
  const double exact = 1 / (1 - 0.7 * std::cos(solved[0])), delta = 3 - solved[0];
  const EquilibriumConstants constants{.M = 1, .G = 1, .rho = 0.7, .L_B = 0, .L_J = 0.7, .beta = 0};
  for (const Index K : {1, 2, 5, 10, 20})
    for (const Index R : {0, 1, 3}) {
      Array<double> x(Shape{1}, 3.0), sum(Shape{1});
      equilibrium_gradient(layer, restarted_options(K, R), loss, View<double>(x), sum);
      c.add("C12.K" + std::to_string(K) + ".R" + std::to_string(R) + ".error_over_bound",
            std::abs(sum[0] - exact) / restarted_error_bound(constants, K, R, delta), 0, 1);
    }
}

void bias_free(Checks& c) {
  const ReluNetwork<double> net;
  const Array<double> x = random_array<double>({1, 12, 11}, "image"),
                      u = random_array<double>(x.shape(), "cotangent");
  Array<double> scaled = x, y(x.shape()), y_scaled(x.shape()), xbar(x.shape()), gradient(Shape{1});
  ReluNetwork<double>::Saved saved;
  net.forward(x, y, &saved);
  net.vjp(saved, u, xbar, &gradient);
  const double factor = 2.5;
  scale<double>(scaled, factor);
  net.moved(0, (factor - 1) * net.sigma).forward(scaled, y_scaled, nullptr);
  scale<double>(y, factor);
  c.add("C13.homogeneity", relative(y_scaled, y), 0, 1e-10);
  const double identity = (dot(u, y) / factor - dot(xbar, x)) / net.sigma;
  c.add("C13.sigma_gradient", gradient[0] / identity, 1, 1e-10);
}

/// Largest relative error of <u, f' d> over products with x and with each parameter.
template <class S>
double product_error(const S& layer, const Shape& shape, double h) {
  using T = typename S::Scalar;
  const Array<T> x = random_array<T>(shape, "x"), u = random_array<T>(shape, "u"),
                 d = random_array<T>(shape, "d");
  Array<T> y(shape), xbar(shape);
  Array<double> gradient(Shape{layer.parameters()});
  typename S::Saved saved;
  layer.forward(x, y, &saved);
  layer.vjp(saved, u, xbar, &gradient);
  const auto error = [&](const Array<T>& above, const Array<T>& below, double product) {
    Array<T> slope(shape);
    combine<T>(static_cast<T>(0.5 / h), above, static_cast<T>(-0.5 / h), below, slope);
    const double size = norm(u) * norm(slope);
    return size > 0 ? std::abs(dot(u, slope) - product) / size : std::abs(product);
  };
  Array<T> at = x, above(shape), below(shape);
  axpy<T>(static_cast<T>(h), d, at);
  layer.forward(at, above, nullptr);
  axpy<T>(static_cast<T>(-2 * h), d, at);
  layer.forward(at, below, nullptr);
  double worst = error(above, below, dot(xbar, d));
  for (Index i = 0; i < layer.parameters(); ++i) {
    layer.moved(i, h).forward(x, above, nullptr);
    layer.moved(i, -h).forward(x, below, nullptr);
    worst = std::max(worst, error(above, below, gradient[i]));
  }
  return worst;
}

template <class T>
void products(Checks& c, const char* precision, double h, double tolerance) {
  const std::string end = std::string(".") + precision;
  const Shape circle{64};
  c.add("C14.gradient_step" + end,
        product_error(GradientLayer<T>{tikhonov<T>(), 0.05, 1}, circle, h), 0, tolerance);
  c.add("C14.smoothing" + end,
        product_error(SmoothingLayer<T>(tikhonov<T>(), 0.25, 1.5), circle, h), 0, tolerance);
  c.add("C14.lasso" + end, product_error(lasso<T>(), Shape{8}, h), 0, tolerance);
  c.add("C14.network" + end, product_error(ReluNetwork<T>(), Shape{1, 12, 11}, h), 0, tolerance);
}

}  // namespace

void check_layers(Checks& c) {
  sign_flip(c);
  error_bound(c);
  bias_free(c);
  products<double>(c, "double", 1e-6, 1e-6);
  products<float>(c, "float", 1e-3, 1e-3);
  c.add("C14.affine.double",
        product_error(AffineLayer{Matrix<double>{{0.9, 0.2}, {-0.3, 0.1}}, Vector<double>{{1, 2}}},
                      Shape{2}, 1e-6),
        0, 1e-6);
  c.add("C14.sine.double", product_error(SineLayer{}, Shape{1}, 1e-5), 0, 1e-6);
}

}  // namespace fejer::equilibrium_closed_form
