// Pictures in IDX files, whole and damaged, and the experiments that read them.
#include <zlib.h>

#include <functional>

#include <fejer/error.hpp>

#include "../../experiments/ialm_images/idx_file.hpp"
#include "../../experiments/ialm_images/images.hpp"
#include "process.hpp"

using namespace fejer_test;
using fejer::FormatError;
using fejer::ialm_images::read_idx;
using fejer::ialm_images::read_images;

namespace {

std::string idx(const std::vector<unsigned>& extents, const std::string& values, char type = 8) {
  std::string bytes = {0, 0, type, static_cast<char>(extents.size())};
  for (const unsigned extent : extents)
    for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(extent >> shift & 255);
  return bytes + values;
}

void put(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string packed(const ScratchFolder& folder, const std::string& bytes) {
  const std::string path = folder / "packed";
  const gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
  return contents(path);
}

/// The message, which has to be one line that begins with the file's name.
std::string refusal(const std::string& path, const std::function<void()>& read) {
  try {
    read();
  } catch (const FormatError& error) {
    const std::string text = error.what();
    CHECK(text.starts_with(path + ": "));
    CHECK(text.find('\n') == std::string::npos);
    return text;
  }
  return "read without a word";
}

/// Pictures of 4x4 whose bright quarter tells the label, 0 to 3.
void put_pictures(const std::string& folder, bool gzip, unsigned train = 120, unsigned test = 40) {
  const ScratchFolder scratch;
  std::filesystem::create_directories(folder);
  for (const auto& [part, count] : {std::pair("train", train), std::pair("t10k", test)}) {
    std::string pixels, labels;
    for (unsigned n = 0; n < count; ++n) {
      const unsigned label = n % 7 % 4;
      labels += static_cast<char>(label);
      for (unsigned i = 0; i < 16; ++i)
        pixels += static_cast<char>(i / 8 * 2 + i % 4 / 2 == label ? 200 + n % 50 : n * i % 40);
    }
    const std::string pictures = idx({count, 4, 4}, pixels), names = idx({count}, labels);
    const std::string head = folder + "/" + part, tail = gzip ? ".gz" : "";
    put(head + "-images-idx3-ubyte" + tail, gzip ? packed(scratch, pictures) : pictures);
    put(head + "-labels-idx1-ubyte" + tail, gzip ? packed(scratch, names) : names);
  }
}

}  // namespace

TEST_CASE("IDX: values and extents, packed or not") {
  const ScratchFolder folder;
  const std::string whole = idx({2, 1, 3}, "abcdef"), path = folder / "f";
  for (const std::string& bytes : {whole, packed(folder, whole)}) {
    put(path, bytes);
    const auto file = read_idx(path, 3);
    CHECK(file.shape == std::vector<fejer::Index>{2, 1, 3});
    CHECK(std::string(file.values.begin(), file.values.end()) == "abcdef");
  }
}

TEST_CASE("IDX: every truncation, wrong type or rank, extents that lie: one line that says what") {
  const ScratchFolder folder;
  const std::string whole = idx({2, 1, 3}, "abcdef"), gzip = packed(folder, whole);
  const std::string path = folder / "f";
  const auto refused = [&](const std::string& bytes, const std::string& part) {
    put(path, bytes);
    const std::string text = refusal(path, [&] { read_idx(path, 3); });
    CHECK_MESSAGE(text.find(part) != std::string::npos, text);
  };
  refused("", "starts with nothing");
  for (std::size_t n = 1; n < 4; ++n) refused(whole.substr(0, n), "expected 00000803");
  for (std::size_t n = 4; n < 16; ++n) refused(whole.substr(0, n), "inside its extents");
  for (std::size_t n = 16; n < whole.size(); ++n)
    refused(whole.substr(0, n), "ends after " + std::to_string(n - 16) + " values, expected 6");
  for (std::size_t n = 18; n < gzip.size(); ++n) refused(gzip.substr(0, n), "damaged gzip stream");
  std::string damaged = gzip;
  damaged[gzip.size() - 6] = static_cast<char>(damaged[gzip.size() - 6] ^ 1);  // the checksum
  refused(damaged, "damaged gzip stream");
  refused(whole + "g", "more than the 6 values");
  refused(idx({2, 1, 3}, "abcdef", 13), "starts with 00000d03");
  refused(idx({6}, "abcdef"), "starts with 00000801, expected 00000803");
  refused("\x89PNG\r\n", "starts with 89504e47");
  refused(idx({2, 0, 3}, ""), "extent 1 is 0");
  refused(idx({0xffffffff, 0xffffffff, 0xffffffff}, "abcdef"), "extent 0 is 4294967295");
  refused(idx({0x7fffffff, 0x7fffffff, 3}, "abcdef"), "extent 1 is 2147483647");
  CHECK(refusal(folder / "none", [&] { read_idx(folder / "none", 3); }).find("no such file") !=
        std::string::npos);
}

TEST_CASE(
    "sets of pictures: pixels to 1, labels as unit vectors; parts that do not fit are refused") {
  const ScratchFolder folder;
  CHECK(!read_images(folder / "nothing"));
  for (const bool gzip : {false, true}) {
    const std::string name = folder / (gzip ? "packed" : "plain");
    put_pictures(name, gzip);
    const auto set = read_images(name);
    REQUIRE(set);
    CHECK(set->train.pixels.shape() == fejer::Shape{16, 120});
    CHECK(set->test.labels.shape() == fejer::Shape{10, 40});
    CHECK(set->train.pixels[1 * 120 + 0] == 200 / 255.0);
    CHECK(set->train.labels[1 * 120 + 1] == 1);
    CHECK(set->train.labels[0 * 120 + 1] == 0);
    CHECK(set->train.first(30).pixels[16 * 30 - 1] == set->train.pixels[15 * 120 + 29]);
    CHECK_THROWS_AS(set->train.first(121), fejer::ArgumentError);
  }
  const std::string plain = folder / "plain", labels = plain + "/t10k-labels-idx1-ubyte";
  const auto refused = [&](const std::string& path, const std::string& part) {
    const std::string text = refusal(path, [&] { read_images(plain); });
    CHECK_MESSAGE(text.find(part) != std::string::npos, text);
  };
  put(labels, idx({39}, std::string(39, 1)));
  refused(labels, "has 39 labels, expected 40");
  put(labels, idx({40}, std::string(40, 10)));
  refused(labels, "label 0 is 10, expected 0 to 9");
  std::filesystem::remove(labels);
  refused(plain, "has no t10k-labels-idx1-ubyte");
}

TEST_CASE("experiment ialm_mnist: all ways are trained and reported; without pictures it skips") {
  const ScratchFolder folder;
  put_pictures(folder / "pictures", true);
  const auto run = [&](const std::string& name, const std::string& pictures) {
    return expect(0, folder,
                  {"experiment", "run", name, "--smoke", "--set", "folder=" + pictures, "--out",
                   folder / name, "--json"})
        .json();
  };
  const auto record = run("ialm_mnist", folder / "pictures");
  CHECK(record["runs"].size() == 1);
  const auto& ways = record["runs"][0]["ways"];
  CHECK(ways.size() == 11);
  for (const auto& item : ways.items()) {
    const auto& way = item.value();
    INFO(item.key());
    CHECK(way["objective"] < record["runs"][0]["start_objective"]);
    CHECK(way["accuracy"] > 0.2);
    CHECK(way["zero_columns"].size() == 2);
    CHECK(way["kkt_residual"] > 0);
    CHECK(way["cpu_seconds"] >= 0);
  }
  CHECK(record["runs"][0]["pruned"]["largest_difference"] < 1e-12);
  CHECK(contents(folder / "ialm_mnist/report.md").find("adam_then_ialm") != std::string::npos);
  const auto skipped = run("ialm_fashion_mnist", folder / "nothing");
  CHECK(skipped["skipped"].get<std::string>().find("scripts/fetch_mnist") != std::string::npos);
  CHECK(contents(folder / "ialm_fashion_mnist/report.md").find("Skipped") != std::string::npos);
}
