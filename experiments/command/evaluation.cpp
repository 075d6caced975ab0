#include "evaluation.hpp"

#include <algorithm>
#include <cmath>
#include <variant>

#include <fejer/rng.hpp>

#include "console.hpp"
#include "quality.hpp"

namespace fejer::command {
namespace {

using Json = nlohmann::ordered_json;

/// Sums over images, for means.
struct Sums {
  double psnr = 0, ssim = 0, noisy = 0, iterations = 0, hessian = 0, largest_hessian = 0;
  Index images = 0, with_ssim = 0, converged = 0;
};

/// ||Hess g|| at the image, from below.
double hessian_norm(const Model<float>& model, const Array<float>& image, Index index, double sigma,
                    const EvaluationOptions& options) {
  const auto* step = std::get_if<GradientStepDrunet<float>>(&model.value);
  if (step == nullptr)
    throw ArgumentError(
        "--power-steps: needs a gradient-step denoiser, a model of kind gsdrunet; got " +
        model.kind());
  Array<float> v(image.shape());
  fill_normal<float>(v, Rng(options.seed).stream("power method/" + std::to_string(index)));
  return std::abs(step->hessian_eigenvalue(image, sigma, v, options.power_steps, 0));
}

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
  Json json = {{"image", name},
               {"psnr", q.psnr},
               {"ssim", q.ssim ? Json(*q.ssim) : Json(nullptr)},
               {"noisy_psnr", before.psnr},
               {"iterations", d.iterations},
               {"status", to_string(d.status)}};
  if (options.power_steps == 0) return json;
  const double h = hessian_norm(model, noisy, index, sigma, options);
  json["hessian_norm"] = h;
  sums.hessian += h;
  sums.largest_hessian = std::max(sums.largest_hessian, h);
  return json;
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
  Json json = {{"sigma", sigma},
               {"psnr", sums.psnr / n},
               {"ssim", all ? Json(sums.ssim / n) : Json(nullptr)},
               {"noisy_psnr", sums.noisy / n},
               {"iterations", sums.iterations / n},
               {"converged", sums.converged},
               {"images", images}};
  if (options.power_steps > 0)
    json["hessian_norm"] = {{"mean", sums.hessian / n}, {"largest", sums.largest_hessian}};
  return json;
}

}  // namespace fejer::command
