#pragma once
/// Gradients of kernels and biases, for all kinds of convolutions.
#include <algorithm>

#include "batch.hpp"

namespace fejer::detail {

/// Rows of so many pixels, of one input and four output planes, lie in the first cache together (in
/// single precision); with fewer, adding up registers would count. `size` is not empty.
inline Index correlation_band(Extent size) {
  return std::clamp<Index>(1024 / size.columns, 1, size.rows);
}

/// Sizes of one sample: the padded input that the kernel sees has `kernel - 1` more rows and
/// columns than the output.
struct GradientShape {
  Shape kernel;  ///< (out, in, kh, kw)
  Index samples;
  Extent output, input, border;
};

/// Adds sum_{n,p} g_{n,o}[p] x_{n,i}[p + q] to weights; fill(n, x) puts sample n into x, planes of
/// `input` size with `border` around them, of which the window of pixel (0,0) begins at the border.
template <class T>
void add_kernel_gradient(const GradientShape& shape, ConstView<T> g,
                         FunctionRef<void(Index n, const PaddedPlanes<T>& x)> fill,
                         View<T> weights);

/// Adds sum_{n,p} g_{n,o}[p] to bias.
template <class T>
void add_bias_gradient(ConstView<T> g, View<T> bias);

}  // namespace fejer::detail
