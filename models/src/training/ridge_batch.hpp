#pragma once
/// What the ridge learners compute of several images at once, each with its own noise level.
#include <vector>

#include <fejer/models/ridge.hpp>
#include <fejer/models/training/learner.hpp>

namespace fejer::detail {

/// The images of a shard, one after the other: (N, ...) with N noise levels.
template <class T>
struct RidgeBatch {
  Array<T> inputs;
  std::vector<double> sigmas;

  explicit RidgeBatch(const Shard<T>& shard);
  Index size() const { return static_cast<Index>(sigmas.size()); }
  Shape shape() const { return inputs.shape(); }
  Index pixels() const { return size() > 0 ? inputs.size() / size() : 0; }
};

/// How the solution of each image was found.
struct BatchReport {
  std::vector<int> iterations;
  std::vector<double> residuals;  ///< relative, at the end
};

struct BatchStop {
  double tolerance = 1e-4;
  int max_iterations = 200;
};

/// x_n = argmin 1/2 ||x - y_n||^2 + R(x; sigma_n) by the method of RidgeDenoiser, step
/// 1 / (1 + lipschitz); `x` holds the start, then the solution. Converged images take no part any
/// more, and no image's result depends on the others.
template <class T>
BatchReport minimise_each(const RidgeRegulariser<T>& model, double lipschitz, ConstView<T> y,
                          const std::vector<double>& sigmas, const BatchStop& stop, View<T> x);

/// (Id + weight Hess R(x_n; sigma_n)) g_n = b_n from g = 0 by conjugate residuals (Stiefel 1955),
/// which for a symmetric positive definite system lower ||b - A g|| with every product; stops at
/// ||b - A g|| <= tolerance ||b||.
template <class T>
BatchReport solve_hessian_each(const RidgeRegulariser<T>& model, ConstView<T> x,
                               const std::vector<double>& sigmas, ConstView<T> b,
                               const BatchStop& stop, View<T> g, double weight = 1);

/// g_n = gamma sum_{k < passes} (Id - gamma (Id + Hess R(x_n; sigma_n)))^k b_n: what restarted
/// JFB(K, R) brings back through K gradient steps of length gamma that stand still at x_n, and the
/// first K terms of the Neumann series of solve_hessian_each. residuals: ||b - A g|| / ||b|| one
/// term earlier, which is no less for gamma <= 2 / ||Id + Hess R||. Cost: passes - 1 products.
template <class T>
BatchReport pull_back_each(const RidgeRegulariser<T>& model, ConstView<T> x,
                           const std::vector<double>& sigmas, ConstView<T> b, double gamma,
                           int passes, View<T> g);

// Kernels of both learners.

/// Uniform in (-1/sqrt(fan in), 1/sqrt(fan in)), PyTorch's default.
Array<double> initial_kernel(const Shape& shape, const RandomStream& stream);
std::string indexed(const char* name, std::size_t i);

}  // namespace fejer::detail
