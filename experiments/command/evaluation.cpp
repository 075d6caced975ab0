#include "evaluation.hpp"

#include <fejer/rng.hpp>

#include "console.hpp"
#include "quality.hpp"

namespace fejer::command {
namespace {

using Json = nlohmann::ordered_json;

/// Sums over images, for means.
struct Sums {
  double psnr = 0, ssim = 0, noisy = 0, iterations = 0;
  Index images = 0, with_ssim = 0, converged = 0;
};

Json evaluate_image(const Array<float>& truth, const std::string& name, Index index, double sigma,
                    const Model<float>& model, const EvaluationOptions& options, Sums& sums) {
  Array<float> noisy = truth;
  add_normal<float>(noisy, sigma, Rng(options.seed).stream("evaluate/" + std::to_string(index)));
  const Denoised d = denoise_image(noisy, model, sigma, options.denoise);
  const Quality q = measure_quality(d.image, truth, 1), before = measure_quality(noisy, truth, 1);
  sums.psnr += q.psnr;
  sums.noisy += before.psnr;
  sums.ssim += q.ssim.value_or(0);
  sums.with_ssim += q.ssim.has_value() ? 1 : 0;
  sums.iterations += static_cast<double>(d.iterations);
  sums.converged += d.status == Status::converged ? 1 : 0;
  ++sums.images;
  return {{"image", name},
          {"psnr", q.psnr},
          {"ssim", q.ssim ? Json(*q.ssim) : Json(nullptr)},
          {"noisy_psnr", before.psnr},
          {"iterations", d.iterations},
          {"status", to_string(d.status)}};
}

}  // namespace

Json evaluate_denoiser(const Model<float>& model, const Dataset& set, double sigma,
                       const EvaluationOptions& options) {
  Sums sums;
  Json images = Json::array();
  for (Index i = 0; i < set.size(); ++i) {
    images.push_back(
        evaluate_image(set.image(i), set.source(i).name, i, sigma, model, options, sums));
    stop_if_interrupted();
  }
  const double n = static_cast<double>(sums.images);
  const bool all = sums.with_ssim == sums.images;
  return {{"sigma", sigma},
          {"psnr", sums.psnr / n},
          {"ssim", all ? Json(sums.ssim / n) : Json(nullptr)},
          {"noisy_psnr", sums.noisy / n},
          {"iterations", sums.iterations / n},
          {"converged", sums.converged},
          {"images", images}};
}

}  // namespace fejer::command
