// fejer denoise: argmin over x of 1/2 ||x - y||^2 + R(x; sigma), channel by channel, or the output
// of a denoising network.
#include <algorithm>
#include <chrono>
#include <cmath>

#include <fejer/files.hpp>
#include <fejer/models/model_file.hpp>
#include <fejer/operators/identity.hpp>
#include <fejer/vector.hpp>

#include "console.hpp"
#include "defaults.hpp"
#include "pictures.hpp"
#include "quality.hpp"
#include "record.hpp"
#include "solver.hpp"
#include "text.hpp"
#include "verb.hpp"

namespace fejer::command {
namespace {

using Json = nlohmann::ordered_json;

struct Flags {
  std::string in, model, sigma, out, truth, norm;
  double tolerance = denoise_tolerance;
  Index max_iterations = denoise_max_iterations;
};

void check(const Flags& f) {
  parse_sigma("--sigma", f.sigma);
  if (!f.norm.empty()) require_known("--norm", f.norm, {"as-published"});
  if (!(f.tolerance >= 0)) throw ArgumentError("--tolerance: cannot be negative");
  if (f.max_iterations < 1) throw ArgumentError("--max-iterations: at least 1 is needed");
  require_image_source("IN", f.in);
  require_readable(f.model);
  if (!f.truth.empty()) require_image_source("--truth", f.truth);
  require_image_destination("--out", f.out);
}

/// All channels together: sums, and the worst verdict.
struct Denoised {
  Array<float> image;
  Status status = Status::converged;
  std::string cause, algorithm;
  Index iterations = 0;
  double seconds = 0, objective = 0, residual = 0;
  std::optional<double> step_size;
  Certificate certificate;
};

Denoised by_minimising(const Array<float>& noisy, const Model<float>& model, double sigma,
                       const Flags& f) {
  Method method;
  method.prior = "model";
  method.sigma = sigma;
  method.as_published = !f.norm.empty();
  method.run.tolerance = f.tolerance;
  method.run.max_iterations = f.max_iterations;
  const Index channels = noisy.shape()[0];
  const Shape plane{1, noisy.shape()[1], noisy.shape()[2]};
  Denoised all;
  all.image = Array<float>(noisy.shape());
  for (Index c = 0; c < channels; ++c) {
    Problem<float> problem{
        Identity<float>(plane), Array<float>(noisy.slice(c)).reshaped(plane), {}, true, 0};
    problem.start = problem.y;
    Progress progress(channels == 1 ? "denoising" : "denoising channel " + std::to_string(c + 1),
                      f.max_iterations, f.tolerance);
    Solution<float> s = solve<float>(problem, &model, method, {watch<float>(progress)});
    stop_if_interrupted();
    copy<float>(ConstView<float>(s.result.x).reshaped(Shape{plane[1], plane[2]}),
                all.image.slice(c));
    if (c == 0 || all.status == Status::converged) {
      all.status = s.result.status;
      all.cause = s.result.cause;
    }
    all.iterations = std::max(all.iterations, s.result.iterations);
    all.residual = std::max(all.residual, s.result.residual);
    all.seconds += s.result.seconds;
    all.objective += s.result.objective;
    all.step_size = s.step_size;
    all.certificate = s.certificate;
    all.algorithm = s.algorithm;
  }
  return all;
}

Denoised by_network(const Array<float>& noisy, const Model<float>& model, double sigma) {
  const Denoiser<float> denoiser = make_denoiser(model);
  const auto start = std::chrono::steady_clock::now();
  Denoised d;
  d.image = Array<float>(noisy.shape());
  denoiser.denoise(noisy, sigma, d.image);
  d.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  d.iterations = 1;
  d.cause = "the network was applied once";
  d.algorithm = model.kind();
  d.objective = std::nan("");
  d.certificate = denoiser.certificate();
  return d;
}

Outcome denoise(const Flags& f) {
  check(f);
  const double sigma = parse_sigma("--sigma", f.sigma);
  const Array<float> noisy = read_real_image("IN", f.in);
  std::optional<AnyArray> truth;
  if (!f.truth.empty()) {
    truth = read_real_image("--truth", f.truth);
    require_shape("--truth", shape_of(*truth), noisy.shape());
  }
  const Model<float> model = load_model<float>(f.model);
  if (model.kind() == "ridge" && !(sigma > 0)) throw ArgumentError("--sigma: must be positive");
  stop_if_interrupted();
  const Denoised d = (model.kind() == "ridge") ? by_minimising(noisy, model, sigma, f)
                                               : by_network(noisy, model, sigma);
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
  auto f = std::make_shared<Flags>();
  verb.add_option("in", f->in,
                  "Noisy image: a picture or F.h5:/dataset; colour is denoised channel by channel")
      ->type_name("IN")
      ->required();
  verb.add_option("--model", f->model, "Model file, from fejer import")
      ->type_name("MODEL.h5")
      ->required();
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
  verb.footer("Example:\n  fejer denoise noisy.png --model wcrr.h5 --sigma 25/255 --out clean.png");
  return [f](const Common&) { return denoise(*f); };
}

}  // namespace fejer::command
