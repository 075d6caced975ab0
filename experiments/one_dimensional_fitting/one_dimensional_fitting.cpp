// min over 1-Lipschitz networks of the mean square error on 1000 random points of [-1, 1].
#include "one_dimensional_fitting.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <sstream>

#include <fejer/files.hpp>
#include <fejer/models/adaptive_spline.hpp>
#include <fejer/models/training/optimiser.hpp>
#include <fejer/parallel.hpp>

#include "console.hpp"
#include "network.hpp"
#include "record.hpp"
#include "targets.hpp"
#include "text.hpp"

namespace fejer::one_dimensional_fitting {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t seed = 5;
constexpr Index points = 1000, test_points = 10000;
constexpr Activation activations[] = {Activation::spline,    Activation::relu,
                                      Activation::absolute,  Activation::prelu,
                                      Activation::groupsort, Activation::householder};

struct Settings {
  Index networks = 25, steps = 4000, batch = 50;
  double tv2 = 1e-7;
  OptimiserOptions optimiser{
      .rate = 5e-3, .group_rates = {{"weights", 5e-3}, {"scales", 2e-3}, {"activations", 1e-3}}};
};

struct Data {
  Array<double> x, y, test_x, test_y;
};

Data make_data(const Target& target) {
  Data d{Array<double>(Shape{1, points}), Array<double>(Shape{1, points}),
         Array<double>(Shape{1, test_points}), Array<double>(Shape{1, test_points})};
  const RandomStream random = Rng(seed).stream("points");
  for (Index i = 0; i < points; ++i) {
    d.x[i] = 2 * random.uniform(static_cast<std::uint64_t>(i)) - 1;
    d.y[i] = target.value(d.x[i]);
  }
  for (Index i = 0; i < test_points; ++i) {
    d.test_x[i] = -1 + 2 * static_cast<double>(i) / (test_points - 1);
    d.test_y[i] = target.value(d.test_x[i]);
  }
  return d;
}

struct Outcome {
  double error = 0;     ///< mean square on the test points
  double steepest = 0;  ///< largest difference quotient of neighbouring test points
};

Outcome train_one(const Network& network, const Data& data, const Settings& s,
                  const std::string& name) {
  const Rng rng(Rng(seed).stream(name).bits(0));
  Parameters p = network.initial(rng), gradient;
  OptimiserOptions options = s.optimiser;
  std::map<std::string, double> rates;  // only of groups that there are
  for (const auto& entry : p.entries()) rates[entry.group] = options.group_rates[entry.group];
  options.group_rates = rates;
  const Optimiser optimiser(options, p);
  Optimiser::State state = optimiser.initial(p);
  const Schedule schedule{.kind = Schedule::Kind::cosine, .over = s.steps};
  const Index per_epoch = points / s.batch;
  std::vector<Index> order;
  Array<double> x(Shape{1, s.batch}), y(Shape{1, s.batch});
  for (Index step = 0; step < s.steps; ++step) {
    if (step % per_epoch == 0)
      order = permutation(points, rng.stream("epoch " + std::to_string(step / per_epoch)));
    for (Index j = 0; j < s.batch; ++j) {
      const Index i = order[static_cast<std::size_t>(step % per_epoch * s.batch + j)];
      x[j] = data.x[i];
      y[j] = data.y[i];
    }
    network.objective(p, x, y, s.tv2, gradient);
    optimiser.step(gradient, schedule.factor(step), state, p);
  }
  const Array<double> value = network.value(p, data.test_x);
  Outcome outcome;
  for (Index i = 0; i < test_points; ++i) {
    outcome.error += std::pow(value[i] - data.test_y[i], 2) / test_points;
    if (i > 0)
      outcome.steepest = std::max(outcome.steepest, std::abs(value[i] - value[i - 1]) /
                                                        (data.test_x[i] - data.test_x[i - 1]));
  }
  return outcome;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

Json train_many(const Target& target, Activation activation, const Settings& s) {
  const Data data = make_data(target);
  const Network network(activation);
  std::vector<Outcome> outcomes(static_cast<std::size_t>(s.networks));
  parallel_for(s.networks, 1, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i)
      if (!command::interrupted())
        outcomes[static_cast<std::size_t>(i)] = train_one(
            network, data, s, target.name + "/" + to_string(activation) + "/" + std::to_string(i));
  });
  command::stop_if_interrupted();
  std::vector<double> errors;
  double steepest = 0;
  for (const Outcome& o : outcomes) {
    errors.push_back(o.error);
    steepest = std::max(steepest, o.steepest);
  }
  return {{"target", target.name},    {"activation", to_string(activation)},
          {"networks", s.networks},   {"steps", s.steps},
          {"median", median(errors)}, {"largest_quotient", steepest},
          {"errors", errors}};
}

