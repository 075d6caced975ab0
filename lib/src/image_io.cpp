#include <algorithm>
#include <cmath>
#include <fejer/error.hpp>
#include <fejer/files.hpp>
#include <fejer/image_io.hpp>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "image_codecs.hpp"
#include "temporary_file.hpp"

namespace fejer {

using namespace detail;

namespace {

constexpr std::uint64_t most_pixels = std::uint64_t{1} << 28;

std::vector<unsigned char> whole_file(const std::string& path) {
  require_readable(path);
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) image_fail(path, "cannot be read");
  if (size > std::uintmax_t{1} << 32) image_fail(path, "is larger than 2^32 bytes");
  std::vector<unsigned char> bytes(size);
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!file) image_fail(path, "cannot be read");
  return bytes;
}

Array<float> as_array(const Samples& samples) {
  const Index C = samples.channels, H = samples.height, W = samples.width;
  Array<float> image(Shape{C, H, W});
  const unsigned char* at = samples.bytes.data();
  for (Index pixel = 0; pixel < H * W; ++pixel) {
    for (Index c = 0; c < C; ++c) {
      float& value = image[c * H * W + pixel];
      if (samples.bits == 8) {
        value = static_cast<float>(*at++) / 255.0f;
      } else {
        value = static_cast<float>(at[0] * 256 + at[1]) / 65535.0f;
        at += 2;
      }
    }
  }
  return image;
}

/// round(value * most) after clipping to [0,1]; 0 for a value that is not a number.
int quantised(float value, int most) {
  const double clipped = value > 0.0f ? std::min(static_cast<double>(value), 1.0) : 0.0;
  return static_cast<int>(std::floor(clipped * most + 0.5));
}

Samples as_samples(ConstView<float> image, int bits, const char* where) {
  const Shape& shape = image.shape();
  const bool fits = shape.rank() == 2 || (shape.rank() == 3 && (shape[0] == 1 || shape[0] == 3));
  if (!fits || shape.size() == 0) {
    std::string message = where;
    message += ": got shape " + to_string(shape);
    message += ", expected (H,W), (1,H,W) or (3,H,W) with at least one pixel";
    throw ShapeError(message);
  }
  Samples samples;
  samples.channels = shape.rank() == 2 ? 1 : shape[0];
  samples.height = shape.back(1);
  samples.width = shape.back(0);
  samples.bits = bits;
  const Index pixels = samples.height * samples.width;
  if (static_cast<std::uint64_t>(pixels) > most_pixels)
    throw ArgumentError(std::string(where) + ": more than 2^28 pixels; write it as HDF5");
  samples.bytes.reserve(samples.row_bytes() * static_cast<std::size_t>(samples.height));
  for (Index pixel = 0; pixel < pixels; ++pixel) {
    for (Index c = 0; c < samples.channels; ++c) {
      const int level = quantised(image[c * pixels + pixel], bits == 8 ? 255 : 65535);
      if (bits == 16) samples.bytes.push_back(static_cast<unsigned char>(level >> 8));
      samples.bytes.push_back(static_cast<unsigned char>(level & 255));
    }
  }
  return samples;
}

}  // namespace

namespace detail {

void image_fail(const std::string& path, const std::string& what) {
  std::string message = printable(path);
  message += ": " + printable(what);
  throw FormatError(message);
}

void require_size(const std::string& path, std::uint64_t height, std::uint64_t width,
                  std::size_t file_bytes, double pixels_per_byte) {
  const std::string size = std::to_string(height) + " x " + std::to_string(width) + " pixels";
  if (height == 0 || width == 0) image_fail(path, "damaged: a picture of " + size);
  if (width > most_pixels / height) image_fail(path, "has " + size + ", more than 2^28");
  if (static_cast<double>(height * width) / pixels_per_byte > static_cast<double>(file_bytes))
    image_fail(path, "damaged: too short for the " + size + " that it announces");
}

}  // namespace detail

Array<float> read_image(const std::string& path) {
  const std::vector<unsigned char> file = whole_file(path);
  const std::string_view start(reinterpret_cast<const char*>(file.data()), file.size());
  if (start.starts_with("\x89PNG\r\n\x1a\n")) return as_array(decode_png(path, file));
  if (start.starts_with("\xff\xd8\xff")) return as_array(decode_jpeg(path, file));
  image_fail(path, "neither PNG nor JPEG (or its first bytes are damaged); convert it first");
}

Array<float> to_grey(const Array<float>& image) {
  const Shape& shape = image.shape();
  if (shape.rank() != 3 || (shape[0] != 1 && shape[0] != 3))
    throw ShapeError("to_grey: got shape " + to_string(shape) + ", expected (1,H,W) or (3,H,W)");
  if (shape[0] == 1) return image;
  Array<float> grey(Shape{1, shape[1], shape[2]});
  const Index n = grey.size();
  for (Index i = 0; i < n; ++i)
    grey[i] = 0.299f * image[i] + 0.587f * image[n + i] + 0.114f * image[2 * n + i];
  return grey;
}

void write_png(const std::string& path, ConstView<float> image, int bits) {
  if (bits != 8 && bits != 16)
    throw ArgumentError("write_png: bits is " + std::to_string(bits) + ", expected 8 or 16");
  const Samples samples = as_samples(image, bits, "write_png");
  write_atomically(path,
                   [&](const std::string& temporary) { encode_png(temporary, path, samples); });
}

void write_jpeg(const std::string& path, ConstView<float> image, int quality) {
  if (quality < 1 || quality > 100)
    throw ArgumentError("write_jpeg: quality is " + std::to_string(quality) +
                        ", expected 1 to 100");
  const Samples samples = as_samples(image, 8, "write_jpeg");
  if (samples.height > 65500 || samples.width > 65500)
    throw ArgumentError("write_jpeg: JPEG holds at most 65500 pixels a side; write PNG");
  write_atomically(
      path, [&](const std::string& temporary) { encode_jpeg(temporary, path, samples, quality); });
}

}  // namespace fejer
