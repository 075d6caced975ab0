// fejer evaluate: PSNR and SSIM of a denoiser over a set of images.
#include <fejer/files.hpp>
#include <fejer/models/model_file.hpp>
#include <fejer/models/training/dataset.hpp>

#include "console.hpp"
#include "data_folder.hpp"
#include "evaluation.hpp"
#include "record.hpp"
#include "text.hpp"
#include "verb.hpp"

namespace fejer::command {
namespace {

using Json = nlohmann::ordered_json;

struct EvaluateFlags {
  std::string model, data, norm;
  std::vector<std::string> sigma;
  bool grey = false;
  EvaluationOptions options;
};

Outcome evaluate(const EvaluateFlags& f) {
  if (!f.norm.empty()) require_known("--norm", f.norm, {"as-published"});
  if (!(f.options.denoise.tolerance >= 0)) throw ArgumentError("--tolerance: cannot be negative");
  if (f.options.denoise.max_iterations < 1)
    throw ArgumentError("--max-iterations: at least 1 is needed");
  if (f.options.power_steps < 0) throw ArgumentError("--power-steps: cannot be negative");
  std::vector<double> levels;
  for (const std::string& text : f.sigma) levels.push_back(parse_sigma("--sigma", text));
  require_readable(f.model);
  const Model<float> model = load_model<float>(f.model);
  const Dataset set = open_images(with_data_folder(f.data), {.grey = f.grey});
  Outcome outcome;
  outcome.json = {{"model", f.model},        {"kind", model.kind()},
                  {"data", f.data},          {"pixels_sha256", set.sha256()},
                  {"images", set.size()},    {"seed", f.options.seed},
                  {"results", Json::array()}};
  EvaluationOptions options = f.options;
  options.denoise.as_published = !f.norm.empty();
  for (std::size_t k = 0; k < levels.size(); ++k) {
    const Json level = evaluate_denoiser(model, set, levels[k], options);
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
    if (level.contains("hessian_norm")) {
      std::snprintf(line, sizeof line, ", ||Hess g|| %.3f (at most %.3f)",
                    level["hessian_norm"]["mean"].get<double>(),
                    level["hessian_norm"]["largest"].get<double>());
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
  auto f = std::make_shared<EvaluateFlags>();
  verb.add_option("model", f->model, "Model file")->type_name("MODEL.h5")->required();
  verb.add_option("--data", f->data,
                  "Clean images: a data set D.h5, a folder of pictures, or F.h5:/dataset")
      ->type_name("DATA")
      ->required();
  verb.add_option("--sigma", f->sigma,
                  "Noise levels in the image's unit, as 15/255 25/255: noise of each is added")
      ->type_name("S")
      ->required();
  verb.add_option("--seed", f->options.seed, "Of the noise (default 0); image i has its own")
      ->type_name("N");
  verb.add_flag("--grey", f->grey, "Luma of colour images");
  verb.add_option("--tolerance", f->options.denoise.tolerance,
                  "On the relative change of an iteration (default 1e-4)")
      ->type_name("T");
  verb.add_option("--max-iterations", f->options.denoise.max_iterations, "Default 500")
      ->type_name("N");
  verb.add_option("--norm", f->norm, "as-published: estimated norms without their margin of 1 %")
      ->type_name("RULE");
  verb.add_option("--power-steps", f->options.power_steps,
                  "gsdrunet: also estimate the norm of the Hessian of g at each noisy image, from "
                  "below, by N steps of the power method")
      ->type_name("N");
  verb.footer("Example:\n  fejer evaluate wcrr.h5 --data set.h5 --sigma 15/255 25/255 --json");
  return [f](const Common&) { return evaluate(*f); };
}

}  // namespace fejer::command