/// The same points fitted by one spline with free knots: the representer theorem at work.
Json fit_one_spline(const Target& target) {
  const Data data = make_data(target);
  const std::vector<double> x(data.x.begin(), data.x.end()), y(data.y.begin(), data.y.end());
  const double lambda = 1e-4;
  const AdaptiveSplineFit fit = fit_adaptive_spline(x, y, lambda, SlopeBounds::lipschitz());
  const auto error = [&](const ReluSpline& s) {
    double sum = 0;
    for (Index i = 0; i < test_points; ++i)
      sum += std::pow(s.value(data.test_x[i]) - data.test_y[i], 2) / test_points;
    return sum;
  };
  // Where a slope is held at its bound, rounding leaves knots of no size.
  const ReluSpline sparse = sparsified(fit.spline, 1e-4);
  double objective = lambda * sparse.tv2();
  for (std::size_t i = 0; i < x.size(); ++i)
    objective += std::pow(sparse.value(x[i]) - y[i], 2) / 2;
  return {{"target", target.name},
          {"lambda", lambda},
          {"knots", fit.spline.knots.size()},
          {"error", error(fit.spline)},
          {"objective", fit.objective},
          {"sparse_knots", sparse.knots.size()},
          {"sparse_error", error(sparse)},
          {"sparse_objective", objective},
          {"sparse_slopes", {sparse.min_slope(), sparse.max_slope()}},
          {"gap", fit.gap},
          {"iterations", fit.iterations},
          {"slopes", {fit.spline.min_slope(), fit.spline.max_slope()}}};
}

std::string scientific(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2e", value);
  return text;
}

std::string report(const Json& record, const Settings& s) {
  std::ostringstream out;
  out << "# 1-Lipschitz functions of one variable\n\nMade by `fejer experiment run "
         "one_dimensional_fitting`. Mean square error on 10 000 points, median of "
      << s.networks << " networks 1-10-10-10-1, " << s.steps << " steps of " << s.batch
      << " of 1000 random points. No figures were published for comparison.\n\n| target |";
  std::vector<std::string> columns, rows;
  for (const Json& cell : record["results"]) {
    const std::string a = cell["activation"], t = cell["target"];
    if (std::find(columns.begin(), columns.end(), a) == columns.end()) columns.push_back(a);
    if (std::find(rows.begin(), rows.end(), t) == rows.end()) rows.push_back(t);
  }
  for (const auto& a : columns) out << ' ' << a << " |";
  out << "\n|---|";
  for (std::size_t i = 0; i < columns.size(); ++i) out << "---|";
  double steepest = 0;
  for (const auto& t : rows) {
    out << "\n| " << t << " |";
    for (const auto& a : columns)
      for (const Json& cell : record["results"])
        if (cell["activation"] == a && cell["target"] == t) {
          out << ' ' << scientific(cell["median"]) << " |";
          steepest = std::max(steepest, cell["largest_quotient"].get<double>());
        }
  }
  char line[240];
  std::snprintf(line, sizeof line,
                "\n\nLargest difference quotient of neighbouring points, over all networks: %.9f "
                "(at most 1 by construction).\n",
                steepest);
  out << line
      << "\n## One spline with free knots\n\nThe same 1000 points, min 1/2 sum (s(x) - y)^2 + "
         "lambda TV2(s) subject to |s'| <= 1, solved to the duality gap: linear splines with few "
         "knots, as the representer theorem says (at most 998). Sparsified: knots at which the "
         "slope "
         "changes by at most 1e-4 left out, values at the others kept, bounds with them.\n\n| "
         "target "
         "| lambda | knots | error | objective | duality gap | sparsified: knots | error | "
         "objective "
         "|\n|---|---|---|---|---|---|---|---|---|\n";
  for (const Json& r : record["one_spline"])
    out << "| " << r["target"].get<std::string>() << " | " << scientific(r["lambda"]) << " | "
        << r["knots"] << " | " << scientific(r["error"]) << " | " << scientific(r["objective"])
        << " | " << scientific(r["gap"]) << " | " << r["sparse_knots"] << " | "
        << scientific(r["sparse_error"]) << " | " << scientific(r["sparse_objective"]) << " |\n";
  return out.str();
}

}  // namespace

Json run(const experiments::Context& context) {
  Settings s;
  if (context.smoke) {
    s.networks = 2;
    s.steps = 60;
  }
  if (context.set.count("networks") > 0)
    s.networks = command::parse_count("--set networks", context.set.at("networks"), 1);
  if (context.set.count("steps") > 0)
    s.steps = command::parse_count("--set steps", context.set.at("steps"), 1);
  if (s.networks < 1 || s.steps < 1)
    throw ArgumentError("experiment one_dimensional_fitting: networks and steps must be positive");
  std::filesystem::create_directories(context.out + "/cells");
  Json record = command::environment_json();
  record["experiment"] = "one_dimensional_fitting";
  record["smoke"] = context.smoke;
  record["results"] = Json::array();
  std::vector<std::string> target_names, activation_names;
  for (const Target& target : targets(Rng(seed))) target_names.push_back(target.name);
  for (const Activation a : activations) activation_names.emplace_back(to_string(a));
  const auto wanted = [&](const std::string& key, const std::vector<std::string>& names,
                          const std::string& name) {
    const auto list = experiments::selected(context, key, names, names);
    return std::find(list.begin(), list.end(), name) != list.end();
  };
  for (const Target& target : targets(Rng(seed))) {
    if (!wanted("targets", target_names, target.name)) continue;
    for (const Activation activation : activations) {
      if (!wanted("activations", activation_names, to_string(activation))) continue;
      command::note("experiment one_dimensional_fitting: " + target.name + ", " +
                    to_string(activation));
      const std::string file =
          context.out + "/cells/" + target.name + "-" + to_string(activation) + ".json";
      Json cell = experiments::kept(context, file, [&] {
        Json made = train_many(target, activation, s);
        made["smoke"] = context.smoke;
        return made;
      });
      record["results"].push_back(std::move(cell));
    }
    record["one_spline"].push_back(fit_one_spline(target));
  }
  write_text(context.out + "/record.json", record.dump(1) + "\n");
  write_text(context.out + "/report.md", report(record, s));
  return record;
}

}  // namespace fejer::one_dimensional_fitting
