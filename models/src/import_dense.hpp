#pragma once
/// Importers of networks of many convolutions; see fejer/models/import.hpp.
#include <fejer/models/import.hpp>

#include "state_dump.hpp"

namespace fejer::detail {

/// Sizes follow from the tensors' shapes; the tensors' names may have a common prefix. The last
/// argument is the activation where neither file nor options state one.
template <class T>
Drunet<T> import_drunet(Dump& dump, const ImportOptions& options, const std::string& activation);

/// Tensors model.0, model.2, ... with weight and bias, after a common prefix.
DncnnParameters import_dncnn(Dump& dump, const ImportOptions& options);

}  // namespace fejer::detail
