#include <fejer/models/frequency_norm.hpp>

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

#include <Eigen/Cholesky>
#include <fejer/eigenvalues.hpp>
#include <fejer/models/multi_convolution.hpp>
#include <fejer/parallel.hpp>

#include "frequency_grid.hpp"

namespace fejer {
namespace {

using Complex = std::complex<double>;
using Matrix = Eigen::MatrixXcd;

using detail::grid_points;
using detail::inflation;
constexpr double slack = detail::symbol_slack;

void check_kernel(const Array<double>& kernel) {
  if (kernel.shape().rank() != 4 || kernel.size() == 0)
    throw ShapeError("frequency norm: got a kernel of shape " + to_string(kernel.shape()) +
                     ", expected (out, in, kh, kw)");
}

/// Running maximum of the largest eigenvalue of Hermitian matrices G >= 0.
class LargestEigenvalue {
 public:
  void add(const Matrix& g) {
    if (g.rows() == 1) {
      value_ = std::max(value_, g(0, 0).real());
      return;
    }
    // Positive definite: no eigenvalue of G is above the bound.
    shifted_ = -g;
    shifted_.diagonal().array() += value_ * (1 + slack);
    if (value_ > 0 && factor_.compute(shifted_).info() == Eigen::Success) return;
    value_ = std::max(value_, eigenvalues(g).maxCoeff());
  }
  double value() const { return value_; }

 private:
  double value_ = 0;
  Matrix shifted_;
  Eigen::LLT<Matrix> factor_;
};

/// exp(2 pi i k q / n) for q = 0..taps-1.
Eigen::VectorXcd phases(Index k, Index taps, Index n) {
  Eigen::VectorXcd p(taps);
  for (Index q = 0; q < taps; ++q)
    p[q] = std::polar(
        1.0, 2 * std::numbers::pi * static_cast<double>(k * q % n) / static_cast<double>(n));
  return p;
}

/// max over the frequencies 2 pi (j / ny, k / nx) of ||A||^2; k <= nx / 2, since A(-w) = conj A(w).
double grid_maximum(const Array<double>& kernel, Index ny, Index nx) {
  const Index out = kernel.shape()[0], in = kernel.shape()[1];
  const Index kh = kernel.shape()[2], kw = kernel.shape()[3];
  const Index half = nx / 2 + 1, rows_per_piece = 8;
  Matrix across(kw, half);
  for (Index k = 0; k < half; ++k) across.col(k) = phases(k, kw, nx);
  std::vector<double> maxima(static_cast<std::size_t>((ny + rows_per_piece - 1) / rows_per_piece));
  parallel_for(ny, rows_per_piece, [&](Index begin, Index end) {
    LargestEigenvalue largest;
    Matrix partial(out * in, kw), gram;
    for (Index j = begin; j < end; ++j) {
      const Eigen::VectorXcd down = phases(j, kh, ny);
      for (Index oi = 0; oi < out * in; ++oi)
        for (Index c = 0; c < kw; ++c) {
          Complex sum = 0;
          for (Index r = 0; r < kh; ++r) sum += kernel[(oi * kh + r) * kw + c] * down[r];
          partial(oi, c) = sum;
        }
      const Matrix symbols = partial * across;
      for (Index k = 0; k < half; ++k) {
        // Column-major: column o of this map is row o of the symbol.
        const Eigen::Map<const Matrix> a(symbols.col(k).data(), in, out);
        if (in <= out)
          gram.noalias() = a.conjugate() * a.transpose();
        else
          gram.noalias() = a.transpose() * a.conjugate();
        largest.add(gram);
      }
    }
    maxima[static_cast<std::size_t>(begin / rows_per_piece)] = largest.value();
  });
  return *std::max_element(maxima.begin(), maxima.end());
}

}  // namespace

NormInterval frequency_norm(const Array<double>& kernel) {
  check_kernel(kernel);
  for (const double w : kernel)
    if (!std::isfinite(w)) throw ArgumentError("frequency norm: a weight is not finite");
  const Index dy = kernel.shape()[2] - 1, dx = kernel.shape()[3] - 1;
  const Index ny = grid_points(dy), nx = grid_points(dx);
  const double squared = grid_maximum(kernel, ny, nx);
  const double factor = inflation(dy, ny) * inflation(dx, nx) * (1 + 2 * slack);
  NormInterval result;
  result.lower = std::sqrt(squared);
  result.upper = std::sqrt(squared * factor);
  result.how = "maximum over " + std::to_string(ny) + " x " + std::to_string(nx);
  result.how += " frequencies, times " + std::to_string(std::sqrt(factor));
  return result;
}

double impulse_norm_squared(const std::vector<Array<double>>& kernels, Index grid) {
  const Array<double> kernel = collapse(kernels);
  if (kernel.shape()[1] != 1)
    throw ShapeError("impulse_norm_squared: got " + std::to_string(kernel.shape()[1]) +
                     " input channels, expected 1");
  if (grid < 1) throw ArgumentError("impulse_norm_squared: the grid must have at least 1 point");
  return grid_maximum(kernel, grid, grid);
}

}  // namespace fejer
