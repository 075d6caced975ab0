#pragma once
/// How close an image is to the truth.
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "pictures.hpp"

namespace fejer::command {

struct Quality {
  double data_range = 1;
  double psnr = 0;             ///< of |x| where the images are complex
  std::optional<double> ssim;  ///< likewise; none for images smaller than its window
  double nmse = 0;             ///< of the images themselves
};

/// The range that PSNR, SSIM and pictures refer to: 1 for real images with values in [0,1];
/// max |truth| for complex ones, and for ct where the truth is not in [0,1] or below 0.1 everywhere
/// (attenuation per pixel).
double data_range_of(const AnyArray& truth, const std::string& kind);

Quality measure_quality(const AnyArray& image, const AnyArray& truth, double data_range);

/// psnr, ssim, nmse, data_range; nulls where there is no truth.
nlohmann::ordered_json quality_json(const std::optional<Quality>& quality);

/// ", PSNR 30.12 dB, SSIM 0.912", or nothing.
std::string quality_text(const std::optional<Quality>& quality);

}  // namespace fejer::command
