#include "images.hpp"

#include <algorithm>

#include <fejer/hdf5.hpp>
#include <fejer/vector.hpp>

namespace fejer::reconstruction {

Array<float> read_slice(const std::string& file, const std::string& dataset, Index index,
                        bool bytes) {
  const Array<float> stack = Hdf5Reader(file).read<float>(dataset);
  const int rank = stack.shape().rank();
  if (rank != 2 && !(rank == 3 && index < stack.shape()[0]))
    throw FormatError(file + ":" + dataset + ": got " + to_string(stack.shape()) +
                      ", expected (H,W) or (N,H,W) with N > " + std::to_string(index));
  const ConstView<float> plane =
      rank == 3 ? ConstView<float>(stack).slice(index) : ConstView<float>(stack);
  Array<float> image(Shape{1, plane.shape()[0], plane.shape()[1]});
  copy<float>(plane.reshaped(image.shape()), image);
  if (bytes) scale<float>(image, 1.0f / 255);
  return image;
}

std::string set12_name(int number) { return (number < 10 ? "0" : "") + std::to_string(number); }

Array<float> set12_image(const std::string& data, int number, bool smoke) {
  Array<float> image =
      read_slice(data + "/set12/set12.h5", "images/" + set12_name(number), 0, true);
  return smoke ? fit(image, 64, 64) : image;
}

Array<float> smooth(const Array<float>& image) {
  const Index H = image.shape()[1], W = image.shape()[2];
  Array<float> out(image.shape());
  const auto source = [&](Index r, Index c) {
    return image[std::clamp<Index>(r, 0, H - 1) * W + std::clamp<Index>(c, 0, W - 1)];
  };
  for (Index r = 0; r < H; ++r)
    for (Index c = 0; c < W; ++c) {
      float sum = 0;
      for (Index i = 0; i < 9; ++i) sum += source(r + i / 3 - 1, c + i % 3 - 1);
      out[r * W + c] = sum / 9;
    }
  return out;
}

Array<float> fit(const Array<float>& image, Index rows, Index columns) {
  const Index H = image.shape()[1], W = image.shape()[2];
  const Index top = (H - rows) / 2, left = (W - columns) / 2;
  Array<float> out(Shape{1, rows, columns});
  for (Index r = 0; r < rows; ++r)
    for (Index c = 0; c < columns; ++c) {
      const Index y = r + top, x = c + left;
      if (y >= 0 && y < H && x >= 0 && x < W) out[r * columns + c] = image[y * W + x];
    }
  return out;
}

}  // namespace fejer::reconstruction
