#pragma once
/// Sets of images to train on and to test with.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <fejer/array.hpp>

namespace fejer {

/// Where an image comes from.
struct ImageSource {
  std::string name;    ///< of the picture, or of the dataset and the index in it
  std::string sha256;  ///< of the file; empty for made-up images
};

/// Images (C,H,W) with values in [0,1], all with the same number of channels, of any sizes. An
/// immutable handle, safe to share between threads. Sets from files of format "fejer-dataset" stay
/// on disk and are read image by image; others are in memory.
class Dataset {
 public:
  /// Throws ArgumentError where there is no image, or where sources do not match images;
  /// FormatError for an image that is not (C,H,W), has other channels than the first, or values
  /// outside [0,1].
  Dataset(std::vector<Array<float>> images, std::vector<ImageSource> sources, std::string how);

  Index size() const;
  const Shape& shape(Index i) const;
  Array<float> image(Index i) const;
  const ImageSource& source(Index i) const;
  /// How the images were made from their sources, for people.
  const std::string& how() const;
  /// SHA-256 of shapes and pixels: what a training is bound to. Reads every image once.
  const std::string& sha256() const;

 private:
  friend Dataset load_dataset(const std::string& path);
  struct Data;
  explicit Dataset(std::shared_ptr<const Data> data);
  std::shared_ptr<const Data> data_;
};

/// HDF5, format "fejer-dataset", version 1:
///   /                attributes format, format_version, how, images, pixels_sha256
///   /images/000000…  (C,H,W), 8-bit where that loses nothing (then divided by 255), else float32;
///                    attributes source, sha256
/// Sealed: any damaged bit is found on opening. Needs the compressed images in memory.
void save_dataset(const std::string& path, const Dataset& set);

/// Strict: a missing, extra or misshapen object is a FormatError that names it.
Dataset load_dataset(const std::string& path);

/// What to do with each image: in this order.
struct ImageOptions {
  bool grey = false;  ///< luma of colour images
  Index shrink = 1;   ///< area averages of shrink x shrink pixels
  bool crop = false;  ///< to the window below
  Index top = 0, left = 0, rows = 0, columns = 0;
};

/// The PNG and JPEG pictures of a folder in the order of their names. Throws FormatError for a
/// folder without pictures, and for the first picture that cannot be read, naming it.
Dataset read_picture_folder(const std::string& folder, const ImageOptions& options = {});

/// FILE.h5:/dataset of shape (N,H,W) or (N,C,H,W), or (H,W) for one image; 8-bit integers are
/// divided by 255.
Dataset read_image_stack(const std::string& path, const ImageOptions& options = {});

/// Images of opaque discs that hide each other, radii with density r^-3, grey values uniform,
/// smoothed by averages of 2x2 (the dead leaves model; Lee, Mumford, Huang, IJCV 41 (2001) 35):
/// edges and flat parts at all scales, as in photographs. (1,size,size) each; image i depends on
/// seed and i alone.
Dataset dead_leaves(Index images, Index size, std::uint64_t seed);

/// Any of the above by what is there: a data set file, a folder, FILE.h5:/dataset, or
/// "dead-leaves:COUNTxSIZE:SEED" (the seed may be left out: 1).
Dataset open_images(const std::string& text, const ImageOptions& options = {});

}  // namespace fejer
