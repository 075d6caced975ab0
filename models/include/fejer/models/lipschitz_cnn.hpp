#pragma once
/// Averaged convolutional denoisers with bounded layers: the denoisers of provable plug-and-play
/// (Bohra et al., NeurIPS Deep Inverse workshop 2021; Ryu et al., ICML 2019).
#include <memory>
#include <optional>
#include <vector>

#include <fejer/array.hpp>
#include <fejer/certificate.hpp>
#include <fejer/denoiser.hpp>
#include <fejer/linear_operator.hpp>
#include <fejer/models/activation.hpp>

namespace fejer {

/// Layers of N in the order of application; zero padding at every layer.
struct LipschitzCnnParameters {
  std::vector<Array<double>> weights;  ///< (C_{l+1}, C_l, k, k), C_0 = C_n = 1
  std::vector<Array<double>> biases;   ///< (C_{l+1})
  Activation activation = Activation::relu;
  /// One a hidden layer, of the shape that Activation says (groups of two channels, knots of
  /// splines on [x_min, x_max]); empty for activations without parameters.
  std::vector<Array<double>> activation_parameters;
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
  /// Lipschitz constants of the activations, tails of splines included. One a hidden layer.
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

/// D_r(x) = (x + N_r(x)) / 2, N_r(x) = N(r) + (N(x) - N(r)) / b: `certified`, but about a fixed
/// image r instead of about 0, so that D_r(r) = D(r). r is a constant, so that N_r has the
/// Lipschitz constant of N / b and the certificate is the same. N / b itself draws every image
/// towards 0, by (1 - 1/b) / 2 a pass, which darkens whatever the data hold weakly; N_r draws it
/// towards N(r), which for the start value of an iteration is near. Images must have the shape of r
/// (ShapeError). Construction costs one N.
template <class T>
Denoiser<T> certified_about(const LipschitzCnn<T>& cnn, ConstView<T> r);

extern template class LipschitzCnn<float>;
extern template class LipschitzCnn<double>;
extern template LipschitzCnn<float> certified(const LipschitzCnn<float>&);
extern template LipschitzCnn<double> certified(const LipschitzCnn<double>&);
extern template Denoiser<float> certified_about(const LipschitzCnn<float>&, ConstView<float>);
extern template Denoiser<double> certified_about(const LipschitzCnn<double>&, ConstView<double>);

}  // namespace fejer
