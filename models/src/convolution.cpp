#include <fejer/models/convolution.hpp>

#include "kernel_gradient.hpp"

namespace fejer {

using detail::Extent;
using detail::PaddedPlanes;

template <class T>
struct Convolution<T>::Data {
  Array<T> weights, bias;
  Padding padding;
  detail::PackedKernel<T> forward, backward;
  /// What `valid` takes away on each side.
  Extent margin() const { return padding == Padding::valid ? forward.radius() : Extent{}; }
};

namespace {

template <class T>
void check_layer(const Array<T>& weights, const Array<T>& bias) {
  const Shape& s = weights.shape();
  if (s.rank() != 4 || s.size() == 0 || s[2] % 2 == 0 || s[3] % 2 == 0)
    throw ShapeError("Convolution weights: got " + to_string(s) +
                     ", expected (out, in, kh, kw) with odd kh and kw");
  if (bias.size() > 0) require_shape("Convolution bias", bias.shape(), Shape{s[0]});
}

}  // namespace

template <class T>
Convolution<T>::Convolution(const Array<T>& weights, Padding padding)
    : Convolution(weights, Array<T>(), padding) {}

template <class T>
Convolution<T>::Convolution(const Array<T>& weights, const Array<T>& bias, Padding padding) {
  check_layer(weights, bias);
  const Array<T> reversed = detail::adjoint_kernel<T>(weights);
  const Array<T> none;
  data_ = std::make_shared<const Data>(Data{weights, bias, padding,
                                            detail::PackedKernel<T>(weights, bias),
                                            detail::PackedKernel<T>(reversed, none)});
}

template <class T>
const Array<T>& Convolution<T>::weights() const {
  return data_->weights;
}
template <class T>
const Array<T>& Convolution<T>::bias() const {
  return data_->bias;
}
template <class T>
Padding Convolution<T>::padding() const {
  return data_->padding;
}

template <class T>
Shape Convolution<T>::output_shape(const Shape& input) const {
  detail::require_images("Convolution input", input, data_->forward.in_channels());
  const Extent m = data_->margin(), size = detail::image_size(input);
  if (size.rows <= 2 * m.rows || size.columns <= 2 * m.columns)
    throw ShapeError("Convolution input: got " + to_string(input) +
                     ", smaller than the kernel, which `valid` needs to fit in");
  return detail::with_images(input, data_->forward.out_channels(), size - m - m);
}
template <class T>
Shape Convolution<T>::input_shape(const Shape& output) const {
  detail::require_images("Convolution output", output, data_->forward.out_channels());
  const Extent m = data_->margin();
  return detail::with_images(output, data_->forward.in_channels(),
                             detail::image_size(output) + m + m);
}

template <class T>
void Convolution<T>::apply(ConstView<T> x, View<T> y) const {
  require_shape("Convolution::apply output", y.shape(), output_shape(x.shape()));
  detail::each_sample(x.shape(), [&](Index n) {
    data_->forward.convolve(detail::sample_planes<const T>(x, n), data_->margin(), data_->padding,
                            detail::sample_planes<T>(y, n));
  });
}

template <class T>
void Convolution<T>::apply_adjoint(ConstView<T> y, View<T> x) const {
  require_shape("Convolution::apply_adjoint output", x.shape(), input_shape(y.shape()));
  const detail::PackedKernel<T>& kernel = data_->backward;
  const bool folds = data_->padding != Padding::valid && data_->padding != Padding::zero;
  const Extent border = folds ? kernel.radius() : Extent{};
  detail::each_sample(x.shape(), [&](Index n) {
    const auto in = detail::sample_planes<const T>(y, n);
    const auto out = detail::sample_planes<T>(x, n);
    if (!folds) return kernel.convolve(in, Extent{} - data_->margin(), Padding::zero, out);
    const PaddedPlanes<T> spread(kernel.out_channels(), out.size, border);
    kernel.convolve(in, Extent{} - border, Padding::zero, spread.window().grown(border));
    spread.fold_border(data_->padding);
    detail::copy<T>(detail::constant(spread.window()), out);
  });
}

template <class T>
void Convolution<T>::weight_gradient(ConstView<T> x, ConstView<T> g, View<T> weights,
                                     View<T> bias) const {
  require_shape("Convolution::weight_gradient cotangent", g.shape(), output_shape(x.shape()));
  require_shape("Convolution::weight_gradient weights", weights.shape(), data_->weights.shape());
  detail::add_kernel_gradient<T>(
      {weights.shape(), detail::samples(x.shape()), detail::image_size(g.shape()),
       detail::image_size(x.shape()), data_->forward.radius() - data_->margin()},
      g,
      [&](Index n, const PaddedPlanes<T>& padded) {
        padded.take(detail::sample_planes<const T>(x, n), 0, data_->padding);
      },
      weights);
  if (bias.size() == 0) return;
  require_shape("Convolution::weight_gradient bias", bias.shape(), Shape{weights.shape()[0]});
  detail::add_bias_gradient<T>(g, bias);
}

template class Convolution<float>;
template class Convolution<double>;

}  // namespace fejer
