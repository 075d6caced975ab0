#include <sys/stat.h>

#include <fejer/error.hpp>
#include <fejer/files.hpp>
#include <fstream>
#include <stdexcept>

#include "data.hpp"
#include "file_tools.hpp"

using namespace fejer;
using namespace fejer_test;
namespace fs = std::filesystem;

namespace {}  // namespace

TEST_CASE("files: an atomic write replaces the whole file and leaves nothing else") {
  const ScratchFolder folder;
  const std::string path = folder / "a.txt";
  write_text(path, "first");
  CHECK(contents(path) == "first");
  write_text(path, "2");
  CHECK(contents(path) == "2");
  write_text(path, "");
  CHECK(contents(path).empty());
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("files: the temporary file lies in the same folder, the old one stays until the end") {
  const ScratchFolder folder;
  const std::string path = folder / "a.txt";
  write_text(path, "old");
  write_atomically(path, [&](const std::string& temporary) {
    CHECK(fs::path(temporary).parent_path() == fs::path(path).parent_path());
    std::ofstream(temporary) << "new";
    CHECK(contents(path) == "old");
    CHECK(entries(folder.path()) == 2);
  });
  CHECK(contents(path) == "new");
}

TEST_CASE("files: after an exception the folder is as before") {
  const ScratchFolder folder;
  const std::string path = folder / "a.txt";
  const auto fails = [](const std::string& temporary) {
    std::ofstream(temporary) << "half";
    throw std::runtime_error("stopped");
  };
  CHECK_THROWS_WITH(write_atomically(path, fails), "stopped");
  CHECK(entries(folder.path()) == 0);
  write_text(path, "old");
  CHECK_THROWS_WITH(write_atomically(path, fails), "stopped");
  CHECK(contents(path) == "old");
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("files: two writers of one name do not disturb each other") {
  const ScratchFolder folder;
  const std::string path = folder / "a.txt";
  write_atomically(path, [&](const std::string& outer) {
    write_atomically(path, [&](const std::string& inner) {
      CHECK(outer != inner);
      std::ofstream(inner) << "inner";
    });
    std::ofstream(outer) << "outer";
  });
  CHECK(contents(path) == "outer");
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("files: a symbolic link stays and its target is replaced") {
  const ScratchFolder folder;
  write_text(folder / "target.txt", "old");
  fs::create_symlink("target.txt", folder / "link.txt");
  write_text(folder / "link.txt", "new");
  CHECK(fs::is_symlink(folder / "link.txt"));
  CHECK(contents(folder / "target.txt") == "new");
}

TEST_CASE("files: names that cannot be written are refused with the reason") {
  const ScratchFolder folder;
  CHECK_THROWS_WITH_AS(require_writable(""), "no file name given for the output", ArgumentError);
  CHECK_THROWS_WITH_AS(require_writable(folder.path()),
                       (folder.path() + ": is a folder, expected a file name").c_str(),
                       ArgumentError);
  CHECK_THROWS_WITH_AS(require_writable(folder / "no/a.h5"),
                       ((folder / "no/a.h5") + ": cannot be written: there is no folder " +
                        (folder / "no") + "; make it first")
                           .c_str(),
                       ArgumentError);
  CHECK_THROWS_WITH_AS(require_writable("/dev/null"), "/dev/null: is not a regular file",
                       ArgumentError);
  CHECK_THROWS_AS(require_writable("/proc/a.h5"), ArgumentError);
  CHECK_THROWS_AS(require_writable(folder / std::string(300, 'a')), ArgumentError);
  write_text(folder / "file", "");
  CHECK_THROWS_AS(require_writable(folder / "file/a.h5"), ArgumentError);
  CHECK_THROWS_AS(write_text("/proc/a.txt", "x"), ArgumentError);
  CHECK_NOTHROW(require_writable(folder / std::string(255, 'a')));
  CHECK_NOTHROW(require_writable(folder / "file"));
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("files: unreadable files are refused with the reason") {
  const ScratchFolder folder;
  const std::string path = folder / "a.txt";
  CHECK_THROWS_WITH_AS(require_readable(path), (path + ": no such file").c_str(), FormatError);
  CHECK_THROWS_WITH_AS(require_readable(folder.path()),
                       (folder.path() + ": is a folder, expected a file").c_str(), FormatError);
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK_THROWS_AS(require_readable(folder / "pipe"), FormatError);  // and does not wait for it
  write_text(path, "x");
  CHECK_NOTHROW(require_readable(path));
  CHECK_THROWS_AS(require_readable(path + "/b"), FormatError);
}

TEST_CASE("files: an error is one line, whatever the name") {
  try {
    require_readable("a\nb\x1b[31m");
    FAIL("no error");
  } catch (const FormatError& error) {
    CHECK(std::string(error.what()) == "a?b?[31m: no such file");
  }
}

TEST_CASE("files: sha256 gives the published values") {
  // FIPS 180-4, examples of the standard
  CHECK(sha256("abc", 3) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256(nullptr, 0) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  const std::string million(1000000, 'a');
  const char* expected = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
  CHECK(sha256(million.data(), million.size()) == expected);
  const ScratchFolder folder;
  write_text(folder / "a", "12345" + million);
  CHECK(sha256_of_file(folder / "a", 5) == expected);
  CHECK(sha256_of_file(folder / "a", 2000000) == sha256(nullptr, 0));
  CHECK_THROWS_AS(sha256_of_file(folder / "b"), FormatError);
}

TEST_CASE("files: an unknown name is answered with the nearest one") {
  const std::vector<std::string> known = {"denoise", "blur", "mri", "ct"};
  CHECK(unknown_name("operator", "blurr", known) ==
        "unknown operator 'blurr'; expected one of denoise, blur, mri, ct; did you mean blur?");
  CHECK(unknown_name("operator", "radar", known) ==
        "unknown operator 'radar'; expected one of denoise, blur, mri, ct");
  CHECK(nearest_name("MRI", known) == "mri");
  CHECK(nearest_name("mir", known) == "mri");  // one swap
  CHECK(nearest_name("dnoise", known) == "denoise");
  CHECK(nearest_name("x", known).empty());
  CHECK(nearest_name("", known).empty());
  CHECK(nearest_name("blur", {}).empty());
}
