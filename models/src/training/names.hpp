#pragma once
/// Words for enumerators, at the border of files and command lines.
#include <algorithm>
#include <string>
#include <vector>

#include <fejer/error.hpp>
#include <fejer/files.hpp>

namespace fejer::detail {

/// The enumerator at the place of `name` in `names`.
template <class Kind>
Kind kind_from(const char* what, const std::string& name, const std::vector<std::string>& names) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) throw ArgumentError(unknown_name(what, name, names));
  return static_cast<Kind>(found - names.begin());
}

}  // namespace fejer::detail
