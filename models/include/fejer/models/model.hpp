#pragma once
/// Any model that a file can hold, and what can be done with it.
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <fejer/denoiser.hpp>
#include <fejer/models/dncnn.hpp>
#include <fejer/models/fully_connected_network.hpp>
#include <fejer/models/gradient_step_drunet.hpp>
#include <fejer/models/lipschitz_cnn.hpp>
#include <fejer/models/patch_denoiser.hpp>
#include <fejer/models/ridge_denoiser.hpp>
#include <fejer/models/unrolled_pgd.hpp>

namespace fejer {

/// Where a model comes from, for people; not used in any computation.
struct ModelOrigin {
  std::string source;  ///< repository, path, commit
  std::string name;
};

template <class T>
struct Model {
  std::variant<RidgeRegulariser<T>, CrrTStepDenoiser<T>, LipschitzCnn<T>, UnrolledPgd<T>,
               FullyConnectedNetwork<T>, Drunet<T>, GradientStepDrunet<T>, Dncnn<T>,
               PatchDenoiser<T>>
      value;
  ModelOrigin origin;

  /// "ridge", "crr-tstep", "lipschitz-cnn", "unrolled-pgd", "fully-connected",
  /// "drunet", "gsdrunet", "dncnn" or "patch-denoiser".
  std::string kind() const;
  /// The regulariser of a ridge or crr-tstep model; throws ArgumentError for others.
  const RidgeRegulariser<T>& ridge() const;
  bool is_ridge() const;
  /// Throws ArgumentError for models of other kinds.
  const UnrolledPgd<T>& unrolled() const;
  /// The one noise level the model takes as a denoiser, or none if it takes any.
  std::optional<double> noise_level() const;
};

/// ridge: the proximal denoiser with these options; others: the network itself. With `certify` a
/// Lipschitz CNN is divided by its proven bound (see `certified`). Throws ArgumentError for
/// unrolled-pgd, which reconstructs from measurements, and for fully connected networks, which are
/// no denoisers of images.
template <class T>
Denoiser<T> make_denoiser(const Model<T>& model, const RidgeDenoiserOptions& options = {},
                          bool certify = false);

/// Facts about a model, (key, value), in the order in which to print them: kind, size, noise
/// levels, bounds, the certificate's kind and text.
template <class T>
std::vector<std::pair<std::string, std::string>> describe(const Model<T>& model);

extern template struct Model<float>;
extern template struct Model<double>;

}  // namespace fejer
