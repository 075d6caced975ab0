#pragma once
/// Pictures as they lie in files, between image_io.cpp and the two codecs.
#include <cstddef>
#include <cstdint>
#include <fejer/array.hpp>
#include <string>
#include <vector>

namespace fejer::detail {

/// Rows from the top, channels interleaved, 16-bit samples high byte first.
struct Samples {
  Index channels = 0, height = 0, width = 0;
  int bits = 8;
  std::vector<unsigned char> bytes;

  std::size_t row_bytes() const {
    return static_cast<std::size_t>(channels * width) * static_cast<std::size_t>(bits / 8);
  }
};

/// Throws FormatError for pictures of more than 2^28 pixels, and for those that no compression can
/// have put into the file: `pixels_per_byte` is the best that the format can do. To be called
/// before memory is asked for.
void require_size(const std::string& path, std::uint64_t height, std::uint64_t width,
                  std::size_t file_bytes, double pixels_per_byte);

/// Throws FormatError "<path>: <what>".
[[noreturn]] void image_fail(const std::string& path, const std::string& what);

Samples decode_png(const std::string& path, const std::vector<unsigned char>& file);
Samples decode_jpeg(const std::string& path, const std::vector<unsigned char>& file);
/// Over the existing file `temporary`; errors name `path`.
void encode_png(const std::string& temporary, const std::string& path, const Samples& samples);
void encode_jpeg(const std::string& temporary, const std::string& path, const Samples& samples,
                 int quality);

}  // namespace fejer::detail
