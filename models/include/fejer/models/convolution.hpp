#pragma once
/// Convolution layers on planar images, as networks use them: cross-correlation, stride 1.
#include <memory>

#include <fejer/array.hpp>

namespace fejer {

/// `zero`: as if zeros lay around the input, same size out; `valid`: only pixels whose whole window
/// lies inside, so k - 1 rows and columns fewer.
enum class Padding { zero, valid };

/// y_o[p] = b_o + sum_{i,q} w_{o,i}[q] x_i[p + q - centre], kernels of odd height and width.
/// Shapes: weights (out, in, kh, kw), bias (out); x (in, H, W), y (out, H', W').
/// Cost: out * in * kh * kw multiply-adds a pixel, in registers, no column matrix; scratch memory
/// is kept by each thread, so calls after the first do not allocate. The bits do not depend on
/// the number of threads; they depend on whether the processor has AVX2 and FMA (see kernel_name).
template <class T>
class Convolution {
 public:
  explicit Convolution(const Array<T>& weights, Padding padding = Padding::zero);
  Convolution(const Array<T>& weights, const Array<T>& bias, Padding padding = Padding::zero);

  const Array<T>& weights() const;
  /// Of size 0 where there is none.
  const Array<T>& bias() const;
  Padding padding() const;
  Shape output_shape(const Shape& input) const;
  Shape input_shape(const Shape& output) const;

  void apply(ConstView<T> x, View<T> y) const;
  /// x = W^T y, the exact adjoint of the linear part (the bias has no share in it).
  void apply_adjoint(ConstView<T> y, View<T> x) const;

 private:
  struct Data;
  std::shared_ptr<const Data> data_;
};

/// The kernels that run on this processor: "avx2+fma" or "generic".
const char* kernel_name();

extern template class Convolution<float>;
extern template class Convolution<double>;

}  // namespace fejer
