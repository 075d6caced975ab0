// fejer denoise: argmin over x of 1/2 ||x - y||^2 + R(x; sigma), channel by channel, or the output
// of a denoising network.
#include <fejer/files.hpp>
#include <fejer/models/model_file.hpp>
#include <fejer/vector.hpp>

#include "console.hpp"
#include "data_folder.hpp"
#include "denoise_image.hpp"
#include "pictures.hpp"
#include "quality.hpp"
#include "record.hpp"
#include "text.hpp"
#include "verb.hpp"

namespace fejer::command {
namespace {

using Json = nlohmann::ordered_json;

struct DenoiseFlags {
  std::string in, model, sigma, out, truth, norm;
  double tolerance = denoise_tolerance;
  Index max_iterations = denoise_max_iterations;
};

void check(const DenoiseFlags& f) {
  parse_sigma("--sigma", f.sigma);
  if (!f.norm.empty()) require_known("--norm", f.norm, {"as-published"});
  if (!(f.tolerance >= 0)) throw ArgumentError("--tolerance: cannot be negative");
  if (f.max_iterations < 1) throw ArgumentError("--max-iterations: at least 1 is needed");
  require_image_source("IN", f.in);
  require_readable(f.model);
  if (!f.truth.empty()) require_image_source("--truth", f.truth);
  require_image_destination("--out", f.out);
  require_no_input("--out", f.out, {f.in, f.model, f.truth});
}

Outcome denoise(const DenoiseFlags& f) {
  check(f);
  const double sigma = parse_sigma("--sigma", f.sigma);
  const Array<float> noisy = read_real_image("IN", f.in);
  std::optional<AnyArray> truth;
  if (!f.truth.empty()) {
    truth = read_real_image("--truth", f.truth);
    require_shape("--truth", shape_of(*truth), noisy.shape());
  }
  if (const double largest = max_abs(ConstView<float>(noisy)); largest >= 5)
    note("fejer denoise: intensities reach " + short_number(largest) +
         ", but models expect [0,1]: divide by the largest possible value");
  const Model<float> model = load_model<float>(f.model);
  stop_if_interrupted();
  const Denoised d = denoise_image(noisy, model, sigma,
                                   {.tolerance = f.tolerance,
                                    .max_iterations = f.max_iterations,
                                    .as_published = !f.norm.empty(),
                                    .progress = true});
  stop_if_interrupted();
  std::optional<Quality> quality;
  if (truth) quality = measure_quality(d.image, *truth, data_range_of(*truth, "denoise"));
  Outcome outcome;
  outcome.code = d.status == Status::converged ? exit_code::done : exit_code::not_converged;
  Json& j = outcome.json = quality_json(quality);
  j["iterations"] = d.iterations;
  j["status"] = to_string(d.status);
  j["cause"] = d.cause;
  j["seconds"] = d.seconds;
  j["objective"] = d.objective;
  j["residual"] = d.residual;
  j["step_size"] = d.step_size ? Json(*d.step_size) : Json(nullptr);
  j["certificate"] = certificate_json(d.certificate);
  j["algorithm"] = d.algorithm;
  j["sigma"] = sigma;
  j["out"] = f.out;
  outcome.text = d.algorithm + ": " + to_string(d.status) + " after " +
                 std::to_string(d.iterations) + " iterations, " + short_number(d.seconds) + " s" +
                 quality_text(quality) + "\n";
  if (!all_finite(d.image)) {
    note("fejer denoise: diverged, nothing written: " + d.cause);
    j["out"] = nullptr;
    outcome.code = exit_code::not_converged;
    return outcome;
  }
  if (d.status != Status::converged)
    note("fejer denoise: " + std::string(to_string(d.status)) + ": " + d.cause);
  write_image(f.out, d.image, 1,
              {{"sigma", sigma},
               {"iterations", static_cast<double>(d.iterations)},
               {"status", std::string(to_string(d.status))}});
  return outcome;
}

}  // namespace

Action add_denoise(CLI::App& verb) {
  auto f = std::make_shared<DenoiseFlags>();
  verb.add_option("in", f->in,
                  "Noisy image: a picture or F.h5:/dataset; colour is denoised channel by channel, "
                  "unless the model takes colour")
      ->type_name("IN")
      ->required();
  verb.add_option("--model", f->model, "Model file (default: the WCRR that comes with Fejér)")
      ->type_name("MODEL.h5");
  verb.add_option("--sigma", f->sigma,
                  "Standard deviation of the noise in the image's unit, as 25/255")
      ->type_name("S")
      ->required();
  verb.add_option("--out", f->out, "X.h5 (all values, /image), X.png or X.jpg")
      ->type_name("OUT")
      ->required();
  verb.add_option("--truth", f->truth, "Clean image to compare with")->type_name("T");
  verb.add_option("--tolerance", f->tolerance,
                  "On the relative change of an iteration (default 1e-4)")
      ->type_name("T");
  verb.add_option("--max-iterations", f->max_iterations, "Default 500")->type_name("N");
  verb.add_option("--norm", f->norm, "as-published: estimated norms without their margin of 1 %")
      ->type_name("RULE");
  verb.footer("Example:\n  fejer denoise noisy.png --sigma 25/255 --out clean.png");
  return [f](const Common&) {
    if (f->model.empty()) f->model = default_model();
    return denoise(*f);
  };
}

}  // namespace fejer::command
