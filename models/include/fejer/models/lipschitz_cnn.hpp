#pragma once
/// Averaged convolutional denoisers with bounded layers: the denoisers of provable plug-and-play
/// (Bohra et al., NeurIPS Deep Inverse workshop 2021; Ryu et al., ICML 2019).
#include <memory>
#include <optional>
#include <vector>

#include <fejer/array.hpp>
#include <fejer/certificate.hpp>
#include <fejer/linear_operator.hpp>
#include <fejer/models/linear_spline.hpp>

namespace fejer {

enum class Activation { relu, spline };

/// Layers of N in the order of application; zero padding at every layer.
struct LipschitzCnnParameters {
  std::vector<Array<double>> weights;  ///< (C_{l+1}, C_l, k, k), C_0 = C_n = 1
  std::vector<Array<double>> biases;   ///< (C_{l+1})
  Activation activation = Activation::relu;
  /// One a hidden layer, (C_{l+1}, knots) on [x_min, x_max], affine beyond; empty for ReLU.
  std::vector<Array<double>> splines;
  double x_min = -5, x_max = 5;
  double noise_level = 0;  ///< trained for, in the image's unit, e.g. 10/255
  double divisor = 1;      ///< N is divided by it; see `certified`
};

/// D(x) = (x + N(x)) / 2, N: convolutions with bias, activations between them.
/// Every plane of (..., H, W) is an image of its own.
template <class T>
class LipschitzCnn {
 public:
  explicit LipschitzCnn(const LipschitzCnnParameters& parameters);

  /// Throws ArgumentError unless sigma is the trained level (to 1e-3 relative).
  void denoise(ConstView<T> x, double sigma, View<T> out) const;
  /// N(x) / divisor.
  void network(ConstView<T> x, View<T> out) const;
  /// Proven at every image size. Bound of N at most 1: averaged with 1/2 (firmly non-expansive);
  /// above: not averaged, and `how` says by how much.
  Certificate certificate() const;

  /// Of the convolutions, from their symbols; computed at construction.
  const std::vector<NormInterval>& layer_norms() const;
  /// max |slope| of the activations, tails included; 1 for ReLU. One a hidden layer.
  const std::vector<double>& activation_slopes() const;
  /// Upper end for the Lipschitz constant of N / divisor: the product of the two above / divisor.
  double network_bound() const;
  double noise_level() const { return parameters().noise_level; }
  const LipschitzCnnParameters& parameters() const;
  /// The same network with N / factor; certificates are not computed again.
  LipschitzCnn divided_by(double factor) const;

 private:
  struct Data;
  std::shared_ptr<const Data> data_;
};

/// The same network with N divided by its proven bound where that is above 1, so that D is
/// averaged. It is another denoiser (slightly weaker), hence a name of its own.
template <class T>
LipschitzCnn<T> certified(const LipschitzCnn<T>& cnn);

extern template class LipschitzCnn<float>;
extern template class LipschitzCnn<double>;
extern template LipschitzCnn<float> certified(const LipschitzCnn<float>&);
extern template LipschitzCnn<double> certified(const LipschitzCnn<double>&);

}  // namespace fejer
