// fejer tune: the parameters of a prior with the largest mean PSNR on measurements whose truth is
// known, by a coarse-to-fine compass search.
#include <charconv>
#include <cmath>
#include <utility>

#include <fejer/files.hpp>
#include <fejer/models/model_file.hpp>
#include <fejer/operators/measurement.hpp>
#include <fejer/vector.hpp>

#include "../tuning/parameter_search.hpp"
#include "console.hpp"
#include "defaults.hpp"
#include "pictures.hpp"
#include "quality.hpp"
#include "reconstruct_flags.hpp"
#include "record.hpp"
#include "start.hpp"
#include "text.hpp"
#include "verb.hpp"

namespace fejer::command {
namespace {

using Json = nlohmann::ordered_json;
using tuning::Point;

struct TuneFlags {
  std::vector<std::string> measurements;
  ReconstructFlags reconstruct;
  std::string finest = "1.1", trials = "40", out;
};

void check(const TuneFlags& f) {
  require_known("--prior", f.reconstruct.method.prior, {"tv", "model", "pnp"});
  f.reconstruct.check_method();
  for (const std::string& file : f.measurements) require_readable(file);
  if (const double g = parse_number("--finest", f.finest); !(g > 1 && g <= 4))
    throw ArgumentError("--finest: got " + f.finest + ", expected a factor in (1,4], as 1.1");
  parse_count("--trials", f.trials, 1);
  if (extension(f.out) != ".json")
    throw ArgumentError("--out: got '" + f.out + "', expected a name that ends in .json");
  require_writable(f.out);
  require_no_input("--out", f.out, f.measurements);
}

using AnyProblem = std::variant<Problem<float>, Problem<std::complex<float>>>;

/// One file, ready for trials.
struct Case {
  std::string file, kind;
  AnyArray truth;
  double scale, range, noise_level;
  Method method;  ///< with the defaults that follow from this file
  AnyProblem problem;
};

template <class X>
Problem<X> pose(const Measurement& m, double scale, bool positivity) {
  const LinearOperator<X> A = make_operator<X>(m);
  Problem<X> problem = posed<X>(m, A, start_value<X>(m, A, "").image, scale);
  if constexpr (!is_complex<X>)
    if (positivity)
      for (X& value : problem.start) value = std::max(value, X(0));
  return problem;
}

Case load_case(const TuneFlags& f, const std::string& file, const Model<float>* model) {
  const Measurement m = load_measurement(file);
  if (!m.truth)
    throw ArgumentError(file + ": holds no truth to measure PSNR against; fejer simulate and " +
                        "fejer pack --truth write one");
  const std::string kind = kind_of(m.setup);
  Method method = f.reconstruct.method;
  const double scale = f.reconstruct.resolve(m, model, method);
  const auto problem = [&]() -> AnyProblem {
    if (kind == "mri") return pose<std::complex<float>>(m, scale, false);
    return pose<float>(m, scale, method.positivity);
  };
  return {file,   kind,     *m.truth, scale, data_range_of(*m.truth, kind), m.noise_level / scale,
          method, problem()};
}

std::vector<Case> load_cases(const TuneFlags& f, const Model<float>* model) {
  std::vector<Case> cases;
  for (const std::string& file : f.measurements) {
    cases.push_back(load_case(f, file, model));
    if (cases.back().kind != cases.front().kind)
      throw ArgumentError(file + ": operator " + cases.back().kind + ", but " + cases.front().file +
                          " has " + cases.front().kind + "; tune each problem by itself");
    stop_if_interrupted();
  }
  return cases;
}

/// What one reconstruction came to; `cause` says why psnr is not finite.
struct TrialOutcome {
  double psnr = std::nan("");
  std::optional<double> ssim;
  Index iterations = 0;
  std::string status, cause;
};

class Tuner {
 public:
  Tuner(std::vector<Case> cases, const Model<float>* model, const TuneFlags& f)
      : cases_(std::move(cases)), model_(model) {
    const Case& first = cases_.front();
    const auto level = model != nullptr ? model->noise_level() : std::nullopt;
    Situation situation{first.method.prior, first.kind, first.noise_level, level};
    if (situation.prior == "pnp")
      situation.algorithm = pnp_algorithm(first.method, *model, first.kind == "mri");
    space_ = tuning::search_space(situation);
    if (!f.reconstruct.lambda.empty()) recentre(space_[0], first.method.lambda);
    if (!first.method.levels.empty())
      throw ArgumentError("--sigma: got " + f.reconstruct.sigma +
                          ", expected one level where the search starts");
    if (searches_sigma() && !f.reconstruct.sigma.empty()) recentre(space_[1], first.method.sigma);
    const Point start{space_[0].start, space_[1].start};
    choose_algorithm(at(start, first), model_, first.kind == "denoise", first.kind == "mri");
    const int trials = static_cast<int>(parse_count("--trials", f.trials, 1));
    stages_.coarse = {1.6, trials};
    stages_.fine = {parse_number("--finest", f.finest), trials};
  }

