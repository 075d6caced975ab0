/// PNG through libpng. The library reports errors by longjmp; the functions that call setjmp are
/// plain C in style (no objects with destructors, no locals changed after it), so that nothing is
/// skipped that should run.
#include <png.h>

#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <memory>

#include "image_codecs.hpp"

namespace fejer::detail {
namespace {

struct Source {
  const unsigned char* at;
  std::size_t left;
};

struct Message {
  char text[200] = "";
};

[[noreturn]] void on_error(png_structp png, png_const_charp text) {
  auto* message = static_cast<Message*>(png_get_error_ptr(png));
  std::snprintf(message->text, sizeof(message->text), "%s", text);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

void take(png_structp png, png_bytep to, std::size_t bytes) {
  auto* source = static_cast<Source*>(png_get_io_ptr(png));
  if (bytes > source->left) png_error(png, "the file ends too early");
  std::memcpy(to, source->at, bytes);
  source->at += bytes;
  source->left -= bytes;
}

/// Any PNG as 8- or 16-bit grey or RGB without alpha.
bool read_header(png_structp png, png_infop info, Source* source) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_read_fn(png, source, take);
  png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
  png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_read_info(png, info);
  if (png_get_color_type(png, info) == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
  if (png_get_color_type(png, info) == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(png, info) < 8)
    png_set_expand_gray_1_2_4_to_8(png);
  png_set_strip_alpha(png);
  png_set_interlace_handling(png);
  return true;
}

bool update_header(png_structp png, png_infop info) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_read_update_info(png, info);
  return true;
}

bool read_pixels(png_structp png, png_infop info, png_bytepp rows) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_read_image(png, rows);
  png_read_end(png, info);
  return true;
}

bool write_all(png_structp png, png_infop info, std::FILE* file, const Samples* samples) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_init_io(png, file);
  png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_set_IHDR(png, info, static_cast<png_uint_32>(samples->width),
               static_cast<png_uint_32>(samples->height), samples->bits,
               samples->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB,
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  for (Index row = 0; row < samples->height; ++row)
    png_write_row(png,
                  samples->bytes.data() + static_cast<std::size_t>(row) * samples->row_bytes());
  png_write_end(png, info);
  return true;
}

struct Reader {
  Message message;
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &message, on_error, on_warning);
  png_infop info = png == nullptr ? nullptr : png_create_info_struct(png);
  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
};

struct Writer {
  Message message;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &message, on_error, on_warning);
  png_infop info = png == nullptr ? nullptr : png_create_info_struct(png);
  ~Writer() { png_destroy_write_struct(&png, &info); }
};

}  // namespace

Samples decode_png(const std::string& path, const std::vector<unsigned char>& file) {
  Reader reader;
  if (reader.info == nullptr) image_fail(path, "cannot be read: out of memory");
  Source source{file.data(), file.size()};
  const auto damaged = [&] {
    image_fail(path, std::string("damaged PNG: ") + reader.message.text);
  };
  if (!read_header(reader.png, reader.info, &source)) damaged();
  const png_uint_32 height = png_get_image_height(reader.png, reader.info);
  const png_uint_32 width = png_get_image_width(reader.png, reader.info);
  const int pixel_bits =
      png_get_bit_depth(reader.png, reader.info) * png_get_channels(reader.png, reader.info);
  require_size(path, height, width, file.size(), 8 * 1040.0 / pixel_bits);  // deflate: 1032:1
  if (!update_header(reader.png, reader.info)) damaged();
  Samples samples;
  samples.channels = png_get_channels(reader.png, reader.info);
  samples.height = height;
  samples.width = width;
  samples.bits = png_get_bit_depth(reader.png, reader.info);
  if (samples.row_bytes() != png_get_rowbytes(reader.png, reader.info) ||
      (samples.channels != 1 && samples.channels != 3))
    image_fail(path, "damaged PNG: its header contradicts itself");
  samples.bytes.resize(samples.row_bytes() * height);
  std::vector<png_bytep> rows(height);
  for (std::size_t row = 0; row < height; ++row)
    rows[row] = samples.bytes.data() + row * samples.row_bytes();
  if (!read_pixels(reader.png, reader.info, rows.data())) damaged();
  return samples;
}

void encode_png(const std::string& temporary, const std::string& path, const Samples& samples) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(temporary.c_str(), "wb"),
                                                             std::fclose);
  Writer writer;
  if (!file || writer.info == nullptr) image_fail(path, "cannot be written");
  const bool written = write_all(writer.png, writer.info, file.get(), &samples);
  if (!written || std::fflush(file.get()) != 0)
    image_fail(path, std::string("cannot be written: ") + writer.message.text);
}

}  // namespace fejer::detail
