#include "data_folder.hpp"

#include <cstdlib>

namespace fejer::command {

std::string data_folder() {
  const char* folder = std::getenv("FEJER_DATA");
  return folder != nullptr && *folder != '\0' ? folder : FEJER_DEFAULT_DATA;
}

std::string with_data_folder(const std::string& path) {
  const std::string name = "$FEJER_DATA";
  return path.starts_with(name) ? data_folder() + path.substr(name.size()) : path;
}

}  // namespace fejer::command
