#pragma once
/// Patches of a data set, cut when they are needed.
#include <cstdint>
#include <memory>
#include <vector>

#include <fejer/models/training/dataset.hpp>

namespace fejer {

/// Defaults: what the published ridge regularisers were trained on.
struct PatchOptions {
  Index size = 40, stride = 10;
  Index columns = 0;                                ///< of patches that are not square; 0: size
  std::vector<double> scales = {1, 0.9, 0.8, 0.7};  ///< of each image, by cubic convolution
  bool flips = false;                               ///< left-right, by chance
  bool turns = false;                               ///< by multiples of 90 degrees, by chance
  std::uint64_t seed = 0;
  Index cache_bytes = Index{1} << 30;  ///< of scaled images that are kept
};

/// All patches size x columns at multiples of stride, of all images at all scales (floor(scale H) x
/// floor(scale W) pixels, clipped to [0,1]; scales at which an image is smaller than a patch have
/// none). Sample i of epoch e is a pure function of (data, options, e, i): epoch e goes through all
/// patches once, in an order that Philox draws from (seed, "epoch", e). Not for use from several
/// threads at once; memory: the cache and one order of all patches.
class PatchSource {
 public:
  /// Throws ArgumentError for options out of range, and where not a single patch fits.
  PatchSource(Dataset data, PatchOptions options);
  ~PatchSource();
  PatchSource(PatchSource&&) noexcept;
  PatchSource& operator=(PatchSource&&) noexcept;

  /// Patches an epoch has.
  Index size() const;
  Index channels() const;
  /// (C,size,columns); 0 <= i < size().
  Array<float> draw(Index epoch, Index i);
  /// The place in the data set of what `draw` cuts, 0 <= number < size(): names image, scale and
  /// crop.
  Index number(Index epoch, Index i);
  /// Whether a patch is moved by chance, so that its number does not say all of it.
  bool moves() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fejer
