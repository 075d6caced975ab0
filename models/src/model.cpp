#include <fejer/models/model.hpp>

namespace fejer {

template <class T>
std::string Model<T>::kind() const {
  static const char* const names[] = {"ridge",        "crr-tstep",       "lipschitz-cnn",
                                      "unrolled-pgd", "fully-connected", "drunet",
                                      "gsdrunet",     "dncnn",           "patch-denoiser"};
  return names[value.index()];
}

template <class T>
bool Model<T>::is_ridge() const {
  return std::holds_alternative<RidgeRegulariser<T>>(value) ||
         std::holds_alternative<CrrTStepDenoiser<T>>(value);
}

template <class T>
const UnrolledPgd<T>& Model<T>::unrolled() const {
  if (const auto* network = std::get_if<UnrolledPgd<T>>(&value)) return *network;
  throw ArgumentError("a model of kind " + kind() +
                      " is no unrolled network; use --prior model or pnp");
}

template <class T>
const RidgeRegulariser<T>& Model<T>::ridge() const {
  if (const auto* model = std::get_if<RidgeRegulariser<T>>(&value)) return *model;
  if (const auto* denoiser = std::get_if<CrrTStepDenoiser<T>>(&value)) return denoiser->model();
  const char* use = std::holds_alternative<UnrolledPgd<T>>(value) ? "use it with --prior unrolled"
                    : std::holds_alternative<FullyConnectedNetwork<T>>(value)
                        ? "expected ridge or crr-tstep"
                        : "use it as a denoiser in plug-and-play";
  throw ArgumentError("a model of kind " + kind() + " is no regulariser; " + use);
}

template <class T>
std::optional<double> Model<T>::noise_level() const {
  if (const auto* denoiser = std::get_if<CrrTStepDenoiser<T>>(&value))
    return denoiser->noise_level();
  if (const auto* cnn = std::get_if<LipschitzCnn<T>>(&value)) return cnn->noise_level();
  if (const auto* cnn = std::get_if<Dncnn<T>>(&value)) return cnn->noise_level();
  if (const auto* patches = std::get_if<PatchDenoiser<T>>(&value)) return patches->noise_level();
  return std::nullopt;
}

template <class T>
Denoiser<T> make_denoiser(const Model<T>& model, const RidgeDenoiserOptions& options,
                          bool certify) {
  if (const auto* ridge = std::get_if<RidgeRegulariser<T>>(&model.value))
    return RidgeDenoiser<T>(*ridge, options);
  if (const auto* cnn = std::get_if<LipschitzCnn<T>>(&model.value))
    return certify ? certified(*cnn) : *cnn;
  if (const auto* denoiser = std::get_if<CrrTStepDenoiser<T>>(&model.value)) return *denoiser;
  if (const auto* network = std::get_if<Drunet<T>>(&model.value)) return *network;
  if (const auto* step = std::get_if<GradientStepDrunet<T>>(&model.value)) return *step;
  if (const auto* network = std::get_if<Dncnn<T>>(&model.value)) return *network;
  if (const auto* patches = std::get_if<PatchDenoiser<T>>(&model.value)) return *patches;
  if (std::holds_alternative<UnrolledPgd<T>>(model.value))
    throw ArgumentError("a model of kind " + model.kind() +
                        " is no denoiser; it reconstructs measurements, with --prior unrolled");
  throw ArgumentError("a model of kind " + model.kind() +
                      " is no denoiser of images; expected ridge, crr-tstep, lipschitz-cnn, "
                      "drunet, gsdrunet, dncnn or patch-denoiser");
}

template struct Model<float>;
template struct Model<double>;
template Denoiser<float> make_denoiser(const Model<float>&, const RidgeDenoiserOptions&, bool);
template Denoiser<double> make_denoiser(const Model<double>&, const RidgeDenoiserOptions&, bool);

}  // namespace fejer
