#include <fejer/models/strided_convolution.hpp>

#include "kernel_gradient.hpp"

namespace fejer {

using detail::Extent;
using detail::PaddedPlanes;
using detail::Planes;

template <class T>
struct StridedConvolution<T>::Data {
  Array<T> weights, bias;
  Index stride;
  detail::PackedKernel<T> forward, backward;  // 1 x 1, between sorted planes
  Index in() const { return weights.shape()[1]; }
  Index out() const { return weights.shape()[0]; }
};

namespace {

template <class T>
void check_layer(const Array<T>& weights, const Array<T>& bias) {
  const Shape& s = weights.shape();
  if (s.rank() != 4 || s.size() == 0 || s[2] != s[3])
    throw ShapeError("StridedConvolution weights: got " + to_string(s) +
                     ", expected (out, in, s, s)");
  if (bias.size() > 0) require_shape("StridedConvolution bias", bias.shape(), Shape{s[0]});
}

/// sorted plane (i, r, c) at p is x_i at s p + (r, c).
template <class T>
void sort(const Planes<const T>& x, Index s, const Planes<T>& sorted) {
  parallel_for(sorted.channels, 1, [&](Index begin, Index end) {
    for (Index j = begin; j < end; ++j)
      for (Index y = 0; y < sorted.size.rows; ++y) {
        const T* const from = x.at(j / (s * s), s * y + j / s % s, j % s);
        T* const to = sorted.at(j, y, 0);
        for (Index p = 0; p < sorted.size.columns; ++p) to[p] = from[s * p];
      }
  });
}

template <class T>
void unsort(const Planes<T>& sorted, Index s, const Planes<T>& x) {
  parallel_for(x.channels, 1, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i)
      for (Index y = 0; y < x.size.rows; ++y)
        for (Index c = 0; c < s; ++c) {
          const T* const from = sorted.at((i * s + y % s) * s + c, y / s, 0);
          T* const to = x.at(i, y, c);
          for (Index p = 0; p < sorted.size.columns; ++p) to[s * p] = from[p];
        }
  });
}

}  // namespace

template <class T>
StridedConvolution<T>::StridedConvolution(const Array<T>& weights)
    : StridedConvolution(weights, Array<T>()) {}

template <class T>
StridedConvolution<T>::StridedConvolution(const Array<T>& weights, const Array<T>& bias) {
  check_layer(weights, bias);
  const Shape& s = weights.shape();
  const ConstView<T> pointwise = ConstView<T>(weights).reshaped({s[0], s[1] * s[2] * s[3], 1, 1});
  const Array<T> reversed = detail::adjoint_kernel<T>(pointwise), none;
  data_ = std::make_shared<const Data>(Data{weights, bias, s[2],
                                            detail::PackedKernel<T>(pointwise, bias),
                                            detail::PackedKernel<T>(reversed, none)});
}

template <class T>
const Array<T>& StridedConvolution<T>::weights() const {
  return data_->weights;
}
template <class T>
const Array<T>& StridedConvolution<T>::bias() const {
  return data_->bias;
}
template <class T>
Index StridedConvolution<T>::stride() const {
  return data_->stride;
}

template <class T>
Shape StridedConvolution<T>::output_shape(const Shape& input) const {
  detail::require_images("StridedConvolution input", input, data_->in());
  const Extent size = detail::image_size(input);
  const Index s = stride();
  if (size.rows % s != 0 || size.columns % s != 0)
    throw ShapeError("StridedConvolution input: got " + to_string(input) +
                     ", expected a height and a width that are multiples of " + std::to_string(s));
  return detail::with_images(input, data_->out(), {size.rows / s, size.columns / s});
}
template <class T>
Shape StridedConvolution<T>::input_shape(const Shape& output) const {
  detail::require_images("StridedConvolution output", output, data_->out());
  const Extent size = detail::image_size(output);
  return detail::with_images(output, data_->in(), {size.rows * stride(), size.columns * stride()});
}

template <class T>
void StridedConvolution<T>::apply(ConstView<T> x, View<T> y) const {
  require_shape("StridedConvolution::apply output", y.shape(), output_shape(x.shape()));
  const detail::PackedKernel<T>& kernel = data_->forward;
  detail::each_sample(x.shape(), [&](Index n) {
    const auto out = detail::sample_planes<T>(y, n);
    PaddedPlanes<T> sorted(kernel.in_channels(), out.size, Extent{});
    sort(detail::sample_planes<const T>(x, n), stride(), sorted.window());
    kernel.convolve(sorted.window(), out);
  });
}

template <class T>
void StridedConvolution<T>::apply_adjoint(ConstView<T> y, View<T> x) const {
  require_shape("StridedConvolution::apply_adjoint output", x.shape(), input_shape(y.shape()));
  const detail::PackedKernel<T>& kernel = data_->backward;
  detail::each_sample(x.shape(), [&](Index n) {
    const Extent size = detail::image_size(y.shape());
    PaddedPlanes<T> in(kernel.in_channels(), size, Extent{});
    PaddedPlanes<T> sorted(kernel.out_channels(), size, Extent{});
    detail::copy<T>(detail::sample_planes<const T>(y, n), in.window());
    kernel.convolve(in.window(), sorted.window());
    unsort(sorted.window(), stride(), detail::sample_planes<T>(x, n));
  });
}

template <class T>
void StridedConvolution<T>::weight_gradient(ConstView<T> x, ConstView<T> g, View<T> weights,
                                            View<T> bias) const {
  require_shape("StridedConvolution::weight_gradient cotangent", g.shape(),
                output_shape(x.shape()));
  require_shape("StridedConvolution::weight_gradient weights", weights.shape(),
                data_->weights.shape());
  const Extent size = detail::image_size(g.shape());
  const Shape pointwise{data_->out(), data_->forward.in_channels(), 1, 1};
  detail::add_kernel_gradient<T>(
      {pointwise, detail::samples(x.shape()), size, size, Extent{}}, g,
      [&](Index n, const PaddedPlanes<T>& sorted) {
        sort(detail::sample_planes<const T>(x, n), stride(), sorted.window());
      },
      weights.reshaped(pointwise));
  if (bias.size() == 0) return;
  require_shape("StridedConvolution::weight_gradient bias", bias.shape(), Shape{data_->out()});
  detail::add_bias_gradient<T>(g, bias);
}

template class StridedConvolution<float>;
template class StridedConvolution<double>;

}  // namespace fejer
