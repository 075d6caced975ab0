#pragma once
/// Small models made by hand, so that the command's tests need no data from outside.
#include <cmath>
#include <string>

#include <fejer/models/model_file.hpp>
#include <fejer/rng.hpp>

namespace fejer_test {

/// Two filters, the differences to the right and down; phi(t) = mu t on |t| <= 0.01, then falling
/// with slope -rho to 0 (rho > 0) or constant (rho = 0).
inline void write_ridge(const std::string& path, double rho) {
  using namespace fejer;
  RidgeParameters p;
  Array<double> kernel(Shape{2, 1, 3, 3});
  kernel[4] = -1, kernel[5] = 1;
  kernel[9 + 4] = -1, kernel[9 + 7] = 1;
  p.kernels = {kernel};
  p.norm_squared = 8;
  constexpr Index knots = 101;
  constexpr double mu = 20;
  p.x_min = -0.5, p.x_max = 0.5;
  p.profile = Array<double>(Shape{1, knots});
  for (Index k = 0; k < knots; ++k) {
    const double t = -0.5 + static_cast<double>(k) / 100, size = std::abs(t);
    double phi = size <= 0.01 ? mu * size : std::max(mu * 0.01 - rho * (size - 0.01), 0.0);
    p.profile[k] = t < 0 ? -phi : phi;
  }
  p.rho = rho;
  p.mu = mu;
  p.curvature = mu;
  NoiseScaling scaling;
  scaling.coefficients = Array<double>(Shape{2, 3}, 3.1);
  p.scaling = scaling;
  save_model(path, Model<double>{RidgeRegulariser<double>(p), {"by hand", "differences"}});
}

/// Two convolutions with ReLU; `gain` scales the second, whose network bound is about `gain`.
inline void write_cnn(const std::string& path, double gain) {
  using namespace fejer;
  LipschitzCnnParameters p;
  Array<double> first(Shape{2, 1, 3, 3}), second(Shape{1, 2, 3, 3});
  for (Index i = 0; i < 9; ++i) {
    first[i] = i == 4 ? 0.6 : 0.0;
    first[9 + i] = i == 4 ? -0.6 : 0.0;
    second[i] = gain / 9;
    second[9 + i] = -gain / 9;
  }
  p.weights = {first, second};
  p.biases = {Array<double>(Shape{2}), Array<double>(Shape{1})};
  p.noise_level = 10.0 / 255;
  save_model(path, Model<double>{LipschitzCnn<double>(p), {"by hand", "blur"}});
}

/// A DRUNet that gives its input: head and tail pass the image on, and the coarser levels, whose
/// `up` is 0, add nothing. With `gain` its output is that many times the input. `gradient_step`: as
/// the network of one.
inline void write_drunet(const std::string& path, fejer::Index image_channels, double gain = 1,
                         bool gradient_step = false) {
  using namespace fejer;
  const DrunetOptions o{image_channels, {4, 4, 4, 4}, 1, DrunetActivation::relu};
  std::vector<Array<double>> weights;
  for (const auto& [name, shape] : drunet_weights(o)) {
    Array<double> w(shape);
    if (name.starts_with("m_down")) fill_normal(View<double>(w), Rng(1).stream(name));
    // The output of level 1 is v + B'(...), B'(0) = 0, v the head's output.
    for (Index c = 0; c < image_channels; ++c) {
      if (name == "m_head.weight") w[(c * shape[1] + c) * 9 + 4] = 1;
      if (name == "m_tail.weight") w[(c * shape[1] + c) * 9 + 4] = gain;
    }
    weights.push_back(std::move(w));
  }
  const Drunet<double> network(o, weights);
  if (gradient_step)
    save_model(path, Model<double>{GradientStepDrunet<double>(network), {"by hand", "multiple"}});
  else
    save_model(path, Model<double>{network, {"by hand", "multiple"}});
}

}  // namespace fejer_test
