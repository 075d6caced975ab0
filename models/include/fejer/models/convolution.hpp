#pragma once
/// Convolution layers on planar images, as networks use them: cross-correlation, stride 1.
#include <memory>

#include <fejer/array.hpp>

namespace fejer {

/// What lies around the input. `valid`: nothing, so only pixels whose whole window lies inside are
/// computed, k - 1 rows and columns fewer. Else the same size out, as if around the input lay zeros
/// (`zero`), its copies (`circular`: pixel -1 is pixel n - 1), its mirror images about the middle
/// of the outermost pixels (`reflect`: -1 is 1), or its outermost pixels (`replicate`: -1 is 0), on
/// images of any size, smaller than the kernel included.
enum class Padding { zero, valid, circular, reflect, replicate };

/// y_o[p] = b_o + sum_{i,q} w_{o,i}[q] x_i[p + q - centre], kernels of odd height and width.
/// Shapes: weights (out, in, kh, kw), bias (out); x (in, H, W), y (out, H', W'), or batches
/// (N, in, H, W), (N, out, H', W'), each sample with the bits that it has alone.
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
  /// Adds the gradients of <g, apply(x)>, summed over the batch: to `weights` (out, in, kh, kw)
  ///   sum_p g_o[p] x_i[p + q - centre],
  /// and to `bias` (out), unless it has size 0, sum_p g_o[p]. (The gradient in x is
  /// apply_adjoint(g).) Sums are of type T in registers, then over parts of the batch or image in
  /// double, in an order that depends on shapes alone. As many multiply-adds as apply.
  void weight_gradient(ConstView<T> x, ConstView<T> g, View<T> weights, View<T> bias) const;

 private:
  struct Data;
  std::shared_ptr<const Data> data_;
};

/// The inner loops that run in this process: "avx2+fma" where the processor has them, else
/// "generic". The environment variable FEJER_KERNELS (generic, avx2, avx512), read once, chooses
/// others. "avx512" is up to twice as fast as AVX2 and gives the same bits, generic ones differ by
/// rounding. Throws ArgumentError where the processor has not what is asked for.
const char* kernel_name();

extern template class Convolution<float>;
extern template class Convolution<double>;

}  // namespace fejer
