#pragma once
/// Where the data sets of the experiments lie.
#include <string>

namespace fejer::command {

/// The environment variable FEJER_DATA, or ../shared/data beside the source folder.
std::string data_folder();

/// The path with data_folder() in the place of "$FEJER_DATA" at its head.
std::string with_data_folder(const std::string& path);

}  // namespace fejer::command
