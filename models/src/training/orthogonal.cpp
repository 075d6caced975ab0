#include <fejer/models/training/orthogonal.hpp>

#include <algorithm>
#include <cmath>
#include <string>

#include <Eigen/Core>
#include <fejer/algorithms/eigenvalues.hpp>
#include <fejer/algorithms/matrix_product.hpp>
#include <fejer/eigen.hpp>

namespace fejer {
namespace {

using RowMatrix = DenseMatrix<double>;

ConstMatrixMap<double> matrix(const Array<double>& a) { return as_matrix(ConstView<double>(a)); }

Array<double> to_array(const RowMatrix& m) {
  return Array<double>(ConstView<double>(m.data(), Shape{m.rows(), m.cols()}));
}

/// W W^T W by the smaller of the two Gram matrices.
RowMatrix cube(const RowMatrix& w) {
  if (w.rows() > w.cols()) return product<double>(w, transposed_product<double>(w, w));
  return product<double>(product_transposed<double>(w, w), w);
}

}  // namespace

Orthonormalised::Orthonormalised(const Array<double>& w, int iterations) {
  if (w.shape().rank() != 2 || w.size() == 0 || iterations < 1)
    throw ShapeError("Orthonormalised: got " + to_string(w.shape()) + " and " +
                     std::to_string(iterations) + " iterations, expected a matrix and at least 1");
  const RowMatrix m = matrix(w);
  const bool tall = m.rows() > m.cols();
  const Eigen::MatrixXd gram =
      tall ? transposed_product<double>(m, m) : product_transposed<double>(m, m);
  const auto [values, vectors] = eigen_decomposition(gram);
  const Eigen::VectorXd one = vectors.rightCols<1>();
  norm_ = std::sqrt(std::max(0.0, values.maxCoeff()));
  if (!(norm_ > 0) || !std::isfinite(norm_))
    throw ArgumentError("Orthonormalised: the norm of the matrix is " + std::to_string(norm_));
  const Eigen::VectorXd other =
      tall ? Eigen::VectorXd(m * one) : Eigen::VectorXd(m.transpose() * one);
  norm_gradient_ = tall ? to_array(other / norm_ * one.transpose())
                        : to_array(one * (other / norm_).transpose());
  iterates_.push_back(to_array(m / norm_));
  for (int i = 0; i < iterations; ++i) {
    const RowMatrix x = matrix(iterates_.back());
    iterates_.push_back(to_array(1.5 * x - 0.5 * cube(x)));
  }
}

Array<double> Orthonormalised::vjp(const Array<double>& g) const {
  require_shape("Orthonormalised::vjp cotangent", g.shape(), value().shape());
  RowMatrix pull = matrix(g);
  for (std::size_t i = iterates_.size() - 1; i-- > 0;) {
    const RowMatrix x = matrix(iterates_[i]);
    RowMatrix sum;
    if (x.rows() > x.cols()) {
      const RowMatrix gram = transposed_product<double>(x, x),
                      cross = transposed_product<double>(pull, x);
      sum = product<double>(pull, gram) + product<double>(x, cross + cross.transpose());
    } else {
      const RowMatrix gram = product_transposed<double>(x, x),
                      cross = product_transposed<double>(x, pull);
      sum = product<double>(gram, pull) + product<double>(cross + cross.transpose(), x);
    }
    pull = 1.5 * pull - 0.5 * sum;
  }
  const double along = pull.cwiseProduct(RowMatrix(matrix(iterates_[0]))).sum();
  return to_array((pull - along * RowMatrix(matrix(norm_gradient_))) / norm_);
}

namespace {

/// Kernels as matrices, one a tap (row y, column x).
using Kernel = std::vector<RowMatrix>;

/// Multiplied from the right by P + (I - P) shift, along y or x; one tap longer on that axis.
Kernel extended(const Kernel& a, Index rows, Index columns, bool along_y, const RowMatrix& p) {
  const Index width = columns + (along_y ? 0 : 1), shift = along_y ? width : 1;
  Kernel result(static_cast<std::size_t>((rows + (along_y ? 1 : 0)) * width),
                RowMatrix::Zero(a[0].rows(), a[0].cols()));
  for (Index y = 0; y < rows; ++y)
    for (Index x = 0; x < columns; ++x) {
      const RowMatrix& tap = a[static_cast<std::size_t>(y * columns + x)];
      const RowMatrix kept = product<double>(tap, p);
      const auto at = static_cast<std::size_t>(y * width + x);
      result[at] += kept;
      result[at + static_cast<std::size_t>(shift)] += tap - kept;
    }
  return result;
}

/// Of the same step: the gradient for `a`; that for p is added.
Kernel extended_vjp(const Kernel& a, Index rows, Index columns, bool along_y, const RowMatrix& p,
                    const Kernel& g, RowMatrix& gp) {
  const Index width = columns + (along_y ? 0 : 1), shift = along_y ? width : 1;
  Kernel result;
  for (Index y = 0; y < rows; ++y)
    for (Index x = 0; x < columns; ++x) {
      const RowMatrix& tap = a[static_cast<std::size_t>(y * columns + x)];
      const auto at = static_cast<std::size_t>(y * width + x);
      const RowMatrix& after = g[at + static_cast<std::size_t>(shift)];
      const RowMatrix difference = g[at] - after;
      result.push_back(product_transposed<double>(difference, p) + after);
      gp += transposed_product<double>(tap, difference);
    }
  return result;
}

struct Step {
  Index rows, columns;
  bool along_y;
};

/// Shapes before each factor.
std::vector<Step> steps_of(Index k) {
  std::vector<Step> steps;
  for (Index j = 1; j < k; ++j) {
    steps.push_back({j, j, true});
    steps.push_back({j + 1, j, false});
  }
  return steps;
}

RowMatrix projection(const Orthonormalised& part) {
  const RowMatrix v = matrix(part.value());
  return product_transposed<double>(v, v);
}

/// The first factor: the rows of H that the layer has.
RowMatrix first_rows(const Orthonormalised& part, Index rows) {
  return RowMatrix(matrix(part.value())).topRows(rows);
}

}  // namespace

Shape OrthogonalConvolution::matrices_shape(Index out, Index in, Index k) {
  const Index c = std::max(out, in);
  return {2 * k - 1, c, c};
}

OrthogonalConvolution::OrthogonalConvolution(const Array<double>& matrices, Index out, Index in,
                                             int iterations)
    : out_(out), in_(in), channels_(std::max(out, in)), size_((matrices.shape()[0] + 1) / 2) {
  require_shape("OrthogonalConvolution matrices", matrices.shape(), matrices_shape(out, in, size_));
  if (size_ > 1 && channels_ < 2)
    throw ShapeError("OrthogonalConvolution: kernels of more than one tap need 2 channels");
  for (Index j = 0; j < 2 * size_ - 1; ++j) {
    const Array<double> slice(matrices.slice(j));
    const Index columns = j == 0 ? channels_ : channels_ / 2;
    parts_.emplace_back(to_array(RowMatrix(matrix(slice)).leftCols(columns)), iterations);
  }
  Kernel kernel{first_rows(parts_[0], std::min(out, in))};
  std::size_t part = 1;
  for (const Step& s : steps_of(size_))
    kernel = extended(kernel, s.rows, s.columns, s.along_y, projection(parts_[part++]));
  weights_ = Array<double>(Shape{out, in, size_, size_});
  const Index taps = size_ * size_;
  for (Index q = 0; q < taps; ++q)
    for (Index o = 0; o < out; ++o)
      for (Index i = 0; i < in; ++i)
        weights_[(o * in + i) * taps + q] =
            out <= in ? kernel[static_cast<std::size_t>(q)](o, i)
                      : kernel[static_cast<std::size_t>(taps - 1 - q)](i, o);
}

Array<double> OrthogonalConvolution::vjp(const Array<double>& g) const {
  require_shape("OrthogonalConvolution::vjp cotangent", g.shape(), weights_.shape());
  const Index taps = size_ * size_, rows = std::min(out_, in_);
  const std::vector<Step> steps = steps_of(size_);
  std::vector<Kernel> before{{first_rows(parts_[0], rows)}};
  for (std::size_t j = 0; j < steps.size(); ++j)
    before.push_back(extended(before[j], steps[j].rows, steps[j].columns, steps[j].along_y,
                              projection(parts_[j + 1])));
  Kernel pull(static_cast<std::size_t>(taps), RowMatrix(rows, channels_));
  for (Index q = 0; q < taps; ++q)
    for (Index o = 0; o < out_; ++o)
      for (Index i = 0; i < in_; ++i) {
        const double value = g[(o * in_ + i) * taps + q];
        if (out_ <= in_)
          pull[static_cast<std::size_t>(q)](o, i) = value;
        else
          pull[static_cast<std::size_t>(taps - 1 - q)](i, o) = value;
      }
  Array<double> result(matrices_shape(out_, in_, size_));
  const auto store = [&](std::size_t part, const RowMatrix& gradient) {
    const Array<double> pulled = parts_[part].vjp(to_array(gradient));
    View<double> slice = result.slice(static_cast<Index>(part));
    as_matrix(slice).leftCols(pulled.shape()[1]) = matrix(pulled);
  };
  for (std::size_t j = steps.size(); j-- > 0;) {
    RowMatrix gp = RowMatrix::Zero(channels_, channels_);
    pull = extended_vjp(before[j], steps[j].rows, steps[j].columns, steps[j].along_y,
                        projection(parts_[j + 1]), pull, gp);
    store(j + 1, product<double>(gp + gp.transpose(), matrix(parts_[j + 1].value())));
  }
  RowMatrix top = RowMatrix::Zero(channels_, channels_);
  top.topRows(rows) = pull[0];
  store(0, top);
  return result;
}

}  // namespace fejer
