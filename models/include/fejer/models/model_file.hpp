#pragma once
/// Self-describing model files: HDF5, format "fejer-model", version 1.
///   /            attributes format, format_version, model (kind), name, source
///   /config      attributes: every number that is not an array
///   /parameters  one dataset for each array, float64
///   /certificate attributes: what the writer computed (bounds, slopes), weights_sha256
#include <string>

#include <fejer/models/model.hpp>

namespace fejer {

template <class T>
void save_model(const std::string& path, const Model<T>& model);

/// Strict: a missing, extra or misshapen object, a value that is not finite, or a claim in
/// /certificate that the recomputed bounds do not bear out is a FormatError that names it. The
/// spectral norm of multi-convolutions is checked by a short Lanczos run (within 2 %), all else to
/// rounding; takes well below a second.
template <class T>
Model<T> load_model(const std::string& path);

}  // namespace fejer
