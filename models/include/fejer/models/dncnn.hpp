#pragma once
/// DnCNN (Zhang, Zuo, Chen, Meng, Zhang, IEEE TIP 2017, arXiv 1608.03981): a chain of convolutions
/// that gives the noise. Batch normalisation is merged into the convolutions.
#include <memory>
#include <vector>

#include <fejer/array.hpp>
#include <fejer/certificate.hpp>

namespace fejer {

/// In the order of application.
struct DncnnParameters {
  std::vector<Array<double>> weights;  ///< (C_{l+1}, C_l, k, k), k odd, C_0 = C_n: of the image
  std::vector<Array<double>> biases;   ///< (C_{l+1})
  double noise_level = 0;              ///< trained for, in the image's unit, e.g. 25/255
};

/// What each convolution was applied to.
template <class T>
struct DncnnTape {
  std::vector<Array<T>> inputs;
};

/// Of the type of the parameters.
template <class T>
struct DncnnGradient {
  std::vector<Array<T>> weights, biases;
};

/// D(x) = x - chain(x): zero padding at every layer, ReLU after all but the last.
///
/// Images are (..., C, H, W); for C = 1 every plane is an image. Immutable; same bits for any
/// number of threads. Cost of the published one (17 layers, 64 channels): 0.55 million
/// multiply-adds a pixel, of a vjp twice that.
template <class T>
class Dncnn {
 public:
  /// Throws ShapeError or ArgumentError where the parameters make no network.
  explicit Dncnn(const DncnnParameters& parameters);

  /// Throws ArgumentError unless sigma is the trained level (to 1e-3 relative).
  void denoise(ConstView<T> x, double sigma, View<T> out) const;
  /// Nothing is known of the Lipschitz constant, and nothing claimed.
  Certificate certificate() const;

  /// D(x), keeping in the tape what `vjp` needs.
  void forward(ConstView<T> x, View<T> out, DncnnTape<T>& tape) const;
  /// gx = (dD/dx)^T u; the gradient of <u, D> in the parameters is added to *gradient, unless null.
  void vjp(const DncnnTape<T>& tape, ConstView<T> u, View<T> gx,
           DncnnGradient<T>* gradient = nullptr) const;

  double noise_level() const;
  Index image_channels() const;
  const DncnnParameters& parameters() const;
  /// Zeros of the right shapes.
  DncnnGradient<T> zero_gradient() const;

 private:
  struct Data;
  std::shared_ptr<const Data> data_;
};

extern template class Dncnn<float>;
extern template class Dncnn<double>;

}  // namespace fejer
