#include <fejer/models/convolution.hpp>

#include "planes.hpp"

namespace fejer {

using detail::Extent;

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

Shape image_shape(const char* where, const Shape& s, Index channels) {
  if (s.rank() != 3 || s[0] != channels)
    throw ShapeError(std::string(where) + ": got " + to_string(s) + ", expected (" +
                     std::to_string(channels) + ", H, W)");
  return s;
}

Extent size_of(const Shape& s) { return {s[1], s[2]}; }

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
  const Shape s = image_shape("Convolution input", input, data_->forward.in_channels());
  const Extent m = data_->margin();
  if (s[1] <= 2 * m.rows || s[2] <= 2 * m.columns)
    throw ShapeError("Convolution input: got " + to_string(s) +
                     ", smaller than the kernel, which `valid` needs to fit in");
  return {data_->forward.out_channels(), s[1] - 2 * m.rows, s[2] - 2 * m.columns};
}
template <class T>
Shape Convolution<T>::input_shape(const Shape& output) const {
  const Shape s = image_shape("Convolution output", output, data_->forward.out_channels());
  const Extent m = data_->margin();
  return {data_->forward.in_channels(), s[1] + 2 * m.rows, s[2] + 2 * m.columns};
}

template <class T>
void Convolution<T>::apply(ConstView<T> x, View<T> y) const {
  require_shape("Convolution::apply output", y.shape(), output_shape(x.shape()));
  const detail::PackedKernel<T>& kernel = data_->forward;
  const auto out = detail::planes(y.data(), y.shape()[0], size_of(y.shape()));
  const auto in = detail::planes<const T>(x.data(), x.shape()[0], size_of(x.shape()));
  const Extent margin = data_->margin();
  detail::PaddedPlanes<T> padded(x.shape()[0], size_of(x.shape()), kernel.radius() - margin);
  detail::copy<T>(in, padded.window());
  kernel.convolve(padded.window().grown(Extent{} - margin), out);
}

template <class T>
void Convolution<T>::apply_adjoint(ConstView<T> y, View<T> x) const {
  require_shape("Convolution::apply_adjoint output", x.shape(), input_shape(y.shape()));
  const detail::PackedKernel<T>& kernel = data_->backward;
  const auto out = detail::planes(x.data(), x.shape()[0], size_of(x.shape()));
  const auto in = detail::planes<const T>(y.data(), y.shape()[0], size_of(y.shape()));
  const Extent margin = data_->margin();
  detail::PaddedPlanes<T> padded(y.shape()[0], size_of(y.shape()), kernel.radius() + margin);
  detail::copy<T>(in, padded.window());
  kernel.convolve(padded.window().grown(margin), out);
}

template class Convolution<float>;
template class Convolution<double>;

}  // namespace fejer
