#pragma once
/// The way through a DRUNet and back, for values and for derivatives in a direction at once.
#include <optional>

#include <fejer/models/convolution.hpp>
#include <fejer/models/drunet.hpp>
#include <fejer/models/strided_convolution.hpp>

namespace fejer::detail {

/// One of the convolutions, told apart by the shape of its weights and by `up`.
template <class T>
class DrunetLayer {
 public:
  DrunetLayer(const Array<T>& weights, bool up);
  const Array<T>& weights() const;
  Array<T> apply(const Array<T>& x) const;
  Array<T> adjoint(const Array<T>& g) const;
  /// Adds the gradient of <g, apply(x)>.
  void add_gradient(const Array<T>& x, const Array<T>& g, Array<T>& weights) const;

 private:
  std::optional<Convolution<T>> same_;
  std::optional<StridedConvolution<T>> down_;  // or up, where its adjoint is applied
  bool up_;
};

/// Images (N, C, H, W), and where there is a direction their first, or first and second derivatives
/// in it; or the gradients of a function for all of them.
template <class T>
using Streams = std::vector<Array<T>>;

template <class T>
struct DrunetLayers {
  DrunetOptions options;
  std::vector<DrunetLayer<T>> layers;

  /// Padded images with the noise level to those without; fills the tape unless null.
  Streams<T> forward(Streams<T> x, DrunetTape<T>* tape) const;
  /// Back again; adds to `weights` unless null.
  Streams<T> backward(const DrunetTape<T>& tape, Streams<T> g,
                      std::vector<Array<T>>* weights) const;
};

/// (N, C, H, W) to (N, C + 1, H', W') with H', W' multiples of 8: the last rows and columns
/// repeated, and a last channel of `level`.
template <class T>
Array<T> pad_images(ConstView<T> x, T level);
/// The transpose: gx (N, C, H, W) from g (N, C + 1, H', W'); returns the sum over the last channel.
template <class T>
double fold_images(const Array<T>& g, View<T> gx);
/// The first rows and columns, as many as in `out`; and its transpose, with zeros around.
template <class T>
void crop_images(const Array<T>& x, View<T> out);
template <class T>
Array<T> embed_images(ConstView<T> g);

}  // namespace fejer::detail
