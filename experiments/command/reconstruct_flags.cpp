#include "reconstruct_flags.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include <fejer/files.hpp>

#include "data_folder.hpp"
#include "defaults.hpp"
#include "pictures.hpp"
#include "record.hpp"
#include "report.hpp"
#include "text.hpp"

namespace fejer::command {
namespace {

double positive(const std::string& flag, const std::string& text) {
  const double value = parse_number(flag, text);
  if (!(value > 0)) throw ArgumentError(flag + ": got " + text + ", expected a positive number");
  return value;
}

/// "10/255", or several with commas between them.
std::vector<double> parse_sigmas(const std::string& text) {
  std::vector<double> levels;
  std::size_t begin = 0;
  for (std::size_t comma = 0; comma != std::string::npos; begin = comma + 1) {
    comma = text.find(',', begin);
    levels.push_back(parse_sigma("--sigma", text.substr(begin, comma - begin)));
    if (!(levels.back() > 0)) throw ArgumentError("--sigma: must be positive");
  }
  return levels;
}

/// Flags of one prior that were given with another.
void refuse_idle_flags(const ReconstructFlags& f) {
  const Method& m = f.method;
  const bool unrolled = m.prior == "unrolled";
  const bool tunable = m.prior == "model" || m.prior == "pnp", learned = tunable || unrolled;
  const auto refuse = [&](bool given, const char* flag, const char* priors) {
    if (given)
      throw ArgumentError(std::string(flag) + ": has no meaning for --prior " + m.prior +
                          " (only for " + priors + ")");
  };
  refuse(!learned && !f.model.empty(), "--model", "model, pnp and unrolled");
  refuse(!tunable && !f.sigma.empty(), "--sigma", "model and pnp");
  refuse(!tunable && !f.norm.empty(), "--norm", "model and pnp");
  refuse((m.prior == "none" || unrolled) && !f.lambda.empty(), "--lambda", "tv, model and pnp");
  const char* others = "none, tv, model and pnp";
  refuse(unrolled && m.positivity, "--positivity", others);
  refuse(unrolled && !f.max_iterations.empty(), "--max-iterations", others);
  refuse(unrolled && !f.tolerance.empty(), "--tolerance", others);
  refuse(m.prior != "pnp" && m.certify, "--certify", "pnp");
  refuse(m.prior != "pnp" && !f.step.empty(), "--step", "pnp");
  if (learned && m.prior != "model" && f.model.empty())
    throw ArgumentError("--model: is needed for --prior " + m.prior + "; fejer " +
                        (unrolled ? "train" : "import") + " makes one");
}

}  // namespace

void ReconstructFlags::add_method(CLI::App& verb) {
  Method& m = method;
  verb.add_option(
          "--prior", m.prior,
          "none, tv, model (minimise with a learned regulariser), pnp (iterate a denoiser) or "
          "unrolled (the layers of a network that was trained for the operator)")
      ->type_name("NAME")
      ->required();
  verb.add_option("--model", model,
                  "Model file for the priors model (default: the WCRR that comes with Fejér), pnp "
                  "and unrolled")
      ->type_name("MODEL.h5");
  verb.add_option("--algorithm", m.algorithm,
                  "auto, cg, fista, forward-backward, accelerated-gradient, sagd, l-bfgs, pnp-fbs, "
                  "pnp-drs, prox-pnp, prox-drs, gs-pnp, dpir or unrolled-pgd")
      ->type_name("NAME");
  verb.add_option("--lambda", lambda,
                  "Weight of the prior; pnp-fbs, pnp-drs, prox-pnp, prox-drs: relaxation in (0,1] "
                  "(default: "
                  "from the noise level; gs-pnp 0.1, dpir 0.23, prox-drs 0.5)")
      ->type_name("L");
  verb.add_option(
          "--sigma", sigma,
          "Noise level handed to the model, in the image's unit, as 10/255 (default: from "
          "the noise level); pnp-fbs: several with commas between them for layers that take "
          "turns")
      ->type_name("S");
  verb.add_option(
          "--step", step,
          "pnp-fbs, pnp-drs, prox-pnp, prox-drs: step size times ||A||^2; but for pnp-drs and "
          "prox-drs below 2 unless forced (default 1; prox-pnp 0.99; prox-drs 5 to 1, interpolated "
          "between the published ones for noise of 2.55 to 12.75/255, as its --sigma)")
      ->type_name("T");
  verb.add_option("--scale", scale,
                  "Intensity that the prior sees as 1: solves for x / C from y / C (default: that "
                  "of the file)")
      ->type_name("C");
  verb.add_option(
          "--norm", norm,
          "as-published: estimated norms without their margin of 1 %, and the published algorithms")
      ->type_name("RULE");
  verb.add_flag("--positivity", m.positivity, "Keep x >= 0 (real images)");
  verb.add_flag(
      "--certify", m.certify,
      "pnp: divide the network by its proven Lipschitz bound, about its output for the start "
      "value");
  verb.add_flag("--force", m.force, "Run although convergence is not guaranteed");
  verb.add_option(
          "--max-iterations", max_iterations,
          "Default 2000; none: 200, gs-pnp: 400, prox-pnp and prox-drs: 1000, dpir: its number of "
          "steps, 8")
      ->type_name("N");
  verb.add_option(
          "--tolerance", tolerance,
          "On the relative change of an iteration, of prox-drs on that of its envelope "
          "(default 1e-5; none: 1e-4, prox-drs: 1e-8); gs-pnp, prox-drs: of the objective's change")
      ->type_name("T");
}

void ReconstructFlags::add_to(CLI::App& verb) {
  RunOptions& run = method.run;
  verb.add_option("measurement", measurement, "Measurement file, from fejer simulate or fejer pack")
      ->type_name("M.h5")
      ->required();
  add_method(verb);
  verb.add_option("--init", init,
                  "Start value: a picture or F.h5:/image (default: data, zero-filled or FBP)")
      ->type_name("IMAGE");
  verb.add_option("--truth", truth, "Reference image, instead of the measurement file's")
      ->type_name("IMAGE");
  verb.add_option("--state", run.state_file,
                  "Save the state here, every 100 iterations and when interrupted")
      ->type_name("FILE");
  verb.add_flag("--resume", run.resume, "Go on from the state file");
  verb.add_option("--out", out, "X.h5 (all values, /image), X.png or X.jpg")
      ->type_name("X.h5|X.png")
      ->required();
  verb.add_option("--report", report,
                  "Folder for pictures, convergence plot, run.json, metrics.csv")
      ->type_name("DIR");
  verb.footer(
      "Example:\n  fejer reconstruct ct.h5 --prior tv --positivity --out x.png --report report "
      "--json");
}

void ReconstructFlags::check_method() const {
  require_known("--prior", method.prior, prior_names());
  require_known("--algorithm", method.algorithm, algorithm_names());
  refuse_idle_flags(*this);
  if (!norm.empty()) require_known("--norm", norm, {"as-published"});
  if (!sigma.empty()) parse_sigmas(sigma);
  if (!model.empty()) require_readable(model);
}

void ReconstructFlags::take_default_model() {
  if (method.prior == "model" && model.empty()) model = default_model();
}

void ReconstructFlags::check() const {
  check_method();
  const RunOptions& run = method.run;
  if (run.resume && run.state_file.empty())
    throw ArgumentError("--resume: needs --state FILE, the state to continue from");
  require_readable(measurement);
  if (!init.empty()) require_image_source("--init", init);
  if (!truth.empty()) require_image_source("--truth", truth);
  if (run.resume) require_readable(run.state_file);
  require_image_destination("--out", out);
  if (!run.state_file.empty()) require_writable(run.state_file);
  require_no_input("--out", out, {measurement, model, init, truth, run.state_file});
  require_no_input("--state", run.state_file, {measurement, model, init, truth});
  if (!report.empty()) require_report_folder(report);
}

double ReconstructFlags::resolve(const Measurement& m, const Model<float>* learned,
                                 Method& to) const {
  const double c = scale.empty() ? m.scale : positive("--scale", scale);
  Situation situation{to.prior, kind_of(m.setup), m.noise_level / c, std::nullopt};
  if (to.prior == "pnp" && learned != nullptr)
    situation.algorithm = pnp_algorithm(to, *learned, std::holds_alternative<MriSetup>(m.setup));
  if (learned != nullptr) situation.model_noise_level = learned->noise_level();
  const auto trained = situation.model_noise_level;
  if (!sigma.empty()) to.levels = parse_sigmas(sigma);
  to.sigma = sigma.empty() ? default_sigma(situation) : to.levels.front();
  if (to.levels.size() == 1) to.levels.clear();
  if (!to.levels.empty() && situation.algorithm != "pnp-fbs")
    throw ArgumentError("--sigma: got " + sigma +
                        ", but only --prior pnp by pnp-fbs has levels that take turns");
  if (trained && std::abs(to.sigma - *trained) > 1e-3 * *trained)
    throw ArgumentError("--sigma: got " + sigma + ", but " + model + " was trained for " +
                        short_number(255 * *trained) + "/255 only; leave --sigma out");
  to.lambda = lambda.empty() ? default_lambda(situation, to.sigma) : positive("--lambda", lambda);
  const std::string& a = situation.algorithm;
  const bool relaxed = a == "pnp-fbs" || a == "pnp-drs" || a == "prox-pnp" || a == "prox-drs";
  if (relaxed && to.lambda > 1)
    throw ArgumentError("--lambda: got " + lambda +
                        ", but with --prior pnp it is the relaxation, in (0,1]");
  to.step = step.empty() ? default_step(situation) : positive("--step", step);
  if (!step.empty()) {
    if (!relaxed)
      throw ArgumentError("--step: is for pnp-fbs, pnp-drs, prox-pnp and prox-drs; " +
                          situation.algorithm + " has its own");
  }
  to.run.tolerance =
      tolerance.empty() ? default_tolerance(situation) : parse_number("--tolerance", tolerance);
  if (to.run.tolerance < 0) throw ArgumentError("--tolerance: cannot be negative");
  to.run.max_iterations = max_iterations.empty() ? default_max_iterations(situation)
                                                 : parse_count("--max-iterations", max_iterations);
  to.as_published = !norm.empty();
  return c;
}

std::string ReconstructFlags::fingerprint(const Method& m, double scale_value) const {
  nlohmann::ordered_json j = {{"measurement", sha256_of_file(measurement)},
                              {"prior", m.prior},
                              {"algorithm", m.algorithm},
                              {"lambda", m.lambda},
                              {"sigma", m.sigma},
                              {"step", m.step},
                              {"scale", scale_value},
                              {"positivity", m.positivity},
                              {"certify", m.certify},
                              {"as_published", m.as_published}};
  if (!m.levels.empty()) j["levels"] = m.levels;
  j["inputs"] = inputs_json({{"model", model}, {"init", init}});
  const std::string text = j.dump();
  return sha256(text.data(), text.size());
}

}  // namespace fejer::command
