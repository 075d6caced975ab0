#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fejer/error.hpp>
#include <fejer/files.hpp>
#include <fejer/hdf5.hpp>
#include <fejer/image_io.hpp>
#include <functional>
#include <limits>
#include <random>

#include "data.hpp"
#include "file_tools.hpp"
#include "foreign_picture.hpp"

using namespace fejer;
using namespace fejer_test;
namespace fs = std::filesystem;

namespace {

/// The message of the refusal; "" when the picture was accepted.
std::string picture_refusal(const std::string& path) {
  try {
    read_image(path);
  } catch (const FormatError& error) {
    CHECK(std::string(error.what()).find('\n') == std::string::npos);
    return error.what();
  }
  return "";
}

/// Values k / most, all different from their neighbours.
Array<float> levels(const Shape& shape, int most) {
  Array<float> image(shape);
  for (Index i = 0; i < image.size(); ++i)
    image[i] = static_cast<float>((i * 37) % (most + 1)) / static_cast<float>(most);
  return image;
}

Array<float> smooth(Index channels, Index height, Index width) {
  Array<float> image(Shape{channels, height, width});
  for (Index c = 0; c < channels; ++c)
    for (Index i = 0; i < height; ++i)
      for (Index j = 0; j < width; ++j)
        image[(c * height + i) * width + j] =
            0.5f +
            0.4f * std::sin(0.1f * static_cast<float>(i + c) + 0.07f * static_cast<float>(j));
  return image;
}

double largest_difference(const Array<float>& a, const Array<float>& b) {
  REQUIRE(a.shape() == b.shape());
  double largest = 0;
  for (Index i = 0; i < a.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  return largest;
}

/// The writers, for temporaries too.
void save_png(const std::string& path, const Array<float>& image, int bits = 8) {
  write_png(path, image, bits);
}
void save_jpeg(const std::string& path, const Array<float>& image, int quality = 95) {
  write_jpeg(path, image, quality);
}

Array<float> expected_of(int height, int width, const Layout& layout) {
  const bool palette = layout.colour == PNG_COLOR_TYPE_PALETTE;
  const int channels = palette || layout.channels >= 3 ? 3 : 1;
  const auto most = static_cast<float>((1 << layout.bits) - 1);
  Array<float> image(Shape{channels, height, width});
  Index at = 0;
  for (int c = 0; c < channels; ++c)
    for (int i = 0; i < height; ++i)
      for (int j = 0; j < width; ++j, ++at) {
        const int k = sample(i, j, 0, layout.bits);
        const int entry[3] = {k, 255 - k, (2 * k) & 255};
        image[at] = palette ? static_cast<float>(entry[c]) / 255.0f
                            : static_cast<float>(sample(i, j, c, layout.bits)) / most;
      }
  return image;
}

}  // namespace

TEST_CASE("image: PNG of 8 and 16 bits comes back exactly") {
  const ScratchFolder folder;
  const std::string path = folder / "a.png";
  for (int bits : {8, 16}) {
    const int most = bits == 8 ? 255 : 65535;
    for (const Shape& shape : {Shape{1, 256, 256}, Shape{3, 256, 257}, Shape{1, 1, 1},
                               Shape{3, 1, 9}, Shape{1, 300, 1}}) {
      const Array<float> image = levels(shape, most);
      save_png(path, image, bits);
      const Array<float> back = read_image(path);
      CHECK(back.shape() == shape);
      CHECK(std::equal(back.begin(), back.end(), image.begin()));
    }
  }
  save_png(path, levels(Shape{5, 4}, 255));
  CHECK(read_image(path).shape() == Shape{1, 5, 4});
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("image: values are clipped and rounded to the nearest level") {
  const ScratchFolder folder;
  Array<float> image(Shape{2, 4});
  const float infinity = std::numeric_limits<float>::infinity();
  const float values[8] = {-0.3f,    1.7f,      0.4f / 255,   0.6f / 255,
                           infinity, -infinity, 254.6f / 255, std::nanf("")};
  std::copy(values, values + 8, image.begin());
  save_png(folder / "a.png", image);
  const Array<float> back = read_image(folder / "a.png");
  const float expected[8] = {0, 1, 0, 1.0f / 255, 1, 0, 1, 0};
  for (Index i = 0; i < 8; ++i) CHECK(back[i] == expected[i]);
}

TEST_CASE("image: PNG of every layout, plain and interlaced, with alpha, palette and gamma") {
  const ScratchFolder folder;
  const std::string path = folder / "a.png";
  const int grey = PNG_COLOR_TYPE_GRAY, ga = PNG_COLOR_TYPE_GA, palette = PNG_COLOR_TYPE_PALETTE;
  const int rgb = PNG_COLOR_TYPE_RGB, rgba = PNG_COLOR_TYPE_RGBA;
  struct Kind {
    int colour, channels;
    std::vector<int> bits;
  };
  struct Size {
    int height, width;
  };
  for (bool interlaced : {false, true})
    for (const Kind& kind : {Kind{grey, 1, {1, 2, 4, 8, 16}},
                             {ga, 2, {8, 16}},
                             {palette, 1, {1, 2, 4, 8}},
                             {rgb, 3, {8, 16}},
                             {rgba, 4, {8, 16}}})
      for (const int bits : kind.bits)
        for (const Size& size : {Size{1, 1}, {5, 7}, {9, 1}, {17, 33}}) {
          const int height = size.height, width = size.width;
          const Layout layout = {kind.colour, bits, kind.channels, interlaced};
          CAPTURE(layout.colour);
          CAPTURE(layout.bits);
          CAPTURE(interlaced);
          CAPTURE(width);
          make_png(path, height, width, layout);
          const Array<float> image = read_image(path),
                             expected = expected_of(height, width, layout);
          CHECK(image.shape() == expected.shape());
          CHECK(largest_difference(image, expected) < 1e-7);  // half a unit in the last place
        }
}

TEST_CASE("image: a PNG that is cut anywhere or has one flipped bit is refused") {
  const ScratchFolder folder;
  const std::string path = folder / "a.png";
  save_png(path, smooth(3, 40, 30), 8);
  const std::string good = contents(path);
  for (std::size_t length = 0; length < good.size(); length += length < 80 ? 1 : 31) {
    CAPTURE(length);
    put(path, good.substr(0, length));
    CHECK_FALSE(picture_refusal(path).empty());
  }
  for (std::size_t missing = 1; missing < 16; ++missing) {
    put(path, good.substr(0, good.size() - missing));
    CHECK(contains(picture_refusal(path), path + ": damaged PNG: "));
  }
  std::mt19937 random(3);
  for (int i = 0; i < 300; ++i) {
    std::string bad = good;
    const std::size_t position = random() % good.size();
    bad[position] = static_cast<char>(bad[position] ^ (1 << random() % 8));
    CAPTURE(position);
    put(path, bad);
    CHECK_FALSE(picture_refusal(path).empty());
  }
}

TEST_CASE("image: JPEG within its tolerance, grey and colour") {
  const ScratchFolder folder;
  const std::string path = folder / "a.jpg";
  for (Index channels : {1, 3}) {
    const Array<float> image = smooth(channels, 61, 83);
    save_jpeg(path, image);
    // quality 95 rounds low frequencies to 2 of 255 levels, 100 to 1; colour adds the roundings
    // of Cb and Cr, which enter blue with a factor of 1.772
    CHECK(largest_difference(read_image(path), image) < 0.02);
    save_jpeg(path, image, 100);
    CHECK(largest_difference(read_image(path), image) < (channels == 1 ? 0.008 : 0.02));
    const auto best = fs::file_size(path);
    save_jpeg(path, image, 20);
    CHECK(fs::file_size(path) < best / 2);
  }
  save_jpeg(path, smooth(1, 1, 1).reshaped(Shape{1, 1}));
  CHECK(read_image(path).shape() == Shape{1, 1, 1});
  make_jpeg(path, 20, 30, JCS_RGB, 3, true);
  const Array<float> progressive = read_image(path);
  CHECK(progressive.shape() == Shape{3, 20, 30});
  CHECK(std::abs(progressive[700] - 100.0f / 255) < 0.01f);
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("image: a JPEG that is cut anywhere is refused, flipped bits do no harm") {
  const ScratchFolder folder;
  const std::string path = folder / "a.jpg";
  save_jpeg(path, smooth(3, 64, 48));
  const std::string good = contents(path);
  for (std::size_t length = 0; length < good.size(); length += length < 100 ? 1 : 23) {
    CAPTURE(length);
    put(path, good.substr(0, length));
    CHECK_FALSE(picture_refusal(path).empty());
  }
  put(path, good.substr(0, good.size() - 1));
  CHECK(contains(picture_refusal(path), path + ": damaged JPEG: "));
  // JPEG has no checksums: a flipped bit may be seen or give another picture, but a whole one
  std::mt19937 random(5);
  int refused = 0;
  for (int i = 0; i < 300; ++i) {
    std::string bad = good;
    const std::size_t position = random() % good.size();
    bad[position] = static_cast<char>(bad[position] ^ (1 << random() % 8));
    put(path, bad);
    try {
      const Array<float> image = read_image(path);
      CHECK(std::all_of(image.begin(), image.end(), [](float v) { return v >= 0 && v <= 1; }));
    } catch (const FormatError&) {
      ++refused;
    }
  }
  CHECK(refused > 30);
}

TEST_CASE("image: what is no grey or RGB picture is refused with the reason") {
  const ScratchFolder folder;
  const std::string path = folder / "a";
  make_jpeg(path, 8, 8, JCS_CMYK, 4, false);
  CHECK(picture_refusal(path) ==
        path + ": is a CMYK (print) JPEG, expected grey or RGB; convert it to RGB first");
  const std::string neither =
      path + ": neither PNG nor JPEG (or its first bytes are damaged); convert it first";
  for (const std::string& bytes : {std::string(), std::string("text"), std::string("\x89PNG"),
                                   std::string("GIF89a"), std::string("\x89HDF\r\n\x1a\n")}) {
    put(path, bytes);
    CHECK(picture_refusal(path) == neither);
  }
  put(path, "\x89PNG\r\n\x1a\n");
  CHECK(contains(picture_refusal(path), "damaged PNG"));
  put(path, "\xff\xd8\xff");
  CHECK(contains(picture_refusal(path), "damaged JPEG"));
  CHECK(picture_refusal(folder / "none") == (folder / "none") + ": no such file");
  CHECK(contains(picture_refusal(folder.path()), "is a folder"));
}

TEST_CASE("image: sizes that cannot be are refused before memory is asked for") {
  const ScratchFolder folder;
  const std::string path = folder / "a";
  make_png(path, 20000, 20000, {PNG_COLOR_TYPE_RGB, 16, 3, false}, true);
  CHECK(picture_refusal(path) == path + ": has 20000 x 20000 pixels, more than 2^28");
  make_png(path, 16000, 16000, {PNG_COLOR_TYPE_RGB, 16, 3, false}, true);
  CHECK(picture_refusal(path) ==
        path + ": damaged: too short for the 16000 x 16000 pixels that it announces");
  save_jpeg(path, smooth(1, 16, 16));
  const std::string good = contents(path);
  const std::size_t frame = good.find("\xff\xc0");
  REQUIRE(frame != std::string::npos);
  const auto with_size = [&](int height, int width) {
    std::string bad = good;
    bad[frame + 5] = static_cast<char>(height >> 8);
    bad[frame + 6] = static_cast<char>(height & 255);
    bad[frame + 7] = static_cast<char>(width >> 8);
    bad[frame + 8] = static_cast<char>(width & 255);
    put(path, bad);
    return picture_refusal(path);
  };
  CHECK(with_size(16, 16).empty());
  CHECK(contains(with_size(65000, 65000), "more than 2^28"));
  CHECK(contains(with_size(16000, 16000), "too short for the 16000 x 16000 pixels"));
  CHECK(contains(with_size(32, 16), "damaged JPEG"));
  CHECK_FALSE(with_size(0, 16).empty());
  CHECK_FALSE(with_size(16, 0).empty());
}

TEST_CASE("image: misuse of the writers is refused and leaves nothing") {
  const ScratchFolder folder;
  const Array<float> image(Shape{1, 2, 2});
  CHECK_THROWS_WITH_AS(save_png(folder / "a", image, 12), "write_png: bits is 12, expected 8 or 16",
                       ArgumentError);
  CHECK_THROWS_WITH_AS(save_jpeg(folder / "a", image, 0),
                       "write_jpeg: quality is 0, expected 1 to 100", ArgumentError);
  CHECK_THROWS_WITH_AS(save_png(folder / "a", Array<float>(Shape{2, 2, 2})),
                       "write_png: got shape (2,2,2), expected (H,W), (1,H,W) or (3,H,W) with at "
                       "least one pixel",
                       ShapeError);
  CHECK_THROWS_AS(save_png(folder / "a", Array<float>(Shape{1, 0, 2})), ShapeError);
  CHECK_THROWS_AS(save_jpeg(folder / "a", Array<float>(Shape{4})), ShapeError);
  CHECK_THROWS_AS(save_jpeg(folder / "a", Array<float>(Shape{1, 1, 65501})), ArgumentError);
  CHECK_THROWS_AS(save_png(folder / "no/a.png", image), ArgumentError);
  CHECK(entries(folder.path()) == 0);
}

TEST_CASE("image: grey is the luma of colour") {
  Array<float> image(Shape{3, 1, 2});
  const float values[6] = {1, 0.5f, 0, 0.25f, 0, 1};
  std::copy(values, values + 6, image.begin());
  const Array<float> grey = to_grey(image);
  CHECK(grey.shape() == Shape{1, 1, 2});
  CHECK(grey[0] == doctest::Approx(0.299));
  CHECK(grey[1] == doctest::Approx(0.299 * 0.5 + 0.587 * 0.25 + 0.114));
  CHECK(to_grey(grey)[1] == grey[1]);
  CHECK_THROWS_AS(to_grey(Array<float>(Shape{2, 1, 2})), ShapeError);
  CHECK_THROWS_AS(to_grey(Array<float>(Shape{1, 2})), ShapeError);
}

TEST_CASE("image: the pictures of Set12 are the same as PNG and as HDF5") {
  if (!have_data()) return;
  const Array<float> image = read_image(data("set12/01.png"));
  const auto stored =
      Hdf5Reader(data("set12/set12.h5")).read<std::uint8_t>("images/01", Shape{256, 256});
  CHECK(image.shape() == Shape{1, 256, 256});
  for (Index i = 0; i < image.size(); ++i)
    REQUIRE(image[i] == static_cast<float>(stored[i]) / 255.0f);
}