  void run() {
    found_ = tuning::search_in_stages(
        space_, cases_.size(), [this](const Point& p, std::size_t i) { return score(p, i); },
        stages_);
  }

  bool searches_sigma() const { return space_[1].factor > 1; }
  const std::vector<Case>& cases() const { return cases_; }
  const tuning::StagedResult& found() const { return found_; }
  const std::array<tuning::Parameter, 2>& space() const { return space_; }

  Method at(const Point& p, const Case& c) const {
    Method method = c.method;
    method.lambda = p[0];
    if (searches_sigma()) method.sigma = p[1];
    return method;
  }

  TrialOutcome reconstruct(const Point& p, const Case& c) const {
    return std::visit([&](const auto& problem) { return solved(problem, at(p, c), c); }, c.problem);
  }

  std::string describe(const Point& p) const {
    return "lambda " + short_number(p[0]) +
           (searches_sigma() ? ", sigma " + short_number(255 * p[1]) + "/255" : "");
  }

 private:
  static void recentre(tuning::Parameter& p, double start) {
    p.start = start;
    p.low = std::min(p.low, start);
    p.high = std::max(p.high, start);
  }

  double score(const Point& p, std::size_t i) {
    const double psnr = reconstruct(p, cases_[i]).psnr;
    if (interrupted())
      throw Interrupted{"interrupted after " + std::to_string(scored_) +
                        " reconstructions; nothing was written" + best_so_far()};
    ++scored_;
    if (i == 0 && std::isfinite(psnr) && psnr > best_psnr_) best_psnr_ = psnr, best_ = p;
    return psnr;
  }

  std::string best_so_far() const {
    if (!std::isfinite(best_psnr_)) return "";
    return "; best on " + cases_.front().file + " so far: " + describe(best_) + ", PSNR " +
           short_number(best_psnr_) + " dB";
  }

  template <class X>
  TrialOutcome solved(const Problem<X>& problem, const Method& method, const Case& c) const {
    TrialOutcome o;
    Progress progress("tuning, " + std::to_string(scored_) + " done" + best_so_far() + "; now",
                      method.run.max_iterations, method.run.tolerance);
    try {
      Solution<X> s = solve(problem, model_, method, {watch<X>(progress)});
      o.status = to_string(s.result.status);
      o.cause = s.result.cause;
      o.iterations = s.result.iterations;
      if (!all_finite(s.result.x)) return o;
      fejer::scale<X>(s.result.x, static_cast<Real<X>>(c.scale));
      const Quality q = measure_quality(std::move(s.result.x), c.truth, c.range);
      o.psnr = q.psnr;
      o.ssim = q.ssim;
    } catch (const ArgumentError& e) {  // as a relaxation of 1 of a map that is only nonexpansive
      o.status = "refused";
      o.cause = e.what();
    }
    return o;
  }

