#pragma once
/// DRUNet, the denoising network of DPIR (Zhang, Li, Zuo, Zhang, Van Gool, Timofte, IEEE TPAMI
/// 2022, arXiv 2008.13751, section 3): a U-Net of residual blocks that sees the noise level as one
/// more channel. No biases.
#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fejer/array.hpp>
#include <fejer/certificate.hpp>

namespace fejer {

/// Inside the residual blocks. relu: max(t, 0); elu: t for t > 0, e^t - 1 else; softplus:
/// log(1 + e^t). Second derivatives exist everywhere for softplus, except at 0 for elu.
enum class DrunetActivation { relu, elu, softplus };
const std::string& to_string(DrunetActivation activation);
/// Throws ArgumentError for a name that is none of them.
DrunetActivation drunet_activation_named(const std::string& name);

struct DrunetOptions {
  Index image_channels = 1;                          ///< 1: grey, 3: colour
  std::array<Index, 4> channels{64, 128, 256, 512};  ///< of each level, the finest first
  Index blocks = 4;                                  ///< residual blocks on each way of a level
  DrunetActivation activation = DrunetActivation::relu;
  bool operator==(const DrunetOptions&) const = default;
};

/// Names and shapes of the weights in the order of application, named as in published state
/// dictionaries: m_head, m_down1 … 3, m_body, m_up3 … 1, m_tail. Convolutions (out, in, 3, 3), to
/// the coarser level (out, in, 2, 2), to the finer (in, out, 2, 2). Throws ArgumentError where the
/// options make no network.
std::vector<std::pair<std::string, Shape>> drunet_weights(const DrunetOptions& options);
/// How many numbers they hold; 32 638 656 by default.
Index drunet_parameter_count(const DrunetOptions& options);

/// What a convolution was applied to, for each in the order of application; `tangents` and
/// `seconds` are their first and second derivatives in a direction, where there are.
template <class T>
struct DrunetTape {
  Shape image;
  std::vector<Array<T>> inputs, tangents, seconds;
};

/// Of the type of the parameters; `sigma` is the derivative in the noise level.
template <class T>
struct DrunetGradient {
  std::vector<Array<T>> weights;  ///< as drunet_weights; none: they are not wanted
  double sigma = 0;
};

/// N(x, sigma) = tail(U_1(head(x, sigma))), where on level l with residual blocks B and B'
///   U_l(v) = v + B'(up(U_{l+1}(down(B(v))))),  U_4(v) = v + B(v),  B: v + conv(f(conv(v))) each.
/// Head, tail and blocks are 3x3 with zero padding; down is 2x2 at a stride of 2, up the transpose
/// of such a one. There is no residual around the whole. Images of any size: their last rows and
/// columns are repeated up to multiples of 8, and cut off the output.
///
/// Images are (..., C, H, W) with C = image_channels; for grey networks every plane is an image.
/// Immutable; same bits for any number of threads, and each image has those that it has alone. Cost
/// of the default: 2.1 million multiply-adds a pixel, of a vjp twice that; a tape keeps about 2100
/// numbers a pixel.
template <class T>
class Drunet {
 public:
  /// Throws ShapeError unless the weights have the shapes of drunet_weights(options), ArgumentError
  /// where one is not finite.
  Drunet(const DrunetOptions& options, const std::vector<Array<double>>& weights);

  /// N(x, sigma), sigma >= 0 in the image's unit; throws ArgumentError for others.
  void denoise(ConstView<T> x, double sigma, View<T> out) const;
  /// Nothing is known of the Lipschitz constant, and nothing claimed.
  Certificate certificate() const;

  /// The same, keeping in the tape what `vjp` needs.
  void forward(ConstView<T> x, double sigma, View<T> out, DrunetTape<T>& tape) const;
  /// gx = J^T u, J the derivative of N in x; what <u, N> has for gradient in weights and sigma is
  /// added to *gradient, unless null.
  void vjp(const DrunetTape<T>& tape, ConstView<T> u, View<T> gx,
           DrunetGradient<T>* gradient = nullptr) const;

  /// out = N(x, sigma), tangent = J d.
  void forward(ConstView<T> x, ConstView<T> d, double sigma, View<T> out, View<T> tangent,
               DrunetTape<T>& tape) const;
  /// With a tape of the last: gradient of <u, N> + <v, J d> for fixed u, v, d.
  void vjp(const DrunetTape<T>& tape, ConstView<T> u, ConstView<T> v, View<T> gx,
           DrunetGradient<T>* gradient = nullptr) const;

  /// Along x + t d at t = 0: out = N, tangent = dN/dt, second = d^2N/dt^2.
  void forward(ConstView<T> x, ConstView<T> d, double sigma, View<T> out, View<T> tangent,
               View<T> second, DrunetTape<T>& tape) const;
  /// With a tape of the last: gradient of <u, N> + <v, dN/dt> + <w, d^2N/dt^2> for fixed u, v, w,
  /// d.
  void vjp(const DrunetTape<T>& tape, ConstView<T> u, ConstView<T> v, ConstView<T> w, View<T> gx,
           DrunetGradient<T>* gradient = nullptr) const;

  const DrunetOptions& options() const;
  std::vector<Array<double>> weights() const;
  /// Zeros of the right shapes.
  DrunetGradient<T> zero_gradient() const;

 private:
  struct Data;
  std::shared_ptr<const Data> data_;
};

extern template class Drunet<float>;
extern template class Drunet<double>;

}  // namespace fejer
