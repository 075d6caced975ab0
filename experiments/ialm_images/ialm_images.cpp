// Sparse networks on MNIST and Fashion-MNIST, after Liu, Liu and Chen, beside tuned baselines.
#include "ialm_images.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <optional>
#include <utility>

#include <fejer/files.hpp>
#include <fejer/parallel.hpp>

#include "../sparse_training/trainers.hpp"
#include "console.hpp"
#include "images.hpp"
#include "record.hpp"
#include "report.hpp"
#include "text.hpp"

namespace fejer::ialm_images {
namespace {

using Json = nlohmann::ordered_json;
using sparse_training::Baseline;
using sparse_training::baselines;
using sparse_training::by_batches;
using sparse_training::by_ialm;
using sparse_training::by_proximal_gradient;
using sparse_training::Problem;
using sparse_training::Trained;
using sparse_training::tuned_rate;

/// Sizes of a run, chosen so that all ways take about the same CPU time.
struct Plan {
  Index samples = 0, seeds = 1;
  Index epochs = 0;     ///< of stochastic methods
  Index gradients = 0;  ///< of proximal gradient
  Index sweeps = 0;     ///< of the augmented Lagrangian method
  Index passes = 1;     ///< of its descent on columns: cheap beside many samples
  double rho_max = 50;  ///< which it comes to near its end
  /// Where samples are many, it is also tried on the first of them and then on all.
  Index part = 0, part_sweeps = 0, part_passes = 1;
};

bool better(const Trained& now, const Trained& best) {
  return best.p.size() == 0 ||
         (std::isfinite(now.objective()) && !(now.objective() >= best.objective()));
}

/// All trainings of one size and seed.
class Trainings {
 public:
  Trainings(const experiments::Context& context, const ImageSet& set, const Plan& plan, Index seed,
            std::string experiment, std::string name)
      : context_(context),
        plan_(plan),
        experiment_(std::move(experiment)),
        name_(std::move(name)),
        rng_(static_cast<std::uint64_t>(seed)),
        problem_(make_problem(set, plan.samples)),
        part_(plan.part > 0 ? std::optional(make_problem(set, plan.part)) : std::nullopt),
        judge_(problem_.fit),
        start_(problem_.fit.initial(rng_)) {}

  /// `rates`: those that an earlier seed found, or null, then they are tuned.
  Json run(Json& rates) {
    Json record = {{"samples", plan_.samples}, {"name", name_}, {"smoke", context_.smoke}};
    record["start_objective"] = problem_.fit.value(start_);
    record["ways"] = record["tuning"] = Json::object();
    Json &ways = record["ways"], &tuning = record["tuning"];
    for (const Baseline& b : baselines()) {
      say(b.name);
      if (!rates.contains(b.name)) rates[b.name] = rate_of(b, tuning[b.name]);
      ways[b.name] = judged(stochastic(b, rates[b.name], plan_.epochs));
    }
    say("proximal_gradient");
    ways["proximal_gradient"] = judged(by_proximal_gradient(problem_, start_, plan_.gradients));
    say("ialm");
    ways["ialm"] = judged(
        tuned_ialm(start_, {{0.25}, {0.5}, {1}, {0.5, false}}, plan_.sweeps, tuning["ialm"]));
    if (part_) {
      say("ialm on a part first");
      ways["ialm_part_first"] = judged(part_first(tuning["ialm_part_first"]));
    }
    say("adam and a finisher");
    finishers(ways, rates["adam"], tuning["adam_then_ialm"]);
    record["rates"] = rates;
    record["pruned"] =
        prune_and_save(problem_, finished_, experiment_, context_.out + "/" + name_ + ".h5");
    return record;
  }

