#pragma once
/// Where real data lies: FEJER_DATA, by default ../shared/data beside the source folder. A test
/// that needs it starts with `if (!fejer_test::have_data()) return;`, which says that it skips;
/// with FEJER_REQUIRE_DATA=1 a skip is a failure.
#include <cstdlib>
#include <filesystem>
#include <string>

#include <doctest/doctest.h>

namespace fejer_test {

std::string source_folder();
/// The built command `fejer`; empty where the build leaves it out.
std::string command_file();

inline std::string data_folder() {
  const char* folder = std::getenv("FEJER_DATA");
  return folder != nullptr && *folder != '\0' ? folder : source_folder() + "/../shared/data";
}

inline std::string data(const std::string& file) { return data_folder() + "/" + file; }

/// A published model, or its golden outputs.
inline std::string reference_model(const std::string& name) {
  return data("reference_models/" + name + ".h5");
}

inline bool have_data() {
  if (std::filesystem::is_directory(data_folder())) return true;
  const char* required = std::getenv("FEJER_REQUIRE_DATA");
  const bool fail = required != nullptr && std::string(required) == "1";
  if (fail) FAIL("no data in " << data_folder() << " and FEJER_REQUIRE_DATA=1");
  MESSAGE("skipped: no data in " << data_folder() << " (set FEJER_DATA)");
  return false;
}

/// A file name in a scratch folder of this process, removed by the destructor.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "fejer-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) FAIL("cannot make a scratch folder");
    path_ = name;
  }
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace fejer_test
