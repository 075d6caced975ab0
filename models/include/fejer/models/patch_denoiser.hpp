#pragma once
/// A fully connected network on the patches of an image as its denoiser.
#include <memory>
#include <vector>

#include <fejer/array.hpp>
#include <fejer/certificate.hpp>
#include <fejer/models/fully_connected_network.hpp>

namespace fejer {

struct PatchDenoiserParameters {
  FullyConnectedParameters network;  ///< inputs.size() inputs, size^2 outputs
  Index size = 8;                    ///< patches have size x size pixels
  double noise_level = 0;            ///< trained for, in the image's unit, e.g. 25/255
  /// Which pixels of a patch, row by row, the network takes, in ascending order.
  std::vector<Index> inputs;
};

/// Each patch P of the image, at every position, with mean m becomes
///   sigma N((P - m)[inputs] / sigma) + m,
/// and a pixel is the mean over all patches that hold it (size^2 of them away from the border).
///
/// Images are (..., H, W), H and W at least `size`; every plane is an image. Immutable; the same
/// bits for any number of threads. Cost a pixel: the multiply-adds of the network for one sample
/// and 2 size^2 additions.
template <class T>
class PatchDenoiser {
 public:
  /// Throws ShapeError or ArgumentError where the parameters make no denoiser.
  explicit PatchDenoiser(PatchDenoiserParameters parameters);

  /// Throws ArgumentError unless sigma is the trained level (to 1e-3 relative), ShapeError for
  /// images smaller than a patch.
  void denoise(ConstView<T> x, double sigma, View<T> out) const;
  /// Nothing is known of the Lipschitz constant of the whole, and nothing claimed.
  Certificate certificate() const;

  double noise_level() const { return data_->parameters.noise_level; }
  const PatchDenoiserParameters& parameters() const { return data_->parameters; }
  const FullyConnectedNetwork<T>& network() const { return data_->network; }
  /// Of the network, for one patch.
  Index multiply_adds() const;

 private:
  struct Data {
    PatchDenoiserParameters parameters;
    FullyConnectedNetwork<T> network;
  };
  std::shared_ptr<const Data> data_;
};

/// The denoiser whose network is pruned (see `prune`): the same images, to rounding.
PatchDenoiserParameters prune(const PatchDenoiserParameters& parameters);

extern template class PatchDenoiser<float>;
extern template class PatchDenoiser<double>;

}  // namespace fejer
