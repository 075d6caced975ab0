/// Our own files: any damage is found on opening. Files from elsewhere that are no HDF5.
#include <fejer/error.hpp>
#include <fejer/files.hpp>
#include <fejer/hdf5.hpp>
#include <random>

#include "data.hpp"
#include "file_tools.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

std::string small_file(const std::string& path) {
  Hdf5Writer writer(path);
  writer.format("fejer-test", 1);
  writer.write("x", Array<float>(Shape{3, 4}, 0.5f));
  writer.write_text("notes", "text");
  writer.commit();
  return contents(path);
}

/// The message of the refusal; "" when the file was accepted.
std::string refusal(const std::string& path) {
  try {
    const Hdf5Reader reader(path);
  } catch (const FormatError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("hdf5 damage: the user block is text, the digest is that of the rest") {
  const ScratchFolder folder;
  const std::string good = small_file(folder / "a.h5");
  const std::string expected = "FEJER-FILE 1\nsha256 " +
                               sha256(good.data() + 512, good.size() - 512) + "\nbytes " +
                               std::to_string(good.size() - 512) + "\n";
  CHECK(good.substr(0, expected.size()) == expected);
  CHECK(good.find_first_not_of('\0', expected.size()) == 512);
  CHECK(good.substr(512, 8) == "\x89HDF\r\n\x1a\n");
}

TEST_CASE("hdf5 damage: every single flipped bit is found") {
  const ScratchFolder folder;
  const std::string path = folder / "a.h5", good = small_file(path);
  std::mt19937 random(7);
  const auto refused = [&](std::size_t position, int bit) {
    std::string bad = good;
    bad[position] = static_cast<char>(bad[position] ^ (1 << bit));
    put(path, bad);
    return !refusal(path).empty();
  };
  for (int i = 0; i < 300; ++i) {
    const std::size_t position = random() % good.size();
    CAPTURE(position);
    CHECK(refused(position, static_cast<int>(random() % 8)));
  }
  for (std::size_t position = 0; position < 128; ++position) {  // all of the text
    CAPTURE(position);
    for (int bit = 0; bit < 8; ++bit) CHECK(refused(position, bit));
  }
}

TEST_CASE("hdf5 damage: a file cut or grown at any length is refused") {
  const ScratchFolder folder;
  const std::string path = folder / "a.h5", good = small_file(path);
  for (std::size_t length = 0; length < good.size(); length += length < 600 ? 1 : 97) {
    CAPTURE(length);
    put(path, good.substr(0, length));
    CHECK_FALSE(refusal(path).empty());
  }
  put(path, good.substr(0, good.size() - 1));
  CHECK(refusal(path) ==
        path +
            ": damaged: contents do not match their checksum (truncated or edited outside Fejer); "
            "take another copy or make it anew");
  put(path, good + '\0');
  CHECK_FALSE(refusal(path).empty());
  put(path, good);
  CHECK(refusal(path).empty());
}

TEST_CASE("hdf5 damage: a newer container and foreign files are refused by name") {
  const ScratchFolder folder;
  const std::string path = folder / "a.h5";
  std::string newer = small_file(path);
  newer[11] = '2';
  put(path, newer);
  CHECK(refusal(path).find("written by a newer Fejer") != std::string::npos);
  const std::string foreign = path + ": not an HDF5 file (or its first bytes are damaged)";
  const std::string zip("PK\x03\x04\x14\0\0\0\x08\0", 10), png = "\x89PNG\r\n\x1a\n0000IHDR";
  for (const std::string& bytes : {std::string(), std::string("just text\n"), zip, png,
                                   std::string(600, '\0'), std::string("FEJER")}) {
    put(path, bytes);
    CHECK(refusal(path) == foreign);
  }
  put(path, "\x89HDF\r\n\x1a\n and then text");
  CHECK(refusal(path).find("cannot be opened as HDF5: ") != std::string::npos);
  CHECK(refusal(folder / "b.h5") == (folder / "b.h5") + ": no such file");
  CHECK(refusal(folder.path()) == folder.path() + ": is a folder, expected a file");
}

TEST_CASE("hdf5 damage: without its user block the rest is HDF5 from elsewhere, and cut: refused") {
  const ScratchFolder folder;
  const std::string path = folder / "a.h5", good = small_file(path);
  put(path, good.substr(512));
  {
    const Hdf5Reader reader(path);
    CHECK_FALSE(reader.has_checksum());
    CHECK(reader.read<float>("x", Shape{3, 4})[5] == 0.5f);
  }
  for (std::size_t length = 512; length < good.size(); length += 89) {
    CAPTURE(length);
    put(path, good.substr(512, length - 512));
    CHECK_FALSE(refusal(path).empty());
  }
}
