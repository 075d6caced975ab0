#include "ridge_norms.hpp"

#include <cmath>

#include <Eigen/Eigenvalues>
#include <fejer/models/ridge.hpp>
#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

#include "multi_convolution_data.hpp"

namespace fejer {
namespace {

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
  /// A unit vector of normal numbers.
  Array<float> start() const {
    Array<float> u(shape_);
    fill_normal<float>(u, Rng(1).stream("power method"));
    scale<float>(u, static_cast<float>(1 / norm(u)));
    return u;
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

double power(Normal normal, int steps) {
  if (steps < 1) throw ArgumentError("power method: expected at least one step");
  Array<float> u = normal.start(), v(normal.shape());
  double value = 0;
  for (int k = 0; k <= steps; ++k) {
    normal.apply(u, v);
    value = norm(v);
    if (!(value > 0) || !std::isfinite(value)) return value;
    std::swap(u, v);
    scale<float>(u, static_cast<float>(1 / value));
  }
  return value;
}

}  // namespace

double power_norm_squared(const std::vector<Array<double>>& kernels, Borders borders, Index size,
                          int steps) {
  return power(Normal(kernels, borders, {}, size), steps);
}

double weighted_power_norm(const std::vector<Array<double>>& kernels, Borders borders,
                           const std::vector<double>& weights, Index size, int steps) {
  return power(Normal(kernels, borders, weights, size), steps);
}

double detail::lanczos_norm(const std::vector<Array<double>>& kernels, Borders borders,
                            const std::vector<double>& weights, Index size, int steps) {
  Normal normal(kernels, borders, weights, size);
  Array<float> before(normal.shape()), u = normal.start(), v(normal.shape());
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
    if (!(beta > 1e-6 * std::abs(alpha))) break;
    std::swap(before, u);
    std::swap(u, v);
    scale<float>(u, static_cast<float>(1 / beta));
  }
  Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver;
  solver.computeFromTridiagonal(diagonal.head(done), off.head(done - 1), Eigen::EigenvaluesOnly);
  return solver.eigenvalues()[done - 1];
}

}  // namespace fejer
