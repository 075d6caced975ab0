// fejer evaluate: PSNR and SSIM of a denoiser over a set of images.
#include <cmath>

#include <fejer/files.hpp>
#include <fejer/models/model_file.hpp>
#include <fejer/models/training/dataset.hpp>
#include <fejer/rng.hpp>

#include "console.hpp"
#include "data_folder.hpp"
#include "denoise_image.hpp"
#include "quality.hpp"
#include "record.hpp"
#include "text.hpp"
#include "verb.hpp"

namespace fejer::command {
namespace {

using Json = nlohmann::ordered_json;

struct Flags {
  std::string model, data, norm;
  std::vector<std::string> sigma;
  std::uint64_t seed = 0;
  bool grey = false;
  DenoiseOptions denoise;
};

/// Sums over images, for means.
struct Sums {
  double psnr = 0, ssim = 0, noisy = 0, iterations = 0;
  Index images = 0, with_ssim = 0, converged = 0;
};

Json evaluate_image(const Array<float>& truth, const std::string& name, Index index, double sigma,
                    const Model<float>& model, const Flags& f, Sums& sums) {
  Array<float> noisy = truth;
  add_normal<float>(noisy, sigma, Rng(f.seed).stream("evaluate/" + std::to_string(index)));
  const Denoised d = denoise_image(noisy, model, sigma, f.denoise);
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

Json evaluate_level(const Dataset& set, double sigma, const Model<float>& model, const Flags& f) {
  Sums sums;
  Json images = Json::array();
  for (Index i = 0; i < set.size(); ++i) {
    images.push_back(evaluate_image(set.image(i), set.source(i).name, i, sigma, model, f, sums));
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

Outcome evaluate(const Flags& f) {
  if (!f.norm.empty()) require_known("--norm", f.norm, {"as-published"});
  if (!(f.denoise.tolerance >= 0)) throw ArgumentError("--tolerance: cannot be negative");
  if (f.denoise.max_iterations < 1) throw ArgumentError("--max-iterations: at least 1 is needed");
  std::vector<double> levels;
  for (const std::string& text : f.sigma) levels.push_back(parse_sigma("--sigma", text));
  require_readable(f.model);
  const Model<float> model = load_model<float>(f.model);
  const Dataset set = open_images(with_data_folder(f.data), {.grey = f.grey});
  Outcome outcome;
  outcome.json = {{"model", f.model},        {"kind", model.kind()},
                  {"data", f.data},          {"pixels_sha256", set.sha256()},
                  {"images", set.size()},    {"seed", f.seed},
                  {"results", Json::array()}};
  Flags flags = f;
  flags.denoise.as_published = !f.norm.empty();
  for (std::size_t k = 0; k < levels.size(); ++k) {
    const Json level = evaluate_level(set, levels[k], model, flags);
    outcome.json["results"].push_back(level);
    if (level["converged"] != set.size()) outcome.code = exit_code::not_converged;
    char line[200];
    std::snprintf(line, sizeof line, "sigma %s: PSNR %.3f dB (noisy %.3f)", f.sigma[k].c_str(),
                  level["psnr"].get<double>(), level["noisy_psnr"].get<double>());
    outcome.text += line;
    if (!level["ssim"].is_null()) {
      std::snprintf(line, sizeof line, ", SSIM %.4f", level["ssim"].get<double>());
      outcome.text += line;
    }
    std::snprintf(line, sizeof line, ", mean over %td images\n", set.size());
    outcome.text += line;
  }
  if (outcome.code != exit_code::done)
    note("fejer evaluate: some images did not converge; see --json for which");
  return outcome;
}

}  // namespace

Action add_evaluate(CLI::App& verb) {
  auto f = std::make_shared<Flags>();
  verb.add_option("model", f->model, "Model file")->type_name("MODEL.h5")->required();
  verb.add_option("--data", f->data,
                  "Clean images: a data set D.h5, a folder of pictures, or F.h5:/dataset")
      ->type_name("DATA")
      ->required();
  verb.add_option("--sigma", f->sigma,
                  "Noise levels in the image's unit, as 15/255 25/255: noise of each is added")
      ->type_name("S")
      ->required();
  verb.add_option("--seed", f->seed, "Of the noise (default 0); image i has its own")
      ->type_name("N");
  verb.add_flag("--grey", f->grey, "Luma of colour images");
  verb.add_option("--tolerance", f->denoise.tolerance,
                  "On the relative change of an iteration (default 1e-4)")
      ->type_name("T");
  verb.add_option("--max-iterations", f->denoise.max_iterations, "Default 500")->type_name("N");
  verb.add_option("--norm", f->norm, "as-published: estimated norms without their margin of 1 %")
      ->type_name("RULE");
  verb.footer("Example:\n  fejer evaluate wcrr.h5 --data set.h5 --sigma 15/255 25/255 --json");
  return [f](const Common&) { return evaluate(*f); };
}

}  // namespace fejer::command
