#pragma once
/// Published weights (a plain HDF5 dump of a state dictionary) to Fejér models.
#include <optional>
#include <string>
#include <vector>

#include <fejer/models/model.hpp>

namespace fejer {

struct ImportOptions {
  /// Trained level in the image's unit, where the file does not state it (lipschitz-cnn,
  /// crr-tstep, dncnn).
  std::optional<double> noise_level;
  /// Modulus of weak convexity, where the file has no attribute rho_wcvx (ridge).
  std::optional<double> rho;
  /// Of the residual blocks, where the file has no such attribute (drunet, else relu; gsdrunet,
  /// else elu).
  std::optional<std::string> activation = {};
};

/// The names that import_model takes.
const std::vector<std::string>& import_architectures();

/// architecture: "ridge" (multi-noise WCRR-NN or CRR-NN), "crr-tstep" (the original CRR-NN),
/// "lipschitz-cnn", "drunet" or "gsdrunet" (a DRUNet as the potential of a gradient step; both of
/// any size, grey or colour; what comes before m_head.weight in the names may come before all), or
/// "dncnn" (model.0, model.2, ..., batch normalisation merged). Tensors lie at the top level or in
/// `state_dict`. Projects the splines, removes the filters' means, computes L anew by the power
/// method (some seconds); where the file has `derived/L` the two must agree within 1e-4, and the
/// stored one is used. Noise levels in such files are in 0..255.
template <class T>
Model<T> import_model(const std::string& path, const std::string& architecture,
                      const ImportOptions& options = {});

}  // namespace fejer
