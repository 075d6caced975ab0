// fejer reconstruct: the image of a measurement file,
//   min over x of 1/2 ||A x - y||^2 + lambda R(x), or the fixed point of plug-and-play.
#include <cmath>
#include <filesystem>

#include <fejer/files.hpp>
#include <fejer/metrics.hpp>
#include <fejer/models/model_file.hpp>
#include <fejer/operators/measurement.hpp>
#include <fejer/vector.hpp>

#include "console.hpp"
#include "defaults.hpp"
#include "pictures.hpp"
#include "quality.hpp"
#include "record.hpp"
#include "report.hpp"
#include "solver.hpp"
#include "start.hpp"
#include "text.hpp"
#include "verb.hpp"

namespace fejer::command {
namespace {

using Json = nlohmann::ordered_json;

struct Flags {
  std::string measurement, model, lambda, sigma, scale, init, truth, norm, out, report;
  std::string max_iterations, tolerance;
  Method method;
};

/// Everything that can be found wrong before the work starts.
void check(const Flags& f) {
  const Method& m = f.method;
  require_known("--prior", m.prior, prior_names());
  require_known("--algorithm", m.algorithm, algorithm_names());
  const bool learned = m.prior == "model" || m.prior == "pnp";
  if (learned && f.model.empty())
    throw ArgumentError("--model: is needed for --prior " + m.prior + "; fejer import makes one");
  const auto refuse = [&](bool given, const char* flag, const char* priors) {
    if (given)
      throw ArgumentError(std::string(flag) + ": has no meaning for --prior " + m.prior +
                          " (only for " + priors + ")");
  };
  refuse(!learned && !f.model.empty(), "--model", "model and pnp");
  refuse(!learned && !f.sigma.empty(), "--sigma", "model and pnp");
  refuse(!learned && !f.norm.empty(), "--norm", "model and pnp");
  refuse(m.prior == "none" && !f.lambda.empty(), "--lambda", "tv, model and pnp");
  refuse(m.prior != "pnp" && m.certify, "--certify", "pnp");
  if (!f.norm.empty()) require_known("--norm", f.norm, {"as-published"});
  if (!f.sigma.empty()) parse_sigma("--sigma", f.sigma);
  if (m.run.resume && m.run.state_file.empty())
    throw ArgumentError("--resume: needs --state FILE, the state to continue from");
  require_readable(f.measurement);
  if (!f.model.empty()) require_readable(f.model);
  if (!f.init.empty()) require_image_source("--init", f.init);
  if (!f.truth.empty()) require_image_source("--truth", f.truth);
  if (m.run.resume) require_readable(m.run.state_file);
  require_image_destination("--out", f.out);
  if (!m.run.state_file.empty()) require_writable(m.run.state_file);
  if (!f.report.empty()) require_report_folder(f.report);
}

double positive(const std::string& flag, const std::string& text) {
  const double value = parse_number(flag, text);
  if (!(value > 0)) throw ArgumentError(flag + ": got " + text + ", expected a positive number");
  return value;
}

/// Resolves lambda, sigma, tolerance and the number of iterations; returns the scale.
double resolve(const Flags& f, const Measurement& m, const Model<float>* model, Method& method) {
  const double scale = f.scale.empty() ? m.scale : positive("--scale", f.scale);
  Situation situation{method.prior, kind_of(m.setup), m.noise_level / scale, std::nullopt};
  if (model != nullptr) situation.model_noise_level = model->noise_level();
  method.sigma = f.sigma.empty() ? default_sigma(situation) : parse_sigma("--sigma", f.sigma);
  const auto trained = situation.model_noise_level;
  if (trained && std::abs(method.sigma - *trained) > 1e-3 * *trained)
    throw ArgumentError("--sigma: got " + f.sigma + ", but " + f.model + " was trained for " +
                        short_number(255 * *trained) + "/255 only; leave --sigma out");
  if (!(method.sigma > 0)) throw ArgumentError("--sigma: must be positive");
  method.lambda =
      f.lambda.empty() ? default_lambda(situation, method.sigma) : positive("--lambda", f.lambda);
  if (method.prior == "pnp" && method.lambda > 1)
    throw ArgumentError("--lambda: got " + f.lambda +
                        ", but with --prior pnp it is the relaxation, in (0,1]");
  method.run.tolerance = default_tolerance(situation);
  method.run.max_iterations = default_max_iterations(situation);
  if (!f.tolerance.empty()) {
    method.run.tolerance = parse_number("--tolerance", f.tolerance);
    if (method.run.tolerance < 0) throw ArgumentError("--tolerance: cannot be negative");
  }
  if (!f.max_iterations.empty()) {
    const double n = parse_number("--max-iterations", f.max_iterations);
    if (n < 0 || n != std::floor(n) || n > 1e12)
      throw ArgumentError("--max-iterations: got " + f.max_iterations +
                          ", expected a whole number from 0");
    method.run.max_iterations = static_cast<Index>(n);
  }
  method.as_published = !f.norm.empty();
  return scale;
}

/// Two runs with the same fingerprint take the same steps.
std::string fingerprint(const Flags& f, const Method& m, double scale) {
  Json j = {{"measurement", sha256_of_file(f.measurement)},
            {"prior", m.prior},
            {"algorithm", m.algorithm},
            {"lambda", m.lambda},
            {"sigma", m.sigma},
            {"scale", scale},
            {"positivity", m.positivity},
            {"certify", m.certify},
            {"as_published", m.as_published}};
  j["inputs"] = inputs_json({{"model", f.model}, {"init", f.init}});
  const std::string text = j.dump();
  return sha256(text.data(), text.size());
}

std::optional<AnyArray> load_truth(const Flags& f, const Measurement& m) {
  if (f.truth.empty()) return m.truth;
  AnyArray truth = read_any_image("--truth", f.truth, true);
  require_shape("--truth", shape_of(truth), image_shape(m));
  if (kind_of(m.setup) != "mri" && std::holds_alternative<ComplexArray>(truth))
    throw ArgumentError("--truth: " + f.truth + " is complex, but the image is real");
  return truth;
}

/// What `finish` needs of a solution, whatever its scalar type.
struct Finished {
  AnyArray image, start;
  std::string start_name, algorithm;
  Status status;
  std::string cause;
  Index iterations;
  double residual, objective, seconds;
  std::optional<double> step_size;
  Certificate certificate;
  bool finite, converged;
  std::vector<Iteration> history;
  std::vector<std::pair<Index, double>> psnr_history;
};

template <class X>
Observer<X> record_psnr(const Array<float>& truth, double scale, double range,
                        std::vector<std::pair<Index, double>>& to) {
  return [&, scale, range](const Iteration& now, ConstView<X> x) {
    Array<float> shown(x.shape());
    for (Index i = 0; i < x.size(); ++i) {
      if constexpr (is_complex<X>)
        shown[i] = static_cast<float>(scale) * std::abs(x[i]);
      else
        shown[i] = static_cast<float>(scale) * x[i];
    }
    to.emplace_back(now.iteration, psnr(shown, truth, range));
    return Control::proceed;
  };
}

template <class X>
Finished run_with(const Flags& f, const Measurement& m, const Model<float>* model,
                  const Method& method, double scale_value, const std::optional<AnyArray>& truth) {
  const auto scale = static_cast<Real<X>>(scale_value);
  const LinearOperator<X> A = make_operator<X>(m);
  Start<X> start = start_value<X>(m, A, f.init);
  Finished done;
  done.start_name = start.name;
  done.start = start.image;
  Problem<X> problem{A, elements_as<X>(m.data), std::move(start.image),
                     kind_of(m.setup) == "denoise", 0};
  fejer::scale<X>(problem.y, 1 / scale);
  fejer::scale<X>(problem.start, 1 / scale);
  if constexpr (!is_complex<X>)
    if (method.positivity)
      for (X& value : problem.start) value = std::max(value, X(0));
  if (f.tolerance.empty() && f.max_iterations.empty())
    problem.noise_norm = noise_norm(m) / scale_value;
  stop_if_interrupted();
  Progress progress("reconstructing", method.run.max_iterations, method.run.tolerance);
  std::vector<Observer<X>> observers = {watch<X>(progress)};
  Array<float> modulus;
  if (truth && !f.report.empty()) {
    modulus = magnitude(*truth);
    observers.push_back(record_psnr<X>(modulus, scale_value,
                                       data_range_of(*truth, kind_of(m.setup)), done.psnr_history));
  }
  Solution<X> s = solve(problem, model, method, observers);
  done.finite = all_finite(s.result.x);
  done.converged = s.result.status == Status::converged || s.reached_noise_level;
  done.status = s.reached_noise_level ? Status::converged : s.result.status;
  done.cause = s.reached_noise_level ? "the data are fitted to the noise level" : s.result.cause;
  done.algorithm = s.algorithm;
  done.iterations = s.result.iterations;
  done.residual = s.result.residual;
  done.objective = s.result.objective;
  done.seconds = s.result.seconds;
  done.step_size = s.step_size;
  done.certificate = s.certificate;
  done.history = std::move(s.result.history);
  fejer::scale<X>(s.result.x, scale);
  done.image = std::move(s.result.x);
  return done;
}

Json summary(const Flags& f, const Method& method, const Finished& done, double scale,
             const std::optional<Quality>& quality, const std::optional<Quality>& start_quality) {
  Json j = quality_json(quality);
  j["iterations"] = done.iterations;
  j["status"] = to_string(done.status);
  j["cause"] = done.cause;
  j["seconds"] = done.seconds;
  j["objective"] = done.objective;
  j["residual"] = done.residual;
  j["step_size"] = done.step_size ? Json(*done.step_size) : Json(nullptr);
  j["certificate"] = certificate_json(done.certificate);
  j["prior"] = method.prior;
  j["algorithm"] = done.algorithm;
  j["lambda"] = method.prior == "none" ? Json(nullptr) : Json(method.lambda);
  j["sigma"] = f.model.empty() ? Json(nullptr) : Json(method.sigma);
  j["scale"] = scale;
  j["tolerance"] = method.run.tolerance;
  j["max_iterations"] = method.run.max_iterations;
  j["start"] = {
      {"name", done.start_name},
      {"psnr", start_quality ? Json(start_quality->psnr) : Json(nullptr)},
      {"ssim", start_quality && start_quality->ssim ? Json(*start_quality->ssim) : Json(nullptr)}};
  j["out"] = f.out;
  if (!f.report.empty()) j["report"] = f.report;
  return j;
}

Json full_record(const Flags& f, const Measurement& m, const Method& method, const Json& summary) {
  Json j = environment_json();
  j["verb"] = "reconstruct";
  j["operator"] = kind_of(m.setup);
  j["noise_level"] = m.noise_level;
  j["seed"] = m.seed ? Json(*m.seed) : Json(nullptr);
  j["options"] = {{"positivity", method.positivity},
                  {"certify", method.certify},
                  {"force", method.force},
                  {"norm", method.as_published ? "as-published" : "margin"}};
  j["inputs"] = inputs_json(
      {{"measurement", f.measurement}, {"model", f.model}, {"init", f.init}, {"truth", f.truth}});
  j.update(summary);
  return j;
}

Attributes attributes_of(const Method& method, const Finished& done, double scale,
                         const std::optional<Quality>& quality) {
  Attributes a = {{"prior", method.prior},
                  {"algorithm", done.algorithm},
                  {"status", std::string(to_string(done.status))},
                  {"cause", done.cause},
                  {"iterations", static_cast<double>(done.iterations)},
                  {"lambda", method.lambda},
                  {"scale", scale}};
  if (method.prior == "model" || method.prior == "pnp") a.emplace_back("sigma", method.sigma);
  if (quality) a.emplace_back("psnr", quality->psnr);
  return a;
}

std::string verdict_line(const Method& method, const Finished& done,
                         const std::optional<Quality>& quality) {
  return method.prior + " by " + done.algorithm + ": " + to_string(done.status) + " after " +
         std::to_string(done.iterations) + " iterations, " + short_number(done.seconds) + " s" +
         quality_text(quality);
}

Outcome reconstruct(const Flags& f) {
  check(f);
  Method method = f.method;
  const Measurement m = load_measurement(f.measurement);
  std::optional<Model<float>> loaded;
  if (!f.model.empty()) loaded = load_model<float>(f.model);
  const Model<float>* model = loaded ? &*loaded : nullptr;
  const std::string kind = kind_of(m.setup);
  const double scale = resolve(f, m, model, method);
  choose_algorithm(method, model, kind == "denoise", kind == "mri");
  const std::optional<AnyArray> truth = load_truth(f, m);
  if (extension(f.out) != ".h5" && image_shape(m)[0] != 1 && image_shape(m)[0] != 3)
    throw ArgumentError("--out: the image has " + std::to_string(image_shape(m)[0]) +
                        " slices; write it to a file that ends in .h5");
  method.run.fingerprint = fingerprint(f, method, scale);
  method.run.objective_every = f.report.empty() ? 0 : 5;
  const Finished done = kind == "mri"
                            ? run_with<std::complex<float>>(f, m, model, method, scale, truth)
                            : run_with<float>(f, m, model, method, scale, truth);
  if (interrupted())
    throw Interrupted{"interrupted after " + std::to_string(done.iterations) + " iterations; " +
                      (method.run.state_file.empty()
                           ? "nothing was written"
                           : "the state is in " + method.run.state_file + ", go on with --resume")};
  Outcome outcome;
  outcome.code = done.converged ? exit_code::done : exit_code::not_converged;
  std::optional<Quality> quality, start_quality;
  double white = kind == "mri" || kind == "ct" ? data_range_of(done.start, kind) : 1;
  if (truth) {
    white = data_range_of(*truth, kind);
    if (done.finite) quality = measure_quality(done.image, *truth, white);
    start_quality = measure_quality(done.start, *truth, white);
  }
  outcome.json = summary(f, method, done, scale, quality, start_quality);
  outcome.text = verdict_line(method, done, quality) + "\n";
  if (!done.finite) {
    note("fejer reconstruct: diverged, nothing written: " + done.cause);
    outcome.json["out"] = nullptr;
    return outcome;
  }
  if (!done.converged)
    note("fejer reconstruct: " + std::string(to_string(done.status)) + ": " + done.cause);
  write_image(f.out, done.image, white, attributes_of(method, done, scale, quality));
  if (!f.report.empty()) {
    Report report{done.image,
                  method.prior == "none" ? done.algorithm : method.prior,
                  truth,
                  done.start_name,
                  done.start,
                  white,
                  quality,
                  start_quality,
                  done.history,
                  done.psnr_history,
                  method.run.tolerance,
                  verdict_line(method, done, quality),
                  full_record(f, m, method, outcome.json)};
    write_report(f.report, report);
  }
  return outcome;
}

void add_method_flags(CLI::App& verb, Flags& f) {
  Method& m = f.method;
  verb.add_option(
          "--prior", m.prior,
          "none, tv, model (minimise with a learned regulariser) or pnp (iterate a denoiser)")
      ->type_name("NAME")
      ->required();
  verb.add_option("--model", f.model, "Model file for the priors model and pnp")
      ->type_name("MODEL.h5");
  verb.add_option("--algorithm", m.algorithm,
                  "auto, cg, fista, forward-backward, accelerated-gradient, sagd or pnp-fbs")
      ->type_name("NAME");
  verb.add_option("--lambda", f.lambda,
                  "Weight of the prior; pnp: relaxation in (0,1] (default: from the noise level)")
      ->type_name("L");
  verb.add_option("--sigma", f.sigma,
                  "Noise level handed to the model, in the image's unit, as 10/255 (default: from "
                  "the noise level)")
      ->type_name("S");
  verb.add_option("--scale", f.scale,
                  "Intensity that the prior sees as 1: solves for x / C from y / C (default: that "
                  "of the file)")
      ->type_name("C");
  verb.add_option("--norm", f.norm, "as-published: estimated norms without their margin of 1 %")
      ->type_name("RULE");
  verb.add_flag("--positivity", m.positivity, "Keep x >= 0 (real images)");
  verb.add_flag("--certify", m.certify, "pnp: divide the network by its proven Lipschitz bound");
  verb.add_flag("--force", m.force, "Run although convergence is not guaranteed");
}

}  // namespace

Action add_reconstruct(CLI::App& verb) {
  auto f = std::make_shared<Flags>();
  RunOptions& run = f->method.run;
  verb.add_option("measurement", f->measurement,
                  "Measurement file, from fejer simulate or fejer pack")
      ->type_name("M.h5")
      ->required();
  add_method_flags(verb, *f);
  verb.add_option("--init", f->init,
                  "Start value: a picture or F.h5:/image (default: data, zero-filled or FBP)")
      ->type_name("IMAGE");
  verb.add_option("--truth", f->truth, "Reference image, instead of the measurement file's")
      ->type_name("IMAGE");
  verb.add_option("--max-iterations", f->max_iterations, "Default 2000; none: 200")->type_name("N");
  verb.add_option("--tolerance", f->tolerance,
                  "On the relative change of an iteration (default 1e-5; none: 1e-4)")
      ->type_name("T");
  verb.add_option("--state", run.state_file,
                  "Save the state here, every 100 iterations and when interrupted")
      ->type_name("FILE");
  verb.add_flag("--resume", run.resume, "Go on from the state file");
  verb.add_option("--out", f->out, "X.h5 (all values, /image), X.png or X.jpg")
      ->type_name("X.h5|X.png")
      ->required();
  verb.add_option("--report", f->report,
                  "Folder for pictures, convergence plot, run.json, metrics.csv")
      ->type_name("DIR");
  verb.footer(
      "Example:\n  fejer reconstruct ct.h5 --prior tv --positivity --out x.png --report report "
      "--json");
  return [f](const Common&) { return reconstruct(*f); };
}

}  // namespace fejer::command
