#include <fejer/models/ridge_denoiser.hpp>

#include <algorithm>
#include <cmath>

#include <fejer/algorithms/limited_memory_bfgs.hpp>
#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

#include "scratch.hpp"
#include "trained_level.hpp"

namespace fejer {
namespace {

template <class T>
double squared_norm(const T* x, Index n) {
  return ordered_sum(n, [&](Index begin, Index end) {
    double sum = 0;
    for (Index i = begin; i < end; ++i)
      sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    return sum;
  });
}

struct PlaneResult {
  int iterations = 0, gradients = 0;
  bool converged = false;
  double residual = 0;
};

/// The published loop; x holds the start and then the result.
template <class T>
PlaneResult solve_as_published(const RidgeRegulariser<T>& model,
                               const RidgeDenoiserOptions& options, double sigma, ConstView<T> y,
                               View<T> x) {
  const Index n = y.size();
  const T step =
      static_cast<T>(1 / (1 + options.weight * model.lipschitz_bound(options.norm).value));
  const T weight = static_cast<T>(options.weight);
  detail::Scratch<T> z_memory(n), g_memory(n), move_memory(n);
  T *const z = z_memory.data(), *const g = g_memory.data(), *const move = move_memory.data();
  std::copy(x.begin(), x.end(), z);
  PlaneResult result;
  double t = 1;
  while (result.iterations < options.max_iterations && !result.converged) {
    model.gradient(ConstView<T>(z, y.shape()), sigma, View<T>(g, y.shape()));
    // g becomes z - x+, move becomes x+ - x, x becomes x+.
    const double along = ordered_sum(n, [&](Index begin, Index end) {
      double sum = 0;
      for (Index i = begin; i < end; ++i) {
        g[i] = (z[i] - y[i] + weight * g[i]) * step;
        const T next = z[i] - g[i];
        move[i] = next - x[i];
        x[i] = next;
        sum += static_cast<double>(g[i]) * static_cast<double>(move[i]);
      }
      return sum;
    });
    const bool restart = along > 0;
    const double t_next = restart ? 1 : (1 + std::sqrt(1 + 4 * t * t)) / 2;
    const T momentum = static_cast<T>(restart ? 0 : (t - 1) / t_next);
    parallel_for(n, 16384, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) z[i] = x[i] + momentum * move[i];
    });
    t = t_next;
    ++result.iterations;
    const double size = std::sqrt(squared_norm(x.data(), n));
    result.residual = std::sqrt(squared_norm(move, n)) / (size > 0 ? size : 1);
    result.converged = result.iterations > 1 && result.residual < options.tolerance;
    if (!std::isfinite(result.residual)) break;
  }
  result.gradients = result.iterations;
  return result;
}

/// x -> 1/2 ||x - y||^2 + weight R(x; sigma) of one plane.
template <class T>
struct DenoisingObjective {
  RidgeRegulariser<T> model;
  NormRule norm;
  double weight, sigma;
  ConstView<T> y;

  double value(ConstView<T> x) const {
    const double apart = distance<T>(x, y);
    return apart * apart / 2 + weight * model.value(x, sigma);
  }
  void gradient(ConstView<T> x, View<T> out) const {
    model.gradient(x, sigma, out);
    const T w = static_cast<T>(weight);
    parallel_for(x.size(), 16384, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) out[i] = w * out[i] + (x[i] - y[i]);
    });
  }
  Interval lipschitz_interval() const {
    return {0, 1 + weight * model.lipschitz_bound(norm).value};
  }
  double convexity() const { return 1 - weight * model.weak_convexity().value; }
};

/// One plane of RidgeDenoiser; x holds the start and then the result.
template <class T>
PlaneResult solve_plane(const RidgeRegulariser<T>& model, const RidgeDenoiserOptions& options,
                        double sigma, ConstView<T> y, View<T> x) {
  if (options.norm == NormRule::as_published)
    return solve_as_published(model, options, sigma, y, x);
  const LimitedMemoryBfgs<T> solver(
      DenoisingObjective<T>{model, options.norm, options.weight, sigma, y});
  auto state = solver.init(Array<T>(x));
  PlaneResult result;
  while (result.iterations < options.max_iterations && !result.converged) {
    solver.step(state);
    ++result.iterations;
    result.residual = state.residual;
    result.converged = result.iterations > 1 && result.residual < options.tolerance;
    if (!std::isfinite(result.residual)) break;
  }
  result.gradients = static_cast<int>(state.gradients);
  copy<T>(solver.solution(state), x);
  return result;
}

/// Runs plane(y, x) over all planes of (..., H, W).
template <class T, class Body>
void for_each_plane(const char* where, ConstView<T> y, View<T> x, const Body& body) {
  const Shape& s = y.shape();
  require_shape(where, x.shape(), s);
  if (s.rank() < 2)
    throw ShapeError(std::string(where) + ": got " + to_string(s) + ", expected (..., H, W)");
  const Shape plane{1, s.back(1), s.back(0)};
  const Index pixels = plane.size();
  for (Index at = 0; at < y.size(); at += pixels)
    body(ConstView<T>(y.data() + at, plane), View<T>(x.data() + at, plane));
}

}  // namespace

