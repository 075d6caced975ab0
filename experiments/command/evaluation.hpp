#pragma once
/// A denoiser over a set of images: how `fejer evaluate` and the experiments do it.
#include <cstdint>
#include <nlohmann/json.hpp>

#include <fejer/models/training/dataset.hpp>

#include "denoise_image.hpp"

namespace fejer::command {

struct EvaluationOptions {
  std::uint64_t seed = 0;  ///< of the noise; image i has its own
  DenoiseOptions denoise{};
  Index power_steps = 0;  ///< > 0: also estimate ||Hess g|| at each noisy image with so many
};

/// Noise of standard deviation sigma is added to each image, the model takes it away. sigma, psnr,
/// ssim (null where an image is smaller than its window), noisy_psnr and iterations (means),
/// converged (how many), images (each by itself); with power_steps, which need a gradient-step
/// denoiser (ArgumentError), also the mean and the largest hessian_norm. Range 1, before any
/// clipping. Throws Interrupted.
nlohmann::ordered_json evaluate_denoiser(const Model<float>& model, const Dataset& set,
                                         double sigma, const EvaluationOptions& options = {});

}  // namespace fejer::command
