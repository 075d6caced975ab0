#include "data_folder.hpp"

#include <cstdlib>
#include <filesystem>

namespace fejer::command {

std::string source_folder() { return FEJER_SOURCE_FOLDER; }

std::string data_folder() {
  const char* folder = std::getenv("FEJER_DATA");
  return folder != nullptr && *folder != '\0' ? folder : source_folder() + "/../shared/data";
}

std::string with_data_folder(const std::string& path) {
  const std::string name = "$FEJER_DATA";
  return path.starts_with(name) ? data_folder() + path.substr(name.size()) : path;
}

std::string default_model() {
  const std::string name = "wcrr_photographs.h5";
  std::error_code failed;  // no /proc: the source folder remains
  const auto command = std::filesystem::read_symlink("/proc/self/exe", failed);
  const auto installed = command.parent_path().parent_path() / "share/fejer" / name;
  return std::filesystem::exists(installed, failed) ? installed.string()
                                                    : source_folder() + "/models/weights/" + name;
}

}  // namespace fejer::command
