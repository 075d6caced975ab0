/// Files made to harm, and damaged files without a checksum: an answer, and nothing else.
#include <sys/wait.h>
#include <unistd.h>

#include <complex>
#include <cstdint>
#include <fejer/files.hpp>
#include <fejer/hdf5.hpp>
#include <random>

#include "data.hpp"
#include "file_tools.hpp"
#include "foreign_file.hpp"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FEJER_TEST_ASAN
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define FEJER_TEST_ASAN
#endif
#ifdef FEJER_TEST_ASAN
/// Too large an allocation fails, as it does without the sanitizer: the C library asks for what a
/// damaged file says, and takes the refusal well.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }
#endif

using namespace fejer;
using namespace fejer_test;

TEST_CASE("hdf5 hostile: shapes that are too large are refused before memory is asked for") {
  const ScratchFolder folder;
  {
    Foreign file(folder / "a.h5");
    const hid_t chunked = H5Pcreate(H5P_DATASET_CREATE);
    const hsize_t chunk[2] = {64, 64};
    H5Pset_chunk(chunked, 2, chunk);
    H5Pset_deflate(chunked, 1);
    const hsize_t large = hsize_t{1} << 32;
    file.dataset("huge", H5T_NATIVE_FLOAT, {large, large}, nullptr, -1, chunked);
    file.dataset("large", H5T_NATIVE_UINT8, {large, 64}, nullptr, -1, chunked);
    file.dataset("sparse", H5T_NATIVE_UINT8, {1 << 14, 1 << 14}, nullptr, -1, chunked);
    file.dataset("huge_and_empty", H5T_NATIVE_FLOAT, {large, large, large, 0}, nullptr);
    file.dataset("many_axes", H5T_NATIVE_FLOAT, std::vector<hsize_t>(9, 1), nullptr);
    file.dataset("wide", fixed_text(std::size_t{1} << 31, H5T_STR_NULLPAD), {0}, nullptr);
    H5Pclose(chunked);
  }
  const Hdf5Reader reader(folder / "a.h5");
  const auto read = [&](const char* name) { return refusal([&] { reader.read<float>(name); }); };
  CHECK(contains(read("huge"), "/huge: needs more than 2^33 bytes"));
  CHECK(contains(read("large"), "/large: needs more than 2^33 bytes"));
  CHECK(contains(read("sparse"), "/sparse: claims 268435456 bytes but only 0 are stored"));
  CHECK(contains(read("huge_and_empty"), "needs more than 2^33 bytes"));
  CHECK(contains(read("many_axes"), "has 9 axes; at most 8 are supported"));
  CHECK(contains(read("wide"), "has elements of more than 2^30 bytes"));
  CHECK(reader.datasets().size() == 6);
}

