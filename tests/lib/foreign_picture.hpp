#pragma once
/// Pictures as other programs write them, made with the C libraries.
#include <cstddef>
#include <cstdio>
// jpeglib.h needs the two above
#include <jpeglib.h>
#include <png.h>

#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace fejer_test {

struct Layout {
  int colour, bits, channels;
  bool interlaced;
};

/// Sample s(row, column, channel) of the pictures below, in the range of the layout.
inline int sample(int row, int column, int channel, int bits) {
  return (row * 7919 + column * 104729 + channel * 31337) & ((1 << bits) - 1);
}

/// A PNG of any layout, made with libpng; palette entry k is (k, 255 - k, 2 k mod 256).
inline void make_png(const std::string& path, int height, int width, const Layout& layout,
                     bool header_only = false) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  REQUIRE(file != nullptr);
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_init_io(png, file);
  png_set_IHDR(png, info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height),
               layout.bits, layout.colour,
               layout.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_set_gAMA(png, info, 0.3);  // must be ignored: values are taken as they are
  if (layout.colour == PNG_COLOR_TYPE_PALETTE) {
    png_color palette[256];
    png_byte alpha[256];
    const int count = 1 << layout.bits;
    for (int k = 0; k < count; ++k) {
      palette[k] = {static_cast<png_byte>(k), static_cast<png_byte>(255 - k),
                    static_cast<png_byte>(2 * k)};
      alpha[k] = static_cast<png_byte>(k);
    }
    png_set_PLTE(png, info, palette, count);
    png_set_tRNS(png, info, alpha, count, nullptr);
  }
  png_write_info(png, info);
  png_set_packing(png);
  const int passes = png_set_interlace_handling(png);
  const int bytes = layout.bits == 16 ? 2 : 1;
  for (int pass = 0; pass < passes && !header_only; ++pass) {
    for (int i = 0; i < height; ++i) {
      std::vector<png_byte> row;
      for (int j = 0; j < width; ++j) {
        for (int c = 0; c < layout.channels; ++c) {
          const int value = sample(i, j, c, layout.bits);
          if (bytes == 2) row.push_back(static_cast<png_byte>(value >> 8));
          row.push_back(static_cast<png_byte>(value & 255));
        }
      }
      png_write_row(png, row.data());
    }
  }
  if (header_only) std::fwrite("\0\0\0\1IDAT", 1, 8, file);
  if (!header_only) png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  std::fclose(file);
}

inline void make_jpeg(const std::string& path, int height, int width, J_COLOR_SPACE space,
                      int channels, bool progressive) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  REQUIRE(file != nullptr);
  jpeg_error_mgr errors;
  jpeg_compress_struct codec;
  codec.err = jpeg_std_error(&errors);
  jpeg_create_compress(&codec);
  jpeg_stdio_dest(&codec, file);
  codec.image_width = static_cast<JDIMENSION>(width);
  codec.image_height = static_cast<JDIMENSION>(height);
  codec.input_components = channels;
  codec.in_color_space = space;
  jpeg_set_defaults(&codec);
  if (progressive) jpeg_simple_progression(&codec);
  jpeg_start_compress(&codec, TRUE);
  std::vector<JSAMPLE> row(static_cast<std::size_t>(width * channels), JSAMPLE{100});
  JSAMPROW start = row.data();
  for (int i = 0; i < height; ++i) jpeg_write_scanlines(&codec, &start, 1);
  jpeg_finish_compress(&codec);
  jpeg_destroy_compress(&codec);
  std::fclose(file);
}

}  // namespace fejer_test
