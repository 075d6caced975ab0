#include "images.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fejer/eigen.hpp>
#include <fejer/error.hpp>

#include "idx_file.hpp"

namespace fejer::ialm_images {
namespace {

constexpr Index kinds = 10;

std::string found(const std::string& folder, const std::string& name) {
  for (const char* ending : {"", ".gz"})
    if (std::string path = folder + "/" + name + ending; std::filesystem::exists(path)) return path;
  return {};
}

Array<double> first_columns(const Array<double>& x, Index count) {
  Array<double> y(Shape{x.shape()[0], count});
  as_matrix(View<double>(y)) = as_matrix(ConstView<double>(x)).leftCols(count);
  return y;
}

Images read(const std::string& pictures, const std::string& labels) {
  const IdxFile pixel = read_idx(pictures, 3), label = read_idx(labels, 1);
  const Index count = pixel.shape[0], size = pixel.shape[1] * pixel.shape[2];
  if (label.shape[0] != count)
    throw FormatError(labels + ": has " + std::to_string(label.shape[0]) + " labels, expected " +
                      std::to_string(count) + " as " + pictures + " has pictures");
  Images images{Array<double>(Shape{size, count}), Array<double>(Shape{kinds, count})};
  for (Index n = 0; n < count; ++n) {
    const Index kind = label.values[static_cast<std::size_t>(n)];
    if (kind >= kinds)
      throw FormatError(labels + ": label " + std::to_string(n) + " is " + std::to_string(kind) +
                        ", expected 0 to 9; scripts/fetch_mnist fetches the files anew");
    images.labels[kind * count + n] = 1;
  }
  for (Index i = 0; i < size; ++i)
    for (Index n = 0; n < count; ++n)
      images.pixels[i * count + n] = pixel.values[static_cast<std::size_t>(n * size + i)] / 255.0;
  return images;
}

}  // namespace

Images Images::first(Index count) const {
  if (count > pixels.shape()[1])
    throw ArgumentError("--set samples: got " + std::to_string(count) + ", expected " +
                        std::to_string(pixels.shape()[1]) + " at most");
  return {first_columns(pixels, count), first_columns(labels, count)};
}

std::optional<ImageSet> read_images(const std::string& folder) {
  std::vector<std::string> paths;
  std::string missing;
  for (const char* name : {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                           "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"}) {
    const std::string path = found(folder, name);
    if (path.empty()) missing = name;
    if (!path.empty()) paths.push_back(path);
  }
  if (paths.empty()) return {};
  if (paths.size() < 4)
    throw FormatError(folder + ": has no " + missing +
                      ", expected four files; scripts/fetch_mnist fetches them");
  ImageSet set{read(paths[0], paths[1]), read(paths[2], paths[3])};
  if (set.train.pixels.shape()[0] != set.test.pixels.shape()[0])
    throw FormatError(paths[2] + ": has pictures of " + std::to_string(set.test.pixels.shape()[0]) +
                      " pixels, expected " + std::to_string(set.train.pixels.shape()[0]) + " as " +
                      paths[0]);
  return set;
}

double accuracy(const sparse_training::Problem& problem, const Array<double>& p) {
  const Array<double> values = test_values(problem, p);
  const auto out = as_matrix(ConstView<double>(values));
  Index right = 0;
  for (Index n = 0; n < out.cols(); ++n) {
    Index kind = 0;
    out.col(n).maxCoeff(&kind);
    right += problem.test_y[kind * out.cols() + n] == 1;
  }
  return static_cast<double>(right) / static_cast<double>(out.cols());
}

}  // namespace fejer::ialm_images
