#pragma once
/// Small random DRUNets that need no data.
#include <fejer/models/drunet.hpp>

#include "small_models.hpp"

namespace fejer_test {

inline DrunetOptions small_drunet_options(DrunetActivation activation = DrunetActivation::relu,
                                          Index image_channels = 1, Index blocks = 1) {
  return {image_channels, {4, 6, 5, 8}, blocks, activation};
}

/// He initialisation, halved in the second convolutions of blocks, so that values stay about 1.
inline std::vector<Array<double>> random_drunet_weights(const DrunetOptions& options) {
  std::vector<Array<double>> weights;
  for (const auto& [name, shape] : drunet_weights(options)) {
    const double fan = static_cast<double>(shape[1] * shape[2] * shape[3]);
    const double half = name.find("res.2") != std::string::npos ? 0.5 : 1;
    weights.push_back(random_array(shape, name, half * std::sqrt(2 / fan)));
  }
  return weights;
}

template <class T = double>
Drunet<T> small_drunet(const DrunetOptions& options = small_drunet_options()) {
  return Drunet<T>(options, random_drunet_weights(options));
}

}  // namespace fejer_test
