#pragma once
/// A small random DnCNN that needs no data.
#include <fejer/models/dncnn.hpp>

#include "small_models.hpp"

namespace fejer_test {

/// C -> 4 -> 4 -> C channels, 3 x 3, for the level 25/255.
inline DncnnParameters small_dncnn(Index image_channels) {
  DncnnParameters p;
  const Index c = image_channels;
  for (const Shape& shape : {Shape{4, c, 3, 3}, Shape{4, 4, 3, 3}, Shape{c, 4, 3, 3}}) {
    const std::string name = std::to_string(p.weights.size());
    p.weights.push_back(random_array(shape, "weight " + name, 0.3));
    p.biases.push_back(random_array({shape[0]}, "bias " + name, 0.1));
  }
  p.noise_level = 25.0 / 255;
  return p;
}

}  // namespace fejer_test
