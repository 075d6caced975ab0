#pragma once
/// Matrices and convolutions with orthonormal rows or columns, as functions of free parameters,
/// with the gradients of these functions.
#include <vector>

#include <fejer/array.hpp>

namespace fejer {

/// W / ||W||_2, then `iterations` times W <- 3/2 W - 1/2 W W^T W (Bjorck, Bowie, SIAM J. Numer.
/// Anal. 8 (1971); Anil, Lucas, Grosse, ICML 2019): the polar factor, all of whose singular values
/// are 1, in the limit and for full rank; none is ever above 1. A singular value s of W / ||W||_2
/// grows by 1.5 a step while it is small. Cost m n min(m, n) an iteration, three times in the vjp.
class Orthonormalised {
 public:
  explicit Orthonormalised(const Array<double>& w, int iterations = 25);
  const Array<double>& value() const { return iterates_.back(); }
  /// The gradient of <g, value()> for w.
  Array<double> vjp(const Array<double>& g) const;

 private:
  double norm_;
  Array<double> norm_gradient_;
  std::vector<Array<double>> iterates_;
};

/// A k x k convolution (out, in, k, k) whose symbol has orthonormal rows (out <= in) or columns at
/// every frequency, so ||W x|| = ||x|| for circular borders and in <= out:
///   A(w) = H prod_j [P_j + (I - P_j) e^{i w_y}] [Q_j + (I - Q_j) e^{i w_x}],  j = 1..k-1,
/// P_j, Q_j projections on c/2 dimensions, c = max(out, in), H orthonormal, its rows or columns cut
/// to the layer's shape (block convolution orthogonal parametrisation, BCOP; Li, Haque, Anil,
/// Lucas, Grosse, Jacobsen, NeurIPS 2019). `matrices` (2k - 1, c, c), free: the first becomes H, of
/// the others the first c/2 columns span the projections, all by `Orthonormalised`.
class OrthogonalConvolution {
 public:
  static Shape matrices_shape(Index out, Index in, Index k);
  OrthogonalConvolution(const Array<double>& matrices, Index out, Index in, int iterations = 25);
  const Array<double>& weights() const { return weights_; }
  /// The gradient of <g, weights()> for the matrices.
  Array<double> vjp(const Array<double>& g) const;

 private:
  Index out_, in_, channels_, size_;
  std::vector<Orthonormalised> parts_;
  Array<double> weights_;
};

}  // namespace fejer
