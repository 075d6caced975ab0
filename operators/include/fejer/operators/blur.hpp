#pragma once
#include <memory>

#include <fejer/linear_operator.hpp>

namespace fejer {

/// What lies outside the image, for a row a b c d:
///   circular   a b c d | a b c d | a b c d
///   zero       0 0 0 0 | a b c d | 0 0 0 0
///   reflect    d c b a | a b c d | d c b a   (half-sample symmetric: scipy 'reflect', numpy
///                                             'symmetric'; the edge pixel is repeated)
///   replicate  a a a a | a b c d | d d d d
/// Each is continued as far as the kernel reaches, also beyond the size of the image.
enum class Boundary { circular, zero, reflect, replicate };

/// True convolution of every channel with one kernel,
///   y[i] = sum_k h[k] x[i - k + c],  c = floor(size of h / 2) on both axes,
/// so that a one at h[c] is the identity. Shapes: h (kh,kw) of any size, even ones and ones larger
/// than the image included; x, y (H,W) or (C,H,W).
/// Computed as Crop * (circular convolution on a grid) * Extend with the transfer function kept;
/// the adjoint is the exact transpose, Extend^T folding back onto the image. Cost: two real FFTs
/// of (H + kh - 1) x (W + kw - 1) per channel, rounded up to lengths 2^a 3^b 5^c 7^d (circular: of
/// H x W exactly).
///
/// Norm. Circular: the largest modulus of the transfer function, exact. Otherwise the smallest of
///   - max_i (B^T B v)_i / v_i, B the blur with |h|, v > 0 (entries of A are at most those of B);
///   - |Extend| times sup |H| over all frequencies, from a grid of N > 2d points per axis and the
///     inequality of Ehlich and Zeller (Math. Z. 86, 1964) for the polynomial |H|^2 of degree
///     d = k - 1 per axis: sup <= max over the grid / prod cos(pi d / N).
template <class T>
class Blur {
 public:
  using Domain = T;
  using Range = T;
  /// Throws unless h has rank 2, at least one element and only finite ones.
  Blur(const Array<T>& kernel, const Shape& image, Boundary boundary);
  const Shape& domain() const;
  const Shape& range() const { return domain(); }
  const Array<T>& kernel() const;
  Boundary boundary() const;
  void apply(ConstView<T> x, View<T> y) const;
  void apply_adjoint(ConstView<T> y, View<T> x) const;
  void normal(ConstView<T> x, View<T> out) const;
  NormInterval norm_interval() const;

 private:
  struct Plan;
  std::shared_ptr<const Plan> plan_;
};

/// Sampled Gaussian of standard deviation sigma pixels about floor(size/2), (size,size), sum 1;
/// size 0 takes 2 ceil(4 sigma) + 1.
template <class T>
Array<T> gaussian_kernel(double sigma, Index size = 0);

}  // namespace fejer
