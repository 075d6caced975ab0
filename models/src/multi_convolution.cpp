#include <fejer/models/multi_convolution.hpp>

#include <string>

#include "multi_convolution_data.hpp"

namespace fejer {

using detail::Extent;
using detail::PaddedPlanes;
using detail::Planes;

template <class T>
Extent MultiConvolution<T>::Data::reach(std::size_t l) const {
  Extent sum;
  if (borders == Borders::zero_once)
    for (std::size_t j = l; j < layers(); ++j) sum = sum + radius(j);
  return sum;
}

template <class T>
Extent MultiConvolution<T>::Data::adjoint_reach(std::size_t l) const {
  Extent before;
  for (std::size_t j = 0; j < l; ++j) before = before + radius(j);
  return detail::smaller(before, reach(l));
}

template <class T>
Extent MultiConvolution<T>::Data::adjoint_border(std::size_t l) const {
  return detail::larger(Extent{}, adjoint_reach(l - 1) + radius(l - 1) - adjoint_reach(l));
}

template <class T>
void MultiConvolution<T>::Data::apply(const Planes<const T>& x, const Planes<T>& z,
                                      const RowDone* done) const {
  PaddedPlanes<T> padded(x.channels, x.size, detail::larger(radius(0), reach(0)));
  detail::copy<T>(x, padded.window());
  apply_from(0, padded.window(), z, done);
}

template <class T>
void MultiConvolution<T>::Data::apply_from(std::size_t l, const Planes<T>& v, const Planes<T>& z,
                                           const RowDone* done) const {
  const Extent more = reach(l + 1);
  if (l + 1 == layers()) return forward[l].convolve(v, z, done);
  const Extent size{z.size.rows + 2 * more.rows, z.size.columns + 2 * more.columns};
  const bool once = borders == Borders::zero_once;
  PaddedPlanes<T> next(forward[l].out_channels(), size, once ? Extent{} : radius(l + 1));
  forward[l].convolve(v.grown(more), next.window());
  apply_from(l + 1, next.window().grown(Extent{} - more), z, done);
}

template <class T>
void MultiConvolution<T>::Data::apply_adjoint(const Planes<T>& z, const Planes<T>& x) const {
  apply_adjoint_from(layers(), z, x);
}

/// v is v_l, a window of the size of the image.
template <class T>
void MultiConvolution<T>::Data::apply_adjoint_from(std::size_t l, const Planes<T>& v,
                                                   const Planes<T>& x) const {
  const detail::PackedKernel<T>& kernel = backward[l - 1];
  if (l == 1) return kernel.convolve(v, x);
  const Extent more = adjoint_reach(l - 1);
  const Extent size{x.size.rows + 2 * more.rows, x.size.columns + 2 * more.columns};
  PaddedPlanes<T> next(kernel.out_channels(), size, adjoint_border(l - 1));
  kernel.convolve(v.grown(more), next.window());
  apply_adjoint_from(l - 1, next.window().grown(Extent{} - more), x);
}

template <class T>
MultiConvolution<T>::MultiConvolution(const std::vector<Array<T>>& kernels, Borders borders) {
  if (kernels.empty()) throw ArgumentError("MultiConvolution: no kernels");
  auto data = std::make_shared<Data>();
  data->kernels = kernels;
  data->borders = borders;
  Index channels = kernels.front().shape().rank() == 4 ? kernels.front().shape()[1] : 0;
  const Array<T> none;
  for (std::size_t l = 0; l < kernels.size(); ++l) {
    const Shape& s = kernels[l].shape();
    if (s.rank() != 4 || s.size() == 0 || s[1] != channels || s[2] % 2 == 0 || s[3] % 2 == 0)
      throw ShapeError("MultiConvolution kernel " + std::to_string(l) + ": got " + to_string(s) +
                       ", expected (out, " + std::to_string(channels) + ", odd, odd)");
    channels = s[0];
    const Array<T> reversed = detail::adjoint_kernel<T>(kernels[l]);
    data->forward.emplace_back(kernels[l], none);
    data->backward.emplace_back(reversed, none);
  }
  data_ = std::move(data);
}

template <class T>
Index MultiConvolution<T>::in_channels() const {
  return data_->forward.front().in_channels();
}
template <class T>
Index MultiConvolution<T>::out_channels() const {
  return data_->forward.back().out_channels();
}
template <class T>
Borders MultiConvolution<T>::borders() const {
  return data_->borders;
}
template <class T>
const std::vector<Array<T>>& MultiConvolution<T>::kernels() const {
  return data_->kernels;
}

namespace {

void check_shapes(const char* where, const Shape& x, Index in, const Shape& z, Index out) {
  if (x.rank() != 3 || x[0] != in)
    throw ShapeError(std::string(where) + ": got " + to_string(x) + ", expected (" +
                     std::to_string(in) + ", H, W)");
  require_shape(where, z, Shape{out, x[1], x[2]});
}

}  // namespace

template <class T>
void MultiConvolution<T>::apply(ConstView<T> x, View<T> z) const {
  check_shapes("MultiConvolution::apply", x.shape(), in_channels(), z.shape(), out_channels());
  const Extent size{x.shape()[1], x.shape()[2]};
  data_->apply(detail::planes<const T>(x.data(), in_channels(), size),
               detail::planes(z.data(), out_channels(), size));
}

template <class T>
void MultiConvolution<T>::apply_adjoint(ConstView<T> z, View<T> x) const {
  check_shapes("MultiConvolution::apply_adjoint", x.shape(), in_channels(), z.shape(),
               out_channels());
  const Extent size{x.shape()[1], x.shape()[2]};
  PaddedPlanes<T> padded(out_channels(), size, data_->adjoint_border(data_->layers()));
  detail::copy<T>(detail::planes<const T>(z.data(), out_channels(), size), padded.window());
  data_->apply_adjoint(padded.window(), detail::planes(x.data(), in_channels(), size));
}

Array<double> remove_means(Array<double> kernel) {
  if (kernel.shape().rank() < 1 || kernel.size() == 0)
    throw ShapeError("remove_means: got " + to_string(kernel.shape()) +
                     ", expected (out, in, kh, kw)");
  const Index filters = kernel.shape()[0], length = kernel.size() / filters;
  for (Index f = 0; f < filters; ++f) {
    double* w = kernel.data() + f * length;
    double mean = 0;
    for (Index i = 0; i < length; ++i) mean += w[i];
    mean /= static_cast<double>(length);
    for (Index i = 0; i < length; ++i) w[i] -= mean;
  }
  return kernel;
}

Array<double> collapse(const std::vector<Array<double>>& kernels) {
  const MultiConvolution<double> w(kernels, Borders::zero_once);
  Index rows = 1, columns = 1;
  for (const auto& k : kernels) {
    rows += k.shape()[2] - 1;
    columns += k.shape()[3] - 1;
  }
  const Index out = w.out_channels(), in = w.in_channels();
  Array<double> result(Shape{out, in, rows, columns});
  Array<double> impulse(Shape{in, rows, columns}), response(Shape{out, rows, columns});
  const Index taps = rows * columns;
  for (Index i = 0; i < in; ++i) {
    // The response to a centred impulse is the correlation kernel reversed.
    impulse[i * taps + taps / 2] = 1;
    w.apply(impulse, response);
    impulse[i * taps + taps / 2] = 0;
    for (Index o = 0; o < out; ++o)
      for (Index q = 0; q < taps; ++q)
        result[(o * in + i) * taps + taps - 1 - q] = response[o * taps + q];
  }
  return result;
}

template class MultiConvolution<float>;
template class MultiConvolution<double>;

}  // namespace fejer
