#include "ridge_norms.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>

#include <fejer/algorithms/eigenvalues.hpp>
#include <fejer/models/ridge.hpp>
#include <fejer/vector.hpp>

#include "multi_convolution_data.hpp"

namespace fejer {
namespace {

enum class Start { uniform, normal };

/// The start vectors of the published values of L: what PyTorch draws with seed 0, 24 random bits
/// of a Mersenne twister an element, and for normal numbers Box-Muller on elements j and j + 8 of
/// each
/// 16. After 200 steps L still depends on the start by up to 3e-3, so that no other start meets
/// them.
Array<float> start_vector(const Shape& shape, Start kind) {
  Array<float> u(shape);
  std::mt19937 bits(0);
  for (float& v : u) v = static_cast<float>(bits() & 0xFFFFFFU) / 16777216.0F;
  for (Index from = 0; kind == Start::normal && from + 16 <= u.size(); from += 16)
    for (Index j = from; j < from + 8; ++j) {
      const float radius = std::sqrt(-2 * std::log(1 - u[j]));
      const float angle = 2 * std::numbers::pi_v<float> * u[j + 8];
      u[j] = radius * std::cos(angle);
      u[j + 8] = radius * std::sin(angle);
    }
  return u;
}

/// x -> W^T diag(weights) W x in float: enough for six digits, and twice as fast.
class Normal {
 public:
  Normal(const std::vector<Array<double>>& kernels, Borders borders,
         const std::vector<double>& weights, Index size)
      : filters_(single(kernels), borders),
        weights_(weights),
        shape_{filters_.in_channels(), size, size},
        z_(Shape{filters_.out_channels(), size, size}) {
    if (size < 1)
      throw ArgumentError("power method: the image must have at least one pixel, got size " +
                          std::to_string(size));
    if (!weights.empty() && static_cast<Index>(weights.size()) != filters_.out_channels())
      throw ShapeError("power method: got " + std::to_string(weights.size()) +
                       " weights, expected one for each of " +
                       std::to_string(filters_.out_channels()) + " channels");
  }
  const Shape& shape() const { return shape_; }
  void apply(const Array<float>& x, Array<float>& out) {
    filters_.apply(x, z_);
    for (std::size_t c = 0; c < weights_.size(); ++c)
      scale<float>(z_.slice(static_cast<Index>(c)), static_cast<float>(weights_[c]));
    filters_.apply_adjoint(z_, out);
  }

 private:
  static std::vector<Array<float>> single(const std::vector<Array<double>>& kernels) {
    std::vector<Array<float>> result;
    for (const auto& kernel : kernels) {
      Array<float> k(kernel.shape());
      for (Index i = 0; i < k.size(); ++i) k[i] = static_cast<float>(kernel[i]);
      result.push_back(std::move(k));
    }
    return result;
  }
  MultiConvolution<float> filters_;
  std::vector<double> weights_;
  Shape shape_;
  Array<float> z_;
};

/// Gauss quadrature for the spectral measure of u: sum_i |<u, v_i>|^2 f(lambda_i) = sum_j w_j
/// f(x_j) for polynomials f of degree below twice the number of steps (Golub, Welsch 1969).
struct Quadrature {
  Eigen::VectorXd nodes, weights;
};

Quadrature lanczos(Normal& normal, int steps, Start start) {
  Array<float> before(normal.shape()), u = start_vector(normal.shape(), start), v(normal.shape());
  scale<float>(u, static_cast<float>(1 / norm(u)));
  Eigen::VectorXd diagonal(steps), off(steps);
  double beta = 0;
  int done = 0;
  while (done < steps) {
    normal.apply(u, v);
    const double alpha = dot(u, v);
    axpy<float>(static_cast<float>(-alpha), u, v);
    axpy<float>(static_cast<float>(-beta), before, v);
    beta = norm(v);
    diagonal[done] = alpha;
    off[done] = beta;
    ++done;
    if (!(beta > 1e-5 * std::abs(alpha))) break;
    std::swap(before, u);
    std::swap(u, v);
    scale<float>(u, static_cast<float>(1 / beta));
  }
  const auto [values, vectors] =
      eigen_decomposition_tridiagonal(diagonal.head(done), off.head(done - 1));
  return {values, vectors.row(0).cwiseAbs2().transpose()};
}

/// ||A u_s||, u_{k+1} = A u_k / ||A u_k||, is the root of the quotient of the moments of orders
/// 2 s + 2 and 2 s. x^n is a polynomial of degree about 4.5 sqrt(n) to seven digits on [0, 1], so
/// that the quadrature gives it after far fewer products than s.
double power(Normal normal, int steps, Start start) {
  if (steps < 1) throw ArgumentError("power method: expected at least one step");
  const int products = std::min(steps + 2, 4 + static_cast<int>(3 * std::sqrt(steps)));
  const Quadrature q = lanczos(normal, products, start);
  const double largest = q.nodes.maxCoeff();
  if (!(largest > 0) || !std::isfinite(largest)) return largest;
  double numerator = 0, denominator = 0;
  for (Index j = 0; j < q.nodes.size(); ++j) {
    const double x = q.nodes[j] / largest;
    const double moment = q.weights[j] * std::pow(x * x, steps);
    numerator += moment * x * x;
    denominator += moment;
  }
  return largest * std::sqrt(numerator / denominator);
}

}  // namespace

double power_norm_squared(const std::vector<Array<double>>& kernels, Borders borders, Index size,
                          int steps) {
  return power(Normal(kernels, borders, {}, size), steps, Start::normal);
}

double weighted_power_norm(const std::vector<Array<double>>& kernels, Borders borders,
                           const std::vector<double>& weights, Index size, int products) {
  return power(Normal(kernels, borders, weights, size), products - 1, Start::uniform);
}

double detail::lanczos_norm(const std::vector<Array<double>>& kernels, Borders borders,
                            const std::vector<double>& weights, Index size, int steps) {
  Normal normal(kernels, borders, weights, size);
  return lanczos(normal, steps, Start::normal).nodes.maxCoeff();
}

}  // namespace fejer
