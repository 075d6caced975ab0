#include "quality.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include <fejer/metrics.hpp>
#include <fejer/operators/measurement.hpp>
#include <fejer/vector.hpp>

namespace fejer::command {

double data_range_of(const AnyArray& truth, const std::string& kind) {
  const Array<float> modulus = magnitude(truth);
  const double largest = max_abs(ConstView<float>(modulus));
  const bool complex = kind == "mri";
  const auto [low, high] = std::minmax_element(modulus.begin(), modulus.end());
  const bool in_unit = modulus.size() > 0 && *low >= -1e-6f && *high <= 1 + 1e-6f && largest >= 0.1;
  if (complex || (kind == "ct" && !in_unit)) return largest > 0 ? largest : 1;
  return 1;
}

Quality measure_quality(const AnyArray& image, const AnyArray& truth, double data_range) {
  const Array<float> x = magnitude(image), reference = magnitude(truth);
  Quality q;
  q.data_range = data_range;
  q.psnr = psnr(x, reference, data_range);
  if (std::min(x.shape().back(0), x.shape().back(1)) >= 11) q.ssim = ssim(x, reference, data_range);
  using Complex = std::complex<float>;
  q.nmse = nmse(elements_as<Complex>(image), elements_as<Complex>(truth));
  return q;
}

nlohmann::ordered_json quality_json(const std::optional<Quality>& quality) {
  nlohmann::ordered_json j = {
      {"psnr", nullptr}, {"ssim", nullptr}, {"nmse", nullptr}, {"data_range", nullptr}};
  if (!quality) return j;
  j["psnr"] = quality->psnr;
  if (quality->ssim) j["ssim"] = *quality->ssim;
  j["nmse"] = quality->nmse;
  j["data_range"] = quality->data_range;
  return j;
}

std::string quality_text(const std::optional<Quality>& quality) {
  if (!quality) return "";
  char text[80];
  std::snprintf(text, sizeof text, ", PSNR %.2f dB", quality->psnr);
  std::string line = text;
  if (quality->ssim) {
    std::snprintf(text, sizeof text, ", SSIM %.4f", *quality->ssim);
    line += text;
  }
  return line;
}

}  // namespace fejer::command