TEST_CASE("hdf5 hostile: values and links that lead to other files are never followed") {
  const ScratchFolder folder;
  const float secret[2] = {1, 2};
  Foreign(folder / "b.h5").dataset("x", H5T_NATIVE_FLOAT, {2}, secret);
  write_text(folder / "raw", "12345678");
  {
    Foreign file(folder / "a.h5");
    H5Lcreate_external("b.h5", "/x", file.id(), "linked", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_external("b.h5", "/", file.id(), "root", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/linked", file.id(), "soft_linked", H5P_DEFAULT, H5P_DEFAULT);
    const hid_t external = H5Pcreate(H5P_DATASET_CREATE), mapped = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(external, (folder / "raw").c_str(), 0, 8);
    file.dataset("external", H5T_NATIVE_FLOAT, {2}, nullptr, -1, external);
    const hsize_t length = 2;
    const hid_t space = H5Screate_simple(1, &length, nullptr);
    H5Pset_virtual(mapped, space, "b.h5", "x", space);
    file.dataset("virtual", H5T_NATIVE_FLOAT, {2}, nullptr, -1, mapped);
  }
  const Hdf5Reader reader(folder / "a.h5");
  for (const char* name : {"linked", "root/x", "soft_linked"}) {
    CAPTURE(name);
    CHECK(contains(refusal([&] { reader.read<float>(name); }), "is a link into another file"));
    CHECK_FALSE(reader.has(name));
  }
  for (const char* name : {"external", "virtual"}) {
    CAPTURE(name);
    CHECK(contains(refusal([&] { reader.read<float>(name); }), "keeps its values in another file"));
    CHECK_FALSE(refusal([&] { reader.info(name); }).empty());
  }
  CHECK(reader.list().size() == 5);
  CHECK(reader.datasets() == std::vector<std::string>{"/external", "/virtual"});
}

TEST_CASE("hdf5 hostile: links in circles, dangling links and deep groups end in an answer") {
  const ScratchFolder folder;
  const float values[2] = {1, 2};
  {
    Foreign file(folder / "a.h5");
    const hid_t group = H5Gcreate2(file.id(), "g", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_hard(file.id(), "/", group, "up", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_hard(group, ".", group, "self", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/ring2", file.id(), "ring1", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/ring1", file.id(), "ring2", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/nowhere", file.id(), "dangling", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/g/x", file.id(), "soft", H5P_DEFAULT, H5P_DEFAULT);
    H5Tcommit2(file.id(), "type", H5Tcopy(H5T_NATIVE_INT), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    file.dataset("g/x", H5T_NATIVE_FLOAT, {2}, values);
  }
  {
    const Hdf5Reader reader(folder / "a.h5");
    CHECK(reader.datasets() == std::vector<std::string>{"/g/x"});
    CHECK(reader.read<float>("g/up/g/self/x")[1] == 2.0f);
    CHECK(reader.read<float>("soft")[0] == 1.0f);
    for (const char* name : {"ring1", "dangling"}) {
      CHECK_FALSE(reader.has(name));
      CHECK(contains(refusal([&] { reader.read<float>(name); }), "no such dataset"));
    }
    CHECK(reader.has("type"));
    CHECK_FALSE(reader.has_dataset("type"));
    CHECK(contains(refusal([&] { reader.read<float>("type"); }), "is not a dataset"));
  }
  {
    Foreign file(folder / "deep.h5");
    std::string name;
    for (int depth = 0; depth < 70; ++depth) {
      name += "/g";
      H5Gclose(H5Gcreate2(file.id(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    }
  }
  const Hdf5Reader deep(folder / "deep.h5");
  CHECK(contains(refusal([&] { deep.datasets(); }), "nested more than 64 deep"));
}

namespace {

/// A foreign file with text in a heap, compressed, compact and plain data.
std::string varied_file(const std::string& path) {
  Foreign file(path);
  const char* text = "a text of variable length";
  std::vector<float> values(20000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 100);
  const hid_t packed = H5Pcreate(H5P_DATASET_CREATE), compact = H5Pcreate(H5P_DATASET_CREATE);
  const hsize_t chunk[2] = {64, 64};
  H5Pset_chunk(packed, 2, chunk);
  H5Pset_shuffle(packed);
  H5Pset_deflate(packed, 6);
  H5Pset_fletcher32(packed);
  H5Pset_layout(compact, H5D_COMPACT);
  file.dataset("packed", H5T_NATIVE_FLOAT, {100, 200}, values.data(), -1, packed);
  file.dataset("compact", H5T_NATIVE_FLOAT, {4, 5}, values.data(), -1, compact);
  file.dataset("plain", H5T_NATIVE_FLOAT, {10, 10}, values.data());
  file.dataset("text", variable_text(H5T_CSET_UTF8), {}, &text);
  file.attribute("text", variable_text(H5T_CSET_UTF8), {}, &text);
  H5Fflush(file.id(), H5F_SCOPE_GLOBAL);
  return contents(path);
}

/// Reads all that is there in several ways; false when the numbers of "packed" were refused.
bool read_everything(const std::string& path) {
  try {
    const Hdf5Reader reader(path);
    const auto attempt = [](const auto& read) {
      try {
        read();
      } catch (const FormatError&) {
      }
    };
    for (const std::string& name : reader.datasets()) {
      attempt([&] { reader.read<std::complex<double>>(name); });
      attempt([&] { reader.read<std::int64_t>(name); });
      attempt([&] { reader.read_text(name); });
    }
    for (const std::string& name : reader.attributes())
      attempt([&] { reader.attribute_as_text("/", name); });
    reader.read<float>("packed");
    return true;
  } catch (const FormatError&) {
    return false;
  }
}

}  // namespace

TEST_CASE("hdf5 hostile: damaged heaps and references of texts are refused") {
  const ScratchFolder folder;
  const std::string path = folder / "a.h5", good = varied_file(path);
  CHECK(Hdf5Reader(path).read_text("text") == "a text of variable length");
  CHECK(Hdf5Reader(path).text_attribute("/", "text") == "a text of variable length");
  const auto refused_with = [&](std::size_t position, char value) {
    std::string bad = good;
    bad[position] = value;
    put(path, bad);
    return refusal([&] { Hdf5Reader(path).read_text("text"); }) +
           refusal([&] { Hdf5Reader(path).text_attribute("/", "text"); });
  };
  const std::size_t heap = good.find("GCOL");
  REQUIRE(heap != std::string::npos);
  CHECK(contains(refused_with(heap, 'X'), "the heap of its text is damaged"));
  CHECK(contains(refused_with(heap + 9, '\x7f'), "the heap of its text is damaged"));
  CHECK(contains(refused_with(heap + 16, 7), "the reference to its text is damaged"));
  CHECK(contains(refused_with(heap + 24, 26), "the reference to its text is damaged"));
  CHECK(contains(refused_with(heap + 25, 16), "the heap of its text is damaged"));
}

TEST_CASE("hdf5 hostile: a chunk that unpacks to another length is refused") {
  const ScratchFolder folder;
  const std::string path = folder / "a.h5", good = varied_file(path);
  CHECK(Hdf5Reader(path).read<float>("packed")[201] == 1.0f);
  // the B-tree's record of a chunk: stored length, skipped filters, offsets; two chunks a column
  const std::size_t tree = good.find(std::string("TREE\1", 5));
  REQUIRE(tree != std::string::npos);
  const std::size_t mask = tree + 24 + 4;
  REQUIRE(good.substr(mask, 4) == std::string(4, '\0'));
  std::string bad = good;
  bad[mask] = 2;  // "not compressed"
  put(path, bad);
  CHECK(contains(refusal([&] { Hdf5Reader(path).read<float>("packed"); }),
                 "has not the length it should"));
}

TEST_CASE("hdf5 hostile: random edits are refused or read, and nothing else happens") {
  const ScratchFolder folder;
  const std::string path = folder / "a.h5", good = varied_file(path);
  const pid_t child = ::fork();  // a crash in it is seen, and what the C library loses stays there
  REQUIRE(child >= 0);
  if (child == 0) {
    int refused = 0;
    try {
      std::mt19937 random(11);
      for (int i = 0; i < 200; ++i) {
        std::string bad = good;
        for (int k = 0; k < 3; ++k) {
          const std::size_t position = random() % good.size();
          bad[position] = static_cast<char>(random() % 256);
        }
        put(path, bad);
        refused += read_everything(path) ? 0 : 1;
      }
    } catch (...) {
      ::_exit(255);
    }
    ::_exit(refused);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) > 20);  // fletcher32 alone finds every edit inside a chunk
  CHECK(WEXITSTATUS(status) <= 200);
}

TEST_CASE("hdf5 hostile: the program's own error handler is left as it was") {
  const ScratchFolder folder;
  Foreign(folder / "a.h5").attribute("a", H5T_NATIVE_INT, {}, folder.path().data());
  H5E_auto2_t before = nullptr, after = nullptr;
  void* data = nullptr;
  H5Eget_auto2(H5E_DEFAULT, &before, &data);
  const Hdf5Reader reader(folder / "a.h5");
  CHECK_FALSE(refusal([&] { reader.read<float>("none"); }).empty());
  H5Eget_auto2(H5E_DEFAULT, &after, &data);
  CHECK((before == after));
}
