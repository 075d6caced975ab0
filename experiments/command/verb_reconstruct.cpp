// fejer reconstruct: the image of a measurement file,
//   min over x of 1/2 ||A x - y||^2 + lambda R(x), the fixed point of plug-and-play, or an unrolled
//   network.
#include <cmath>
#include <utility>

#include <fejer/files.hpp>
#include <fejer/metrics.hpp>
#include <fejer/models/model_file.hpp>
#include <fejer/operators/measurement.hpp>
#include <fejer/vector.hpp>

#include "console.hpp"
#include "pictures.hpp"
#include "quality.hpp"
#include "reconstruct_flags.hpp"
#include "record.hpp"
#include "report.hpp"
#include "solver.hpp"
#include "start.hpp"
#include "text.hpp"
#include "verb.hpp"

namespace fejer::command {
namespace {

using Json = nlohmann::ordered_json;

std::optional<AnyArray> load_truth(const ReconstructFlags& f, const Measurement& m) {
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

bool is_learned(const Method& m) {
  return m.prior == "model" || m.prior == "pnp" || m.prior == "unrolled";
}

/// An unrolled network knows one noise level.
void warn_of_noise(const Model<float>* model, double noise_level) {
  const auto* network = model != nullptr ? std::get_if<UnrolledPgd<float>>(&model->value) : nullptr;
  if (network == nullptr) return;
  const double trained = network->parameters().noise_level;
  if (noise_level >= trained / 1.5 && noise_level <= trained * 1.5) return;
  note("fejer reconstruct: the network was trained for the noise level " + short_number(trained) +
       ", but the measurement has " + short_number(noise_level));
}

/// Learned priors expect intensities of about [0,1].
template <class X>
void warn_of_unit(const Method& method, const Array<X>& start) {
  const double largest = max_abs(ConstView<X>(start));
  if (!is_learned(method)) return;
  if (largest == 0 || (largest > 0.2 && largest < 5)) return;
  note("fejer reconstruct: intensities reach " + short_number(largest) +
       ", but learned priors expect [0,1]; see --scale");
}

template <class X>
Finished run_with(const ReconstructFlags& f, const Measurement& m, const Model<float>* model,
                  const Method& method, double scale_value, const std::optional<AnyArray>& truth) {
  const auto scale = static_cast<Real<X>>(scale_value);
  const LinearOperator<X> A = make_operator<X>(m);
  Start<X> start = start_value<X>(m, A, f.init);
  Finished done;
  done.start_name = start.name;
  done.start = std::move(start.shown);
  Problem<X> problem = posed<X>(m, A, std::move(start.image), scale_value);
  warn_of_unit(method, problem.start);
  warn_of_noise(model, m.noise_level / scale_value);
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

Json summary(const ReconstructFlags& f, const Method& method, const Finished& done, double scale,
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
  const bool weighted = method.prior != "none" && method.prior != "unrolled";
  j["lambda"] = weighted ? Json(method.lambda) : Json(nullptr);
  j["sigma"] = weighted && !f.model.empty() ? Json(method.sigma) : Json(nullptr);
  if (!method.levels.empty()) j["sigma"] = method.levels;
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

Json full_record(const ReconstructFlags& f, const Measurement& m, const Method& method,
                 const Json& summary) {
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

/// "tv", "cg", "wcrr_nn": for titles of pictures.
std::string method_name(const Method& method, const Model<float>* model, const Finished& done) {
  if (method.prior == "none") return done.algorithm;
  if (model == nullptr) return method.prior;
  const std::string name = model->origin.name.empty() ? model->kind() : model->origin.name;
  return method.prior == "pnp" ? std::string("pnp ").append(name) : name;
}

std::string verdict_line(const Method& method, const Finished& done) {
  return method.prior + " by " + done.algorithm + ": " + to_string(done.status) + " after " +
         std::to_string(done.iterations) + " iterations, " + short_number(done.seconds) + " s";
}

/// Against the truth, where there is one; and the intensity that pictures show as white.
struct Judged {
  std::optional<Quality> quality, start_quality;
  double white = 1;
};

Judged judge(const Finished& done, const std::optional<AnyArray>& truth, const std::string& kind) {
  Judged judged;
  if (truth) {
    judged.white = data_range_of(*truth, kind);
    if (done.finite) judged.quality = measure_quality(done.image, *truth, judged.white);
    judged.start_quality = measure_quality(done.start, *truth, judged.white);
  } else if (done.finite) {
    judged.white = data_range_of(done.image, kind);
  }
  return judged;
}

void leave_report(const std::string& folder, const Method& method, const Model<float>* model,
                  const Finished& done, const std::optional<AnyArray>& truth, const Judged& judged,
                  Json record) {
  Report report;
  report.reconstruction = done.image;
  report.method = method_name(method, model, done);
  report.truth = truth;
  report.start_name = done.start_name;
  report.start = done.start;
  report.white = judged.white;
  report.quality = judged.quality;
  report.start_quality = judged.start_quality;
  report.history = done.history;
  report.psnr_history = done.psnr_history;
  report.tolerance = method.run.tolerance;
  report.verdict = verdict_line(method, done);
  report.record = std::move(record);
  write_report(folder, report);
}

/// The measurement, the model and the method, all checked; nothing computed yet.
struct Prepared {
  Measurement measurement;
  std::string kind;
  std::optional<Model<float>> model;
  Method method;
  double scale = 1;
  std::optional<AnyArray> truth;
};

Prepared prepare(const ReconstructFlags& f) {
  f.check();
  Prepared p;
  p.measurement = load_measurement(f.measurement);
  p.kind = kind_of(p.measurement.setup);
  if (!f.model.empty()) p.model = load_model<float>(f.model);
  const Model<float>* model = p.model ? &*p.model : nullptr;
  p.method = f.method;
  p.scale = f.resolve(p.measurement, model, p.method);
  choose_algorithm(p.method, model, p.kind == "denoise", p.kind == "mri");
  p.truth = load_truth(f, p.measurement);
  const Index channels = image_shape(p.measurement)[0];
  if (extension(f.out) != ".h5" && channels != 1 && channels != 3)
    throw ArgumentError("--out: the image has " + std::to_string(channels) +
                        " slices; write it to a file that ends in .h5");
  p.method.run.fingerprint = f.fingerprint(p.method, p.scale);
  p.method.run.objective_every = f.report.empty() ? 0 : p.method.prior == "pnp" ? 1 : 5;
  return p;
}

Outcome reconstruct(const ReconstructFlags& f) {
  const Prepared p = prepare(f);
  const Model<float>* model = p.model ? &*p.model : nullptr;
  const Finished done =
      p.kind == "mri"
          ? run_with<std::complex<float>>(f, p.measurement, model, p.method, p.scale, p.truth)
          : run_with<float>(f, p.measurement, model, p.method, p.scale, p.truth);
  if (interrupted())
    throw Interrupted{
        "interrupted after " + std::to_string(done.iterations) + " iterations; " +
        (p.method.run.state_file.empty()
             ? "nothing was written"
             : "the state is in " + p.method.run.state_file + ", go on with --resume")};
  const Judged judged = judge(done, p.truth, p.kind);
  Outcome outcome;
  outcome.code = done.converged ? exit_code::done : exit_code::not_converged;
  outcome.json = summary(f, p.method, done, p.scale, judged.quality, judged.start_quality);
  outcome.text = verdict_line(p.method, done) + quality_text(judged.quality) + "\n";
  if (!done.finite) {
    note("fejer reconstruct: diverged, nothing written: " + done.cause);
    outcome.json["out"] = nullptr;
    return outcome;
  }
  if (!done.converged)
    note("fejer reconstruct: " + std::string(to_string(done.status)) + ": " + done.cause);
  if (judged.white != 1 && extension(f.out) != ".h5")
    note("fejer reconstruct: white in " + f.out + " stands for " + short_number(judged.white));
  write_image(f.out, done.image, judged.white,
              attributes_of(p.method, done, p.scale, judged.quality));
  if (!f.report.empty())
    leave_report(f.report, p.method, model, done, p.truth, judged,
                 full_record(f, p.measurement, p.method, outcome.json));
  return outcome;
}

}  // namespace

Action add_reconstruct(CLI::App& verb) {
  auto f = std::make_shared<ReconstructFlags>();
  f->add_to(verb);
  return [f](const Common&) {
    f->take_default_model();
    return reconstruct(*f);
  };
}

}  // namespace fejer::command
