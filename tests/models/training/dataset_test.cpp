#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fejer/error.hpp>
#include <fejer/files.hpp>
#include <fejer/hdf5.hpp>
#include <fejer/image_io.hpp>
#include <fejer/models/training/dataset.hpp>
#include <fejer/rng.hpp>

#include "../../data.hpp"
#include "../small_models.hpp"

using namespace fejer;
using fejer_test::largest_difference;
using fejer_test::ScratchFolder;

namespace {

Array<float> picture(const Shape& shape, int levels, const char* name) {
  Array<float> x(shape);
  fill_uniform<float>(x, Rng(1).stream(name));
  for (float& v : x) v = std::round(v * static_cast<float>(levels)) / static_cast<float>(levels);
  return x;
}

std::string bytes_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE(
    "a folder of pictures becomes a file that holds the same images and where they are from") {
  const ScratchFolder folder;
  std::filesystem::create_directory(folder / "in");
  const auto a = picture({3, 20, 31}, 255, "a"), b = picture({1, 25, 17}, 65535, "b");
  write_png(folder / "in/2.png", a);
  write_png(folder / "in/10.PNG", b, 16);
  std::ofstream(folder / "in/readme.txt") << "not a picture";
  CHECK_THROWS_WITH_AS(read_picture_folder(folder / "in"), doctest::Contains("grey"), FormatError);
  const Dataset set = read_picture_folder(folder / "in", {.grey = true});
  REQUIRE(set.size() == 2);
  CHECK(set.source(0).name == "10.PNG");
  CHECK(set.source(1).sha256 == sha256_of_file(folder / "in/2.png"));
  CHECK(set.how() == "pictures of a folder, grey");
  CHECK(largest_difference(set.image(0), b) == 0);
  CHECK(largest_difference(set.image(1), to_grey(a)) == 0);
  save_dataset(folder / "d.h5", set);
  const Dataset read = load_dataset(folder / "d.h5");
  REQUIRE(read.size() == 2);
  CHECK(read.sha256() == set.sha256());
  CHECK(read.how() == set.how());
  for (Index i = 0; i < 2; ++i) {
    CHECK(largest_difference(read.image(i), set.image(i)) == 0);
    CHECK(read.shape(i) == set.shape(i));
    CHECK(read.source(i).name == set.source(i).name);
    CHECK(read.source(i).sha256 == set.source(i).sha256);
  }
  CHECK(open_images(folder / "d.h5").sha256() == set.sha256());
  // 8-bit pictures stay 8-bit.
  CHECK(Hdf5Reader(folder / "d.h5").info("images/000000").bytes == 4);
  save_dataset(folder / "e.h5", Dataset({picture({1, 9, 9}, 255, "c")}, {{"c", ""}}, "by hand"));
  CHECK(Hdf5Reader(folder / "e.h5").info("images/000000").bytes == 1);
  save_dataset(folder / "f.h5", load_dataset(folder / "e.h5"));
  CHECK(bytes_of(folder / "e.h5") == bytes_of(folder / "f.h5"));
}

TEST_CASE("pictures are reduced and cropped, in this order") {
  const ScratchFolder folder;
  const auto a = picture({1, 20, 30}, 255, "a");
  write_png(folder / "a.png", a);
  const Dataset set = read_picture_folder(
      folder.path(), {.shrink = 2, .crop = true, .top = 1, .left = 2, .rows = 8, .columns = 9});
  CHECK(set.shape(0) == Shape{1, 8, 9});
  CHECK(set.how() == "pictures of a folder, shrunk 2 times, cropped to 8x9 from (1,2)");
  CHECK_THROWS_WITH_AS(read_picture_folder(folder.path(), {.shrink = 40}),
                       doctest::Contains("a.png"), FormatError);
}

TEST_CASE("stacks of images in HDF5") {
  const ScratchFolder folder;
  {
    Hdf5Writer file(folder / "s.h5");
    Array<std::uint8_t> bytes(Shape{3, 8, 9});
    for (Index i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i);
    file.write("images", bytes);
    file.write("colour", picture({2, 3, 8, 9}, 255, "colour"));
    file.write("one", picture({8, 9}, 255, "one"));
    Array<float> wrong(Shape{2, 4, 4}, 0.5f);
    wrong[17] = 1.5f;
    file.write("wrong", wrong);
    file.write("row", picture({9}, 255, "row"));
    file.commit();
  }
  const Dataset set = open_images(folder / "s.h5:/images");
  CHECK(set.size() == 3);
  CHECK(set.shape(2) == Shape{1, 8, 9});
  CHECK(set.image(1)[0] == 72 / 255.0f);
  CHECK(set.source(1).name == "s.h5:/images[1]");
  CHECK(open_images(folder / "s.h5:/colour").shape(1) == Shape{3, 8, 9});
  CHECK(open_images(folder / "s.h5:/colour", {.grey = true}).shape(1) == Shape{1, 8, 9});
  CHECK(open_images(folder / "s.h5:/one").size() == 1);
  CHECK_THROWS_WITH_AS(open_images(folder / "s.h5:/wrong"), doctest::Contains("[1]"), FormatError);
  CHECK_THROWS_WITH_AS(open_images(folder / "s.h5:/row"), doctest::Contains("(N,H,W)"),
                       FormatError);
  CHECK_THROWS_AS(open_images(folder / "s.h5:/none"), FormatError);
  CHECK_THROWS_AS(open_images(folder / "s.h5"), FormatError);  // no data set file
}

TEST_CASE("what is no data set is refused in one line") {
  const ScratchFolder folder;
  std::filesystem::create_directory(folder / "empty");
  CHECK_THROWS_WITH_AS(open_images(folder / "empty"), doctest::Contains("holds no picture"),
                       FormatError);
  std::filesystem::create_directory(folder / "bad");
  const auto a = picture({1, 9, 9}, 255, "a");
  write_png(folder / "bad/a.png", a);
  const std::string whole = bytes_of(folder / "bad/a.png");
  std::ofstream(folder / "bad/b.png", std::ios::binary) << whole.substr(0, whole.size() / 2);
  CHECK_THROWS_WITH_AS(open_images(folder / "bad"), doctest::Contains("b.png"), FormatError);
  CHECK_THROWS_WITH_AS(open_images(folder / "none"), doctest::Contains("no such file"),
                       FormatError);
  CHECK_THROWS_AS(open_images(folder / "bad/a.png"), ArgumentError);
  for (const char* text :
       {"dead-leaves:", "dead-leaves:3", "dead-leaves:3x", "dead-leaves:0x64", "dead-leaves:3x4",
        "dead-leaves:3x64x", "dead-leaves:3x64:", "dead-leaves:3x64:a", "dead-leaves:3x64:1:"})
    CHECK_THROWS_AS(open_images(text), ArgumentError);
  CHECK_THROWS_AS(Dataset({}, {}, ""), ArgumentError);
}

TEST_CASE("damaged and foreign data set files are refused") {
  const ScratchFolder folder;
  const std::string path = folder / "d.h5";
  save_dataset(path, Dataset({picture({1, 9, 9}, 255, "c")}, {{"c", ""}}, "by hand"));
  const std::string whole = bytes_of(path);
  for (const std::size_t at : {std::size_t{0}, whole.size() / 2, whole.size() - 1}) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 4);
    std::ofstream(path, std::ios::binary) << damaged;
    CHECK_THROWS_AS(load_dataset(path), FormatError);
  }
  std::ofstream(path, std::ios::binary) << whole.substr(0, whole.size() - 100);
  CHECK_THROWS_AS(load_dataset(path), FormatError);
  const auto made = [&](auto change, const char* message) {
    {
      Hdf5Writer file(path);
      file.format("fejer-dataset", 1);
      file.attribute("/", "how", "by hand");
      file.attribute("/", "pixels_sha256", "0");
      file.write("images/000000", Array<float>(Shape{1, 4, 4}, 0.5f));
      file.attribute("images/000000", "sha256", "");
      change(file);
      file.commit();
    }
    CHECK_THROWS_WITH_AS(load_dataset(path).image(0), doctest::Contains(message), FormatError);
  };
  made([](Hdf5Writer& f) { f.attribute("/", "images", 2); }, "says that it holds 2 images");
  made([](Hdf5Writer& f) { f.attribute("/", "images", 1); }, "no attribute source");
  made([](Hdf5Writer&) {}, "no attribute images");
  made(
      [](Hdf5Writer& f) {
        f.attribute("/", "images", 1);
        f.group("more");
      },
      "unexpected object /more");
  made(
      [](Hdf5Writer& f) {
        f.attribute("/", "images", 2);
        f.attribute("images/000000", "source", "a");
        f.write("images/000001", Array<float>(Shape{4, 4}));
      },
      "expected an image");
}

TEST_CASE("dead leaves depend on seed and index alone and fill [0,1]") {
  const Dataset set = dead_leaves(3, 32, 5);
  CHECK(largest_difference(set.image(1), dead_leaves(2, 32, 5).image(1)) == 0);
  CHECK(largest_difference(set.image(0), set.image(1)) > 0);
  CHECK(largest_difference(set.image(0), dead_leaves(1, 32, 6).image(0)) > 0);
  const Array<float> x = set.image(2);
  CHECK(x.shape() == Shape{1, 32, 32});
  CHECK(*std::max_element(x.begin(), x.end()) - *std::min_element(x.begin(), x.end()) > 0.5f);
  CHECK(open_images("dead-leaves:3x32").image(0).shape() == Shape{1, 32, 32});
  CHECK(largest_difference(open_images("dead-leaves:3x32:5").image(1), set.image(1)) == 0);
}
