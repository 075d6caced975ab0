#pragma once
/// Convolutions that change the resolution: kernels of s x s pixels at a stride of s.
#include <memory>

#include <fejer/array.hpp>

namespace fejer {

/// y_o[p] = b_o + sum_{i,q} w_{o,i}[q] x_i[s p + q], q in {0..s-1}^2: windows that do not overlap.
/// Shapes: weights (out, in, s, s), bias (out); x (in, s H, s W), y (out, H, W), or batches of them
/// with a first axis N. The adjoint is the "transposed convolution" by which networks go back to
/// the finer grid (PyTorch's conv_transpose2d with the same weights and stride s).
/// Cost: as a 1 x 1 convolution of s^2 in planes, in which the pixels of the windows are sorted.
template <class T>
class StridedConvolution {
 public:
  explicit StridedConvolution(const Array<T>& weights);
  StridedConvolution(const Array<T>& weights, const Array<T>& bias);

  const Array<T>& weights() const;
  /// Of size 0 where there is none.
  const Array<T>& bias() const;
  Index stride() const;
  /// Throws ShapeError unless height and width are multiples of s.
  Shape output_shape(const Shape& input) const;
  Shape input_shape(const Shape& output) const;

  void apply(ConstView<T> x, View<T> y) const;
  /// x = W^T y, the exact adjoint of the linear part.
  void apply_adjoint(ConstView<T> y, View<T> x) const;
  /// Adds the gradients of <g, apply(x)>, summed over the batch, to `weights` and, unless it has
  /// size 0, to `bias`. With g and x exchanged in their roles, <x, apply_adjoint(g)> has the same
  /// gradient in the weights.
  void weight_gradient(ConstView<T> x, ConstView<T> g, View<T> weights, View<T> bias) const;

 private:
  struct Data;
  std::shared_ptr<const Data> data_;
};

extern template class StridedConvolution<float>;
extern template class StridedConvolution<double>;

}  // namespace fejer
