#pragma once
/// One-line messages put together from text and numbers.
#include <sstream>
#include <string>

namespace fejer {

template <class... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream stream;
  (stream << ... << parts);
  return stream.str();
}

}  // namespace fejer