template <class T>
RidgeDenoiser<T>::RidgeDenoiser(RidgeRegulariser<T> model, const RidgeDenoiserOptions& options)
    : model_(std::move(model)), options_(options) {
  if (!(options.tolerance > 0))
    throw ArgumentError("RidgeDenoiser: tolerance must be positive, got " +
                        std::to_string(options.tolerance));
  if (options.max_iterations < 1)
    throw ArgumentError("RidgeDenoiser: max_iterations must be at least 1, got " +
                        std::to_string(options.max_iterations));
  if (!(options.weight > 0) || !std::isfinite(options.weight))
    throw ArgumentError("RidgeDenoiser: weight must be positive and finite, got " +
                        std::to_string(options.weight));
  const double weak = options.weight * model_.weak_convexity().value;
  if (weak > largest_weak_convexity)
    throw ArgumentError("RidgeDenoiser: the modulus of weak convexity is " + std::to_string(weak) +
                        ", above 1, so that the denoising problem is not convex; use the model as "
                        "a prior with lambda below " +
                        std::to_string(options.weight / weak));
}

template <class T>
void RidgeDenoiser<T>::denoise(ConstView<T> y, double sigma, View<T> out) const {
  for_each_plane<T>("RidgeDenoiser::denoise", y, out, [&](ConstView<T> plane, View<T> x) {
    std::copy(plane.begin(), plane.end(), x.begin());
    solve_plane(model_, options_, sigma, plane, x);
  });
}

template <class T>
RidgeSolution<T> RidgeDenoiser<T>::solve(ConstView<T> y, double sigma) const {
  return solve(y, sigma, y);
}

template <class T>
RidgeSolution<T> RidgeDenoiser<T>::solve(ConstView<T> y, double sigma, ConstView<T> start) const {
  require_shape("RidgeDenoiser::solve start", start.shape(), y.shape());
  RidgeSolution<T> solution;
  solution.x = Array<T>(start);
  solution.converged = true;
  for_each_plane<T>("RidgeDenoiser::solve", y, solution.x, [&](ConstView<T> plane, View<T> x) {
    const PlaneResult r = solve_plane(model_, options_, sigma, plane, x);
    solution.iterations = std::max(solution.iterations, r.iterations);
    solution.gradients = std::max(solution.gradients, r.gradients);
    solution.residual = std::max(solution.residual, r.residual);
    solution.converged = solution.converged && r.converged;
  });
  const double apart = distance<T>(solution.x, y);
  solution.objective = apart * apart / 2 + options_.weight * model_.value(solution.x, sigma);
  return solution;
}

template <class T>
Certificate RidgeDenoiser<T>::certificate() const {
  Certificate c;
  const Bound weak = model_.weak_convexity();
  c.weak_convexity = options_.weight * weak.value;
  c.kind = weak.kind;
  if (weak.value == 0) {
    c.lipschitz = 1;
    c.averagedness = 0.5;
    c.how = "prox of a convex function: firmly non-expansive; holds for the exact minimiser";
    return c;
  }
  c.how = "prox of a weakly convex function, modulus " + std::to_string(c.weak_convexity);
  c.how += ": no Lipschitz bound; " + weak.how;
  return c;
}

template <class T>
CrrTStepDenoiser<T>::CrrTStepDenoiser(RidgeRegulariser<T> model, int steps, double noise_level)
    : model_(std::move(model)), steps_(steps), noise_level_(noise_level) {
  if (steps < 1)
    throw ArgumentError("CrrTStepDenoiser: expected at least 1 step, got " + std::to_string(steps));
  if (!(noise_level > 0 && noise_level <= 1))
    throw ArgumentError("CrrTStepDenoiser: the trained noise level must lie in (0, 1], got " +
                        std::to_string(noise_level) + "; write 25/255 for 25");
}

template <class T>
void CrrTStepDenoiser<T>::denoise(ConstView<T> y, double sigma, View<T> out) const {
  detail::require_trained_level("crr-tstep denoiser", sigma, noise_level_);
  // As trained, unless a larger norm is proven.
  const RidgeParameters& p = model_.parameters();
  const double norm =
      std::max(model_.lipschitz_bound(NormRule::as_published).value, p.weight * p.curvature);
  const T first = static_cast<T>(2 / norm), other = static_cast<T>((2 - 1e-8) / (1 + norm));
  for_each_plane<T>("CrrTStepDenoiser::denoise", y, out, [&](ConstView<T> v, View<T> x) {
    detail::Scratch<T> memory(v.size());
    const View<T> g(memory.data(), v.shape());
    model_.gradient(v, sigma, g);
    for (Index i = 0; i < v.size(); ++i) x[i] = v[i] - first * g[i];
    for (int k = 1; k < steps_; ++k) {
      model_.gradient(x, sigma, g);
      for (Index i = 0; i < v.size(); ++i) x[i] -= other * (x[i] - v[i] + g[i]);
    }
  });
}

template <class T>
Certificate CrrTStepDenoiser<T>::certificate() const {
  Certificate c;
  if (steps_ == 1) {
    c.kind = Certificate::Kind::estimated;
    c.lipschitz = c.averagedness = 1;
    c.how = "one gradient step of length 2 / L: non-expansive if L is; " +
            model_.lipschitz_bound(NormRule::as_published).how;
    return c;
  }
  c.how = std::to_string(steps_) +
          " unrolled gradient steps: no bound is known (the proximal denoiser of the same "
          "regulariser is firmly non-expansive)";
  return c;
}

template class RidgeDenoiser<float>;
template class RidgeDenoiser<double>;
template class CrrTStepDenoiser<float>;
template class CrrTStepDenoiser<double>;

}  // namespace fejer
