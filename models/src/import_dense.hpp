#pragma once
/// Importers of networks of many convolutions; see fejer/models/import.hpp.
#include <fejer/models/import.hpp>

#include "state_dump.hpp"

namespace fejer::detail {

/// Sizes follow from the tensors' shapes; the tensors' names may have a common prefix.
template <class T>
Drunet<T> import_drunet(Dump& dump, const ImportOptions& options);

}  // namespace fejer::detail
