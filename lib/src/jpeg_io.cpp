/// JPEG through libjpeg-turbo. Errors come by longjmp as in png_io.cpp, with the same care.
#include <cstddef>
#include <cstdio>
// jpeglib.h needs the two above
#include <jpeglib.h>
// jerror.h needs jpeglib.h
#include <jerror.h>

#include <csetjmp>
#include <memory>

#include "image_codecs.hpp"

namespace fejer::detail {
namespace {

struct Errors {
  jpeg_error_mgr manager;  // first: libjpeg hands back its address
  std::jmp_buf jump;
  char text[JMSG_LENGTH_MAX];
};

[[noreturn]] void on_error(j_common_ptr codec) {
  auto* errors = reinterpret_cast<Errors*>(codec->err);
  errors->manager.format_message(codec, errors->text);
  std::longjmp(errors->jump, 1);
}

/// Warnings (level -1) mean lost pixels, except for odd remarks in two optional headers.
void on_message(j_common_ptr codec, int level) {
  const int code = codec->err->msg_code;
  if (level < 0 && code != JWRN_ADOBE_XFORM && code != JWRN_JFIF_MAJOR) on_error(codec);
}

jpeg_error_mgr* prepared(Errors* errors) {
  jpeg_error_mgr* manager = jpeg_std_error(&errors->manager);
  manager->error_exit = on_error;
  manager->emit_message = on_message;
  errors->text[0] = '\0';
  return manager;
}

bool read_header(jpeg_decompress_struct* codec, Errors* errors, const unsigned char* data,
                 std::size_t bytes) {
  codec->err = prepared(errors);
  if (setjmp(errors->jump) != 0) return false;
  jpeg_create_decompress(codec);
  jpeg_mem_src(codec, data, static_cast<unsigned long>(bytes));
  jpeg_read_header(codec, TRUE);
  codec->out_color_space = codec->num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
  return true;
}

bool read_pixels(jpeg_decompress_struct* codec, Errors* errors, unsigned char* to,
                 std::size_t row_bytes) {
  if (setjmp(errors->jump) != 0) return false;
  jpeg_start_decompress(codec);
  while (codec->output_scanline < codec->output_height) {
    JSAMPROW row = to + codec->output_scanline * row_bytes;
    jpeg_read_scanlines(codec, &row, 1);
  }
  jpeg_finish_decompress(codec);
  return true;
}

bool write_all(jpeg_compress_struct* codec, Errors* errors, std::FILE* file, const Samples* samples,
               int quality) {
  codec->err = prepared(errors);
  if (setjmp(errors->jump) != 0) return false;
  jpeg_create_compress(codec);
  jpeg_stdio_dest(codec, file);
  codec->image_width = static_cast<JDIMENSION>(samples->width);
  codec->image_height = static_cast<JDIMENSION>(samples->height);
  codec->input_components = static_cast<int>(samples->channels);
  codec->in_color_space = samples->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(codec);
  jpeg_set_quality(codec, quality, TRUE);
  codec->comp_info[0].h_samp_factor = 1;  // colour at full resolution
  codec->comp_info[0].v_samp_factor = 1;
  jpeg_start_compress(codec, TRUE);
  while (codec->next_scanline < codec->image_height) {
    auto* row =
        const_cast<JSAMPROW>(samples->bytes.data() + codec->next_scanline * samples->row_bytes());
    jpeg_write_scanlines(codec, &row, 1);
  }
  jpeg_finish_compress(codec);
  return true;
}

struct Decoder {
  Errors errors;
  jpeg_decompress_struct codec{};
  ~Decoder() { jpeg_destroy_decompress(&codec); }
};

struct Encoder {
  Errors errors;
  jpeg_compress_struct codec{};
  ~Encoder() { jpeg_destroy_compress(&codec); }
};

}  // namespace

Samples decode_jpeg(const std::string& path, const std::vector<unsigned char>& file) {
  Decoder decoder;
  jpeg_decompress_struct& codec = decoder.codec;
  const auto damaged = [&] {
    image_fail(path, std::string("damaged JPEG: ") + decoder.errors.text);
  };
  if (!read_header(&codec, &decoder.errors, file.data(), file.size())) damaged();
  if (codec.jpeg_color_space == JCS_CMYK || codec.jpeg_color_space == JCS_YCCK)
    image_fail(path, "is a CMYK (print) JPEG, expected grey or RGB; convert it to RGB first");
  if (codec.num_components != 1 && codec.num_components != 3)
    image_fail(path,
               "has " + std::to_string(codec.num_components) + " channels, expected grey or RGB");
  // One bit for a block of 8x8, the least that a Huffman code can be, is 512 pixels a byte.
  require_size(path, codec.image_height, codec.image_width, file.size(), 2048.0);
  Samples samples;
  samples.channels = codec.num_components;
  samples.height = codec.image_height;
  samples.width = codec.image_width;
  samples.bytes.resize(samples.row_bytes() * codec.image_height);
  if (!read_pixels(&codec, &decoder.errors, samples.bytes.data(), samples.row_bytes())) damaged();
  return samples;
}

void encode_jpeg(const std::string& temporary, const std::string& path, const Samples& samples,
                 int quality) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(temporary.c_str(), "wb"),
                                                             std::fclose);
  if (!file) image_fail(path, "cannot be written");
  Encoder encoder;
  const bool written = write_all(&encoder.codec, &encoder.errors, file.get(), &samples, quality);
  if (!written || std::fflush(file.get()) != 0)
    image_fail(path, std::string("cannot be written: ") + encoder.errors.text);
}

}  // namespace fejer::detail
