#pragma once
#include <string>

namespace fejer {
/// "0.1.0".
std::string version();
/// Compiler and build flags, for records.
std::string build_description();
}  // namespace fejer
