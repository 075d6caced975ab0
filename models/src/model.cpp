#include <fejer/models/model.hpp>

namespace fejer {

template <class T>
std::string Model<T>::kind() const {
  static const char* const names[] = {"ridge", "crr-tstep", "lipschitz-cnn"};
  return names[value.index()];
}

template <class T>
bool Model<T>::is_ridge() const {
  return !std::holds_alternative<LipschitzCnn<T>>(value);
}

template <class T>
const RidgeRegulariser<T>& Model<T>::ridge() const {
  if (const auto* model = std::get_if<RidgeRegulariser<T>>(&value)) return *model;
  if (const auto* denoiser = std::get_if<CrrTStepDenoiser<T>>(&value)) return denoiser->model();
  throw ArgumentError("a model of kind " + kind() +
                      " is no regulariser; use it as a denoiser in plug-and-play");
}

template <class T>
std::optional<double> Model<T>::noise_level() const {
  if (const auto* denoiser = std::get_if<CrrTStepDenoiser<T>>(&value))
    return denoiser->noise_level();
  if (const auto* cnn = std::get_if<LipschitzCnn<T>>(&value)) return cnn->noise_level();
  return std::nullopt;
}

template <class T>
Denoiser<T> make_denoiser(const Model<T>& model, const RidgeDenoiserOptions& options,
                          bool certify) {
  if (const auto* ridge = std::get_if<RidgeRegulariser<T>>(&model.value))
    return RidgeDenoiser<T>(*ridge, options);
  if (const auto* cnn = std::get_if<LipschitzCnn<T>>(&model.value))
    return certify ? certified(*cnn) : *cnn;
  return std::get<CrrTStepDenoiser<T>>(model.value);
}

template struct Model<float>;
template struct Model<double>;
template Denoiser<float> make_denoiser(const Model<float>&, const RidgeDenoiserOptions&, bool);
template Denoiser<double> make_denoiser(const Model<double>&, const RidgeDenoiserOptions&, bool);

}  // namespace fejer