 private:
  static Problem make_problem(const ImageSet& set, Index samples) {
    SparseFitOptions options;
    options.hidden = {30};
    options.lambda_w = 2e-3;
    options.lambda_b = 1e-3;
    Images train = set.train.first(samples);
    return {SparseFit(std::move(train.pixels), std::move(train.labels), options), set.test.pixels,
            set.test.labels};
  }
  void say(const std::string& way) const {
    command::note("experiment " + experiment_ + ": " + name_ + ", " + way);
  }
  Index steps(Index epochs) const { return std::max<Index>(1, epochs * (plan_.samples / 64)); }
  Trained stochastic(const Baseline& b, double rate, Index epochs) const {
    return by_batches(problem_, start_, b.with_rate(rate), steps(epochs), rng_);
  }
  /// With a quarter of the epochs.
  double rate_of(const Baseline& b, Json& tried) const {
    return tuned_rate(
        b, [&](double rate) { return stochastic(b, rate, (plan_.epochs + 3) / 4).objective(); },
        context_.smoke, tried);
  }
  /// Accuracy, and how far the end is from a KKT point when a forward pass and a back-propagation
  /// give u, v and the multipliers (as the state of the method itself does where it has one).
  Json judged(const Trained& t) const {
    Json record = t.record;
    if (!std::isfinite(t.objective())) return record;
    record["accuracy"] = accuracy(problem_, t.p);
    if (!record.contains("kkt_residual"))
      record["kkt_residual"] = judge_.kkt(judge_.init(t.p)).residual();
    return record;
  }
  struct Schedule {
    double rho = 1;
    bool dual_start = true;
    double level_room = 0;
  };
  Trained ialm(const Array<double>& start, const Schedule& schedule, Index sweeps) const {
    return ialm_on(problem_, plan_.passes, plan_.rho_max, start, schedule, sweeps);
  }
  Trained ialm_on(const Problem& problem, Index passes, double rho_max, const Array<double>& start,
                  const Schedule& schedule, Index sweeps) const {
    AugmentedLagrangianOptions o;
    o.rho = schedule.rho;
    o.rho_max = rho_max;
    o.column_passes = passes;
    o.growth = std::pow(o.rho_max / o.rho, 1.25 / static_cast<double>(sweeps));
    o.dual_start = schedule.dual_start;
    o.level_room = schedule.level_room;
    o.check_every = std::clamp<Index>(sweeps / 8, 1, 10);  // the best of short runs counts, too
    return by_ialm(problem, start, o, sweeps, context_.out + "/cells/" + name_ + "-state.h5",
                   context_.resume);
  }
  /// Each schedule with a quarter of the sweeps, the best of them in full.
  Trained tuned_ialm(const Array<double>& start, const std::vector<Schedule>& schedules,
                     Index sweeps, Json& tried) const {
    Trained best;
    Schedule chosen;
    for (const Schedule& s : schedules) {
      Trained t = ialm(start, s, (sweeps + 3) / 4);
      tried.push_back({{"rho", s.rho},
                       {"dual_start", s.dual_start},
                       {"level_room", s.level_room},
                       {"objective", t.objective()}});
      if (!better(t, best)) continue;
      best = std::move(t);
      chosen = s;
    }
    return ialm(start, chosen, sweeps);
  }
  /// On the first samples from scratch, then half of the sweeps on all.
  Trained part_first(Json& tried) const {
    const Trained part = ialm_on(*part_, plan_.part_passes, 50, start_, {0.5}, plan_.part_sweeps);
    Trained end = tuned_ialm(part.p, {{0.5, true, 0.2}, {1, true, 0.2}, {2, true, 0.2}},
                             (plan_.sweeps + 1) / 2, tried);
    end.record["part"] = part.record;
    end.record["cpu_seconds"] =
        end.record["cpu_seconds"].get<double>() + part.record["cpu_seconds"].get<double>();
    return end;
  }
  /// Half of the budget for Adam, the other half for what finishes.
  void finishers(Json& ways, double rate, Json& tried) {
    const Trained warm = stochastic(baselines().front(), rate, (plan_.epochs + 1) / 2);
    ways["adam_half"] = judged(warm);
    const Trained end = tuned_ialm(
        warm.p, {{2}, {0.25, true, 0.2}, {0.5, true, 0.2}, {1, true, 0.2}, {2, true, 0.2}},
        (plan_.sweeps + 1) / 2, tried);
    ways["adam_then_ialm"] = judged(end);
    ways["adam_then_proximal_gradient"] =
        judged(by_proximal_gradient(problem_, warm.p, (plan_.gradients + 1) / 2));
    finished_ = end.p;
  }