  std::vector<Case> cases_;
  const Model<float>* model_;
  std::array<tuning::Parameter, 2> space_;
  tuning::Stages stages_;
  tuning::StagedResult found_;
  int scored_ = 0;
  Point best_{};
  double best_psnr_ = -std::numeric_limits<double>::infinity();
};

/// Reads back to the same bits.
std::string exact(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return {text, end};
}

/// In single quotes where a shell would take it apart.
std::string quoted(const std::string& text) {
  const char* plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./%@";
  if (!text.empty() && text.find_first_not_of(plain) == std::string::npos) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

/// The words after "fejer".
std::vector<std::string> ready_command(const Tuner& tuner, const ReconstructFlags& f,
                                       const Point& p) {
  const Method& m = f.method;
  std::vector<std::string> words = {"reconstruct", tuner.cases().front().file, "--prior", m.prior};
  const auto add = [&](const char* flag, const std::string& value) {
    if (!value.empty()) words.insert(words.end(), {flag, value});
  };
  add("--model", f.model);
  add("--lambda", exact(p[0]));
  if (tuner.searches_sigma()) add("--sigma", exact(p[1]));
  if (m.algorithm != "auto") add("--algorithm", m.algorithm);
  add("--step", f.step);
  add("--scale", f.scale);
  add("--norm", f.norm);
  add("--max-iterations", f.max_iterations);
  add("--tolerance", f.tolerance);
  if (m.positivity) words.emplace_back("--positivity");
  if (m.certify) words.emplace_back("--certify");
  if (m.force) words.emplace_back("--force");
  add("--out", "x.h5");
  return words;
}

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json trials_json(const Tuner& tuner, const tuning::SearchResult& stage, std::size_t files) {
  Json trials = Json::array();
  for (const tuning::Trial& t : stage.trials) {
    Json j = {{"lambda", t.point[0]}};
    if (tuner.searches_sigma()) j["sigma"] = t.point[1];
    j["psnr"] = t.score;
    j["files"] = files;
    trials.push_back(j);
  }
  return trials;
}

/// The best point's own runs, one for each file.
Json files_json(const Tuner& tuner, const Point& p) {
  Json files = Json::array();
  for (const Case& c : tuner.cases()) {
    const TrialOutcome o = tuner.reconstruct(p, c);
    stop_if_interrupted();
    files.push_back({{"file", c.file},
                     {"psnr", number(o.psnr)},
                     {"ssim", o.ssim ? Json(*o.ssim) : Json(nullptr)},
                     {"iterations", o.iterations},
                     {"status", o.status},
                     {"cause", o.cause}});
  }
  return files;
}

void note_edges(const Tuner& tuner, const Point& p) {
  const char* names[] = {"lambda", "sigma"};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const tuning::Parameter& range = tuner.space()[axis];
    if (range.factor > 1 && (p[axis] <= range.low || p[axis] >= range.high))
      note("fejer tune: the best " + std::string(names[axis]) + ", " + short_number(p[axis]) +
           ", is an end of what was searched, " + short_number(range.low) + " to " +
           short_number(range.high));
  }
}

void write_record(const TuneFlags& f, const Json& summary) {
  Json j = environment_json();
  j["verb"] = "tune";
  std::vector<std::pair<std::string, std::string>> inputs = {{"model", f.reconstruct.model}};
  for (const std::string& file : f.measurements) inputs.emplace_back(file, file);
  j["inputs"] = inputs_json(inputs);
  j.update(summary);
  write_text(f.out, json_text(j) + "\n");
}

Outcome tune(const TuneFlags& f) {
  check(f);
  std::optional<Model<float>> model;
  if (!f.reconstruct.model.empty()) model = load_model<float>(f.reconstruct.model);
  const Model<float>* learned = model ? &*model : nullptr;
  Tuner tuner(load_cases(f, learned), learned, f);
  tuner.run();
  const tuning::SearchResult& fine = tuner.found().fine;
  const Point best = fine.best.point;
  if (fine.best.score <= -100)
    throw ArgumentError("no trial led to a finite image: " +
                        tuner.reconstruct(best, tuner.cases().front()).cause);
  const std::vector<std::string> words = ready_command(tuner, f.reconstruct, best);
  std::string line = "fejer";
  for (const std::string& word : words) line += " " + quoted(word);

  Outcome outcome;
  outcome.code = fine.finished ? exit_code::done : exit_code::not_converged;
  Json& j = outcome.json;
  j["prior"] = f.reconstruct.method.prior;
  j["lambda"] = best[0];
  j["sigma"] = f.reconstruct.model.empty() ? Json(nullptr)
                                           : Json(tuner.at(best, tuner.cases().front()).sigma);
  j["psnr"] = fine.best.score;
  j["finished"] = fine.finished;
  j["files"] = files_json(tuner, best);
  j["trials"] = trials_json(tuner, tuner.found().coarse, 1);
  for (const Json& trial : trials_json(tuner, fine, tuner.cases().size()))
    j["trials"].push_back(trial);
  j["command"] = line;
  j["arguments"] = words;
  write_record(f, j);
  j["out"] = f.out;
  note_edges(tuner, best);
  if (!fine.finished)
    note("fejer tune: stopped after --trials " + f.trials + ", before steps of --finest " +
         f.finest);
  char psnr[32];
  std::snprintf(psnr, sizeof psnr, "%.2f", fine.best.score);
  outcome.text = tuner.describe(best) + ": mean PSNR " + psnr + " dB over " +
                 std::to_string(tuner.cases().size()) + " file" +
                 (tuner.cases().size() > 1 ? "s" : "") + ", " + std::to_string(j["trials"].size()) +
                 " trials\n" + line + "\n";
  return outcome;
}

}  // namespace

Action add_tune(CLI::App& verb) {
  auto f = std::make_shared<TuneFlags>();
  verb.add_option("measurements", f->measurements,
                  "Measurement files of one problem, each with its truth")
      ->type_name("M.h5")
      ->required();
  f->reconstruct.add_method(verb);
  verb.get_option("--prior")->description("tv, model or pnp");
  verb.get_option("--lambda")->description("Where the search for lambda starts");
  verb.get_option("--sigma")->description("Where the search for sigma starts");
  verb.get_option("--max-iterations")->description("Of each trial (default 2000)");
  verb.add_option("--finest", f->finest,
                  "Stop once parameters move by less than this factor (default 1.1)")
      ->type_name("G");
  verb.add_option("--trials", f->trials,
                  "Most points, of the coarse search on the first file and of the fine one on all "
                  "(default 40)")
      ->type_name("N");
  verb.add_option("--out", f->out, "Result: parameters, every trial, inputs with their hashes")
      ->type_name("TUNED.json")
      ->required();
  verb.footer(
      "Example:\n  fejer tune validation1.h5 validation2.h5 --prior model --out tuned.json");
  return [f](const Common&) {
    f->reconstruct.take_default_model();
    return tune(*f);
  };
}

}  // namespace fejer::command
