#include <fejer/models/frequency_norm.hpp>

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

#include <Eigen/Core>
#include <fejer/algorithms/eigenvalues.hpp>
#include <fejer/algorithms/matrix_product.hpp>
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

/// Whether a Hermitian matrix is positive definite, by Cholesky's factorisation of its lower
/// triangle in place.
bool positive_definite(Matrix& m) {
  const Index n = m.rows();
  for (Index j = 0; j < n; ++j) {
    auto column = m.col(j).tail(n - j);
    if (j > 0) column.noalias() -= m.block(j, 0, n - j, j) * m.row(j).head(j).adjoint();
    const double pivot = column[0].real();
    if (!(pivot > 0)) return false;
    column *= 1 / std::sqrt(pivot);
  }
  return true;
}

/// Running maximum of the largest eigenvalue of Hermitian matrices G >= 0, by their lower
/// triangles.
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
    if (value_ > 0 && positive_definite(shifted_)) return;
    value_ = std::max(value_, eigenvalues(g).maxCoeff());
  }
  double value() const { return value_; }

 private:
  double value_ = 0;
  Matrix shifted_;
};

/// The symbol A(w) = sum_q K_q e^{i <w, q>} enters by G(w) = A A^H, or A^T conj(A) if that is the
/// smaller one: a trigonometric polynomial again, G(w) = sum_d T_d e^{i <w, d>}, |d| < (kh, kw),
/// with T_d = sum_q M_{q + d} M_q^T, M = K or K^T. Far cheaper at a frequency than a product.
class GramPolynomial {
 public:
  explicit GramPolynomial(const Array<double>& kernel)
      : rows_(kernel.shape()[2]), columns_(kernel.shape()[3]) {
    const Index out = kernel.shape()[0], in = kernel.shape()[1], taps = rows_ * columns_;
    size_ = std::min(out, in);
    std::vector<DenseMatrix<double>> m(static_cast<std::size_t>(taps),
                                       DenseMatrix<double>(size_, std::max(out, in)));
    for (Index q = 0; q < taps; ++q)
      for (Index o = 0; o < out; ++o)
        for (Index i = 0; i < in; ++i)
          m[static_cast<std::size_t>(q)](out <= in ? o : i, out <= in ? i : o) =
              kernel[(o * in + i) * taps + q];
    sums_.setZero(size_ * (size_ + 1) / 2, (2 * rows_ - 1) * (2 * columns_ - 1));
    for (Index q = 0; q < taps; ++q)
      for (Index p = 0; p < taps; ++p) {
        const DenseMatrix<double> t = product_transposed<double>(m[static_cast<std::size_t>(q)],
                                                                 m[static_cast<std::size_t>(p)]);
        const Index dy = q / columns_ - p / columns_ + rows_ - 1;
        const Index dx = q % columns_ - p % columns_ + columns_ - 1;
        auto sum = sums_.col(dy * (2 * columns_ - 1) + dx);
        for (Index b = 0, at = 0; b < size_; ++b)
          for (Index a = b; a < size_; ++a) sum[at++] += t(a, b);
      }
  }
  Index size() const { return size_; }
  /// exp(2 pi i k d / n) for d = 1 - taps..taps - 1.
  static Eigen::VectorXcd phases(Index k, Index taps, Index n) {
    Eigen::VectorXcd p(2 * taps - 1);
    for (Index d = 0; d < p.size(); ++d) {
      const Index turns = k * (d + 1 - taps) % n;
      p[d] = std::polar(1.0,
                        2 * std::numbers::pi * static_cast<double>(turns) / static_cast<double>(n));
    }
    return p;
  }
  /// The lower triangles of G at the frequencies 2 pi (j / ny, .), one a column, column by column;
  /// across: columns of phases along x.
  Matrix line(Index j, Index ny, const Matrix& across) const {
    const Eigen::VectorXcd down = phases(j, rows_, ny);
    Matrix partial = Matrix::Zero(sums_.rows(), across.rows());
    for (Index d = 0; d < down.size(); ++d)
      partial += down[d] * sums_.middleCols(d * partial.cols(), partial.cols());
    return partial * across;
  }

 private:
  Index rows_, columns_, size_ = 0;
  Eigen::MatrixXd sums_;
};

/// max over the frequencies 2 pi (j / ny, k / nx) of ||A||^2; k <= nx / 2, since A(-w) = conj A(w).
double grid_maximum(const Array<double>& kernel, Index ny, Index nx) {
  const GramPolynomial polynomial(kernel);
  const Index half = nx / 2 + 1, rows_per_piece = 8, n = polynomial.size();
  Matrix across(2 * kernel.shape()[3] - 1, half);
  for (Index k = 0; k < half; ++k) across.col(k) = GramPolynomial::phases(k, kernel.shape()[3], nx);
  std::vector<double> maxima(static_cast<std::size_t>((ny + rows_per_piece - 1) / rows_per_piece));
  parallel_for(ny, rows_per_piece, [&](Index begin, Index end) {
    LargestEigenvalue largest;
    Matrix gram = Matrix::Zero(n, n);
    for (Index j = begin; j < end; ++j) {
      const Matrix triangles = polynomial.line(j, ny, across);
      for (Index k = 0; k < half; ++k) {
        const Complex* from = triangles.col(k).data();
        for (Index b = 0; b < n; ++b)
          for (Index a = b; a < n; ++a) gram(a, b) = *from++;
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