  const experiments::Context& context_;
  Plan plan_;
  std::string experiment_, name_;
  Rng rng_;
  Problem problem_;
  std::optional<Problem> part_;
  InexactAugmentedLagrangian judge_;
  Array<double> start_, finished_;
};

std::vector<Plan> plans(const experiments::Context& context) {
  if (context.smoke)
    return {{.samples = 100,
             .epochs = 20,
             .gradients = 20,
             .sweeps = 20,
             .passes = 2,
             .part = 70,
             .part_sweeps = 10,
             .part_passes = 2}};
  const std::vector<Plan> known = {
      {.samples = 500, .seeds = 2, .epochs = 440, .gradients = 500, .sweeps = 250, .passes = 2},
      {.samples = 5000,
       .epochs = 60,
       .gradients = 100,
       .sweeps = 50,
       .passes = 8,
       .part = 1000,
       .part_sweeps = 100,
       .part_passes = 4},
      {.samples = 60000,
       .epochs = 6,
       .gradients = 15,
       .sweeps = 12,
       .passes = 32,
       .rho_max = 10,
       .part = 5000,
       .part_sweeps = 50,
       .part_passes = 8}};
  std::vector<Plan> chosen;
  for (const std::string& text :
       experiments::selected(context, "samples", {"500", "5000", "60000"}, {"500", "5000"}))
    for (const Plan& plan : known)
      if (text == std::to_string(plan.samples)) chosen.push_back(plan);
  return chosen;
}

Json finish(const experiments::Context& context, const Json& record) {
  write_text(context.out + "/record.json", record.dump(1) + "\n");
  write_text(context.out + "/report.md", report(record));
  return record;
}

Json run(const experiments::Context& context, const std::string& name, const std::string& folder) {
  const auto set = context.set.find("folder");
  const std::string path = set == context.set.end() ? context.data + "/" + folder : set->second;
  Json record = command::environment_json();
  record["experiment"] = name;
  record["smoke"] = context.smoke;
  const std::vector<Plan> chosen = plans(context);
  const std::optional<ImageSet> images = read_images(path);
  if (!images) {
    record["skipped"] = "no pictures in " + folder + "; scripts/fetch_mnist fetches them";
    command::note("experiment " + name + ": skipped, no pictures in " + path +
                  "; scripts/fetch_mnist fetches them");
    return finish(context, record);
  }
  const ScopedThreads one(1);  // CPU seconds are compared
  std::filesystem::create_directories(context.out + "/cells");
  record["runs"] = Json::array();
  for (const Plan& plan : chosen) {
    Json rates = Json::object();
    for (Index seed = 1; seed <= plan.seeds; ++seed) {
      const std::string cell = std::to_string(plan.samples) + "-seed" + std::to_string(seed);
      record["runs"].push_back(experiments::kept(
          context, context.out + "/cells/" + cell + ".json",
          [&] { return Trainings(context, *images, plan, seed, name, cell).run(rates); }));
      rates = record["runs"].back()["rates"];
    }
  }
  return finish(context, record);
}

}  // namespace

Json run_mnist(const experiments::Context& context) { return run(context, "ialm_mnist", "mnist"); }
Json run_fashion_mnist(const experiments::Context& context) {
  return run(context, "ialm_fashion_mnist", "fashion-mnist");
}

}  // namespace fejer::ialm_images
