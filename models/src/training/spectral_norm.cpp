#include <fejer/models/training/spectral_norm.hpp>

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

#include <Eigen/Core>
#include <fejer/models/ridge.hpp>
#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

#include "../frequency_grid.hpp"

namespace fejer {
namespace {

using Complex = std::complex<double>;
using Matrix = Eigen::MatrixXcd;
using Vector = Eigen::VectorXcd;

double weight_of(const std::vector<double>& weights, Index c) {
  return weights.empty() ? 1 : weights[static_cast<std::size_t>(c)];
}

void check_arguments(const std::vector<Array<double>>& kernels,
                     const std::vector<double>& weights) {
  if (kernels.empty()) throw ArgumentError("spectral norm: there are no kernels");
  if (kernels.front().shape().rank() != 4 || kernels.front().shape()[1] != 1)
    throw ShapeError("spectral norm: got a first kernel of shape " +
                     to_string(kernels.front().shape()) + ", expected (out, 1, kh, kw)");
  if (!weights.empty() && static_cast<Index>(weights.size()) != kernels.back().shape()[0])
    throw ShapeError("spectral norm: got " + std::to_string(weights.size()) +
                     " weights, expected one for each of " +
                     std::to_string(kernels.back().shape()[0]) + " output channels");
}

/// sum_c weights_c sum_q K_c[q] K_c[q + d] for d = (dy, dx), dy = 0..kh-1, dx = -(kw-1)..kw-1.
Array<double> autocorrelation(const Array<double>& kernel, const std::vector<double>& weights) {
  const Index filters = kernel.shape()[0], kh = kernel.shape()[2], kw = kernel.shape()[3];
  Array<double> sum(Shape{kh, 2 * kw - 1});
  for (Index c = 0; c < filters; ++c) {
    const double* const k = kernel.data() + c * kh * kw;
    for (Index dy = 0; dy < kh; ++dy)
      for (Index dx = 1 - kw; dx < kw; ++dx) {
        double products = 0;
        for (Index y = 0; y + dy < kh; ++y)
          for (Index x = std::max<Index>(0, -dx); x < std::min(kw, kw - dx); ++x)
            products += k[y * kw + x] * k[(y + dy) * kw + x + dx];
        sum[dy * (2 * kw - 1) + dx + kw - 1] += weight_of(weights, c) * products;
      }
  }
  return sum;
}

/// exp(i w), w = 2 pi k q / n, for k = 0..count-1 (rows), q = first.. (columns).
Matrix phases(Index count, Index n, Index first, Index taps) {
  Matrix result(count, taps);
  for (Index k = 0; k < count; ++k)
    for (Index q = 0; q < taps; ++q) {
      const Index turns = k * (q + first) % n;
      result(k, q) = std::polar(
          1.0, 2 * std::numbers::pi * static_cast<double>(turns) / static_cast<double>(n));
    }
  return result;
}

struct Maximum {
  double value = -1, wy = 0, wx = 0;
};

/// Of sum_c weights_c |K_c(w)|^2 over w = 2 pi (j / ny, k / nx); k <= nx / 2, since it is even.
Maximum grid_maximum(const Array<double>& kernel, const std::vector<double>& weights, Index ny,
                     Index nx) {
  const Array<double> r = autocorrelation(kernel, weights);
  const Index kh = kernel.shape()[2], kw = kernel.shape()[3], wide = 2 * kw - 1;
  Matrix taps(kh, wide);
  for (Index dy = 0; dy < kh; ++dy)
    for (Index q = 0; q < wide; ++q)
      taps(dy, q) = (dy == 0 ? 0.5 : 1.0) * r[dy * wide + q];  // r(-d) = r(d)
  const Matrix across = taps * phases(nx / 2 + 1, nx, 1 - kw, wide).transpose();
  const Matrix values = phases(ny, ny, 0, kh) * across;
  Maximum best;
  for (Index j = 0; j < ny; ++j)
    for (Index k = 0; k <= nx / 2; ++k) {
      const double value = 2 * values(j, k).real();
      if (value > best.value)
        best = {value, 2 * std::numbers::pi * static_cast<double>(j) / static_cast<double>(ny),
                2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(nx)};
    }
  return best;
}

/// Derivatives of sum_c weights_c |A_n ... A_1|^2 at one frequency, A_l(w) = sum_q K_l[q] e^{iwq}.
void differentiate(const std::vector<Array<double>>& kernels, const std::vector<double>& weights,
                   double wy, double wx, SquaredNorm& norm) {
  std::vector<Matrix> symbols;
  std::vector<Matrix> turns;
  std::vector<Vector> right{Vector::Ones(1)};
  for (const Array<double>& k : kernels) {
    const Index out = k.shape()[0], in = k.shape()[1], kh = k.shape()[2], kw = k.shape()[3];
    Matrix turn(kh, kw), symbol = Matrix::Zero(out, in);
    for (Index y = 0; y < kh; ++y)
      for (Index x = 0; x < kw; ++x)
        turn(y, x) = std::polar(1.0, wy * static_cast<double>(y) + wx * static_cast<double>(x));
    const double* w = k.data();
    for (Index o = 0; o < out; ++o)
      for (Index i = 0; i < in; ++i)
        for (Index y = 0; y < kh; ++y)
          for (Index x = 0; x < kw; ++x) symbol(o, i) += *w++ * turn(y, x);
    right.push_back(symbol * right.back());
    symbols.push_back(std::move(symbol));
    turns.push_back(std::move(turn));
  }
  Vector left = right.back();
  norm.weights.clear();
  for (Index c = 0; c < left.size(); ++c) {
    norm.weights.push_back(std::norm(left[c]));
    left[c] *= weight_of(weights, c);
  }
  norm.kernels.resize(kernels.size());
  for (std::size_t l = kernels.size(); l-- > 0;) {
    const Shape& s = kernels[l].shape();
    norm.kernels[l] = Array<double>(s);
    double* g = norm.kernels[l].data();
    for (Index o = 0; o < s[0]; ++o)
      for (Index i = 0; i < s[1]; ++i) {
        const Complex both = std::conj(left[o]) * right[l][i];
        for (Index y = 0; y < s[2]; ++y)
          for (Index x = 0; x < s[3]; ++x) *g++ = 2 * (both * turns[l](y, x)).real();
      }
    left = (symbols[l].adjoint() * left).eval();
  }
}

SquaredNorm norm_on_grid(const std::vector<Array<double>>& kernels,
                         const std::vector<double>& weights, Index ny, Index nx, double factor) {
  const Maximum at = grid_maximum(collapse(kernels), weights, ny, nx);
  SquaredNorm norm;
  differentiate(kernels, weights, at.wy, at.wx, norm);
  norm.value = factor * at.value;
  for (Array<double>& g : norm.kernels) scale<double>(g, factor);
  for (double& g : norm.weights) g *= factor;
  return norm;
}

}  // namespace

SquaredNorm proven_squared_norm(const std::vector<Array<double>>& kernels,
                                const std::vector<double>& weights) {
  check_arguments(kernels, weights);
  Index dy = 0, dx = 0;
  for (const Array<double>& k : kernels) {
    dy += k.shape()[2] - 1;
    dx += k.shape()[3] - 1;
  }
  const Index ny = detail::grid_points(dy), nx = detail::grid_points(dx);
  const double factor = detail::inflation(dy, ny) * detail::inflation(dx, nx) * (1 + 1e-8);
  return norm_on_grid(kernels, weights, ny, nx, factor);
}

SquaredNorm grid_squared_norm(const std::vector<Array<double>>& kernels, Index points,
                              const std::vector<double>& weights) {
  check_arguments(kernels, weights);
  if (points < 1) throw ArgumentError("grid_squared_norm: the grid must have at least 1 point");
  return norm_on_grid(kernels, weights, points, points, 1);
}

SquaredNorm power_squared_norm(const std::vector<Array<double>>& kernels, Borders borders,
                               const std::vector<double>& weights, Index size, int steps) {
  check_arguments(kernels, weights);
  if (size < 1 || steps < 1)
    throw ArgumentError("power_squared_norm: expected at least one pixel and one step");
  // W^T diag(weights) W is the gradient of a ridge regulariser with linear profiles, its
  // derivatives are the vector-Jacobian product of that.
  RidgeParameters p;
  p.kernels = kernels;
  p.borders = borders;
  double reach = 1;
  for (const Array<double>& k : kernels) {
    double sum = 0;
    for (const double w : k) sum += std::abs(w);
    reach *= sum;
  }
  p.x_max = std::max(reach, 1e-300);
  p.x_min = -p.x_max;
  const Index channels = kernels.back().shape()[0];
  p.profile = Array<double>(Shape{channels, 2});
  for (Index c = 0; c < channels; ++c) {
    p.profile[2 * c + 1] = p.x_max * weight_of(weights, c);
    p.profile[2 * c] = -p.profile[2 * c + 1];
    p.mu = std::max(p.mu, weight_of(weights, c));
  }
  SquaredNorm norm;
  norm.weights.assign(static_cast<std::size_t>(channels), 0.0);
  for (const Array<double>& k : kernels) norm.kernels.emplace_back(k.shape());
  if (!(p.mu > 0)) return norm;
  p.curvature = p.mu;
  const RidgeRegulariser<double> quadratic(p);
  Array<double> u(Shape{1, size, size}), v(u.shape());
  fill_normal<double>(u, Rng(1).stream("power method"));
  scale<double>(u, 1 / fejer::norm(u));
  for (int k = 0; k < steps; ++k) {
    quadratic.gradient(u, 0, v);
    const double length = fejer::norm(v);
    if (!(length > 0)) return norm;
    scale<double>(v, 1 / length);
    std::swap(u, v);
  }
  RidgeGradients gradients = quadratic.vjp(u, 0, u, v);
  norm.value = dot(u, v);
  norm.kernels = std::move(gradients.kernels);
  for (Index c = 0; c < channels; ++c)
    norm.weights[static_cast<std::size_t>(c)] =
        p.x_max * (gradients.profile[2 * c + 1] - gradients.profile[2 * c]);
  return norm;
}

}  // namespace fejer
