// Trains by `fejer train` with kinds pnp-..., then iterates the layers that were learned.
#include "cell.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include <fejer/hdf5.hpp>
#include <fejer/metrics.hpp>
#include <fejer/models/model_file.hpp>
#include <fejer/rng.hpp>

#include "console.hpp"
#include "data_folder.hpp"
#include "passage.hpp"
#include "start.hpp"

namespace fejer::learned_pnp {
namespace {

using Json = nlohmann::ordered_json;

std::string folder_of(const Place& place, const experiments::Context& context) {
  return context.out + "/trainings/" + place.name();
}

/// Of metrics.csv: columns by name, nothing where a field is empty.
std::map<std::string, std::vector<double>> metrics(const std::string& path) {
  std::ifstream file(path);
  std::string line, field;
  std::vector<std::string> names;
  std::map<std::string, std::vector<double>> columns;
  const auto each = [&](const auto& f) {
    std::stringstream fields(line);
    for (std::size_t i = 0; std::getline(fields, field, ','); ++i) f(i);
  };
  std::getline(file, line);
  each([&](std::size_t) { names.push_back(field); });
  while (std::getline(file, line))
    each([&](std::size_t i) {
      if (!field.empty()) columns[names[i]].push_back(std::stod(field));
    });
  return columns;
}

/// What the training's gradients cost: of the whole, and of the last step.
struct Spent {
  double all = 0, last = 0;
  Json figures = Json::object();
};

Spent spent(const Place& place, const std::string& folder, Index batch) {
  const bool implicit = place.strategy.gradient == "implicit";
  const auto columns = metrics(folder + "/metrics.csv");
  const auto means = [&](const char* name) {
    const auto found = columns.find(name);
    return found == columns.end() ? std::vector<double>() : found->second;
  };
  const std::vector<double> passes = means("passes"), products = means("adjoint products");
  const auto layers = static_cast<double>(place.learned.levels);
  // A pass of the strategy is one of a denoiser, a pass of the training one of all in turn.
  const double taped = 3 * static_cast<double>(place.strategy.depth);
  Spent result;
  for (std::size_t k = 0; k < passes.size(); ++k) {
    result.last = layers * passes[k] + taped;
    if (implicit) result.last += products[k];
    result.last *= static_cast<double>(batch);
    result.all += result.last;
  }
  const auto mean = [](const std::vector<double>& values) {
    double sum = 0;
    for (const double v : values) sum += v;
    return sum / static_cast<double>(values.size());
  };
  for (const char* name :
       {"passes", "residual", "unsettled", "contraction", "adjoint products", "adjoint residual"})
    if (!means(name).empty()) result.figures[name] = mean(means(name));
  return result;
}

/// sigma of the start: the task's noise level, where DRUNets were trained and iterations move.
std::string start_sigma(const Measurement& m) {
  return std::to_string(std::clamp(m.noise_level, 10.0 / 255, 50.0 / 255));
}

std::vector<std::string> settings_of(const Place& place, const Settings& s,
                                     const std::string& measurement, const std::string& images,
                                     const Measurement& m, bool smoke) {
  const Strategy& strategy = place.strategy;
  const Learned& what = place.learned;
  const auto per_turn = [&](Index passes) {
    return std::to_string(std::max<Index>(1, passes / what.levels));
  };
  std::vector<std::string> all{"model.kind=" + what.kind,
                               "model.measurement=" + measurement,
                               "model.denoiser=" + s.denoiser(place.task, what),
                               "model.strategy=" + strategy.gradient,
                               "data.train=" + images,
                               "training.batch=" + std::to_string(s.batch)};
  const auto add = [&](const std::string& setting) { all.push_back(setting); };
  if (strategy.gradient == "unrolled" || strategy.gradient == "restarted")
    add("model.depth=" + per_turn(strategy.depth));
  if (strategy.gradient == "restarted" || strategy.gradient == "one-step")
    add("model.restarts=" + std::to_string(strategy.restarts));
  if (strategy.gradient == "one-step") add("model.until_tolerance=false");
  if (strategy.warm) add("training.warm=true");
  if (strategy.settles()) {
    add("model.tolerance=3e-4");
    add("model.max_passes=" + std::to_string(s.settling));
  }
  if (strategy.gradient == "implicit") {
    add("model.adjoint_tolerance=1e-2");
    add("model.adjoint_max_products=100");
  }
  if (what.levels > 1) add("model.levels=" + std::to_string(what.levels));
  if (what.name == "weights") add("model.learn_weights=true");
  if (what.name == "wcrr") add("model.step=0.7");
  if (what.name != "spline") add("model.sigma=" + start_sigma(m));
  if (smoke && what.name == "wcrr") add("model.prox_max_iterations=3");
  return all;
}

/// Steps until the budget is spent: known beforehand, or learned from those that were made.
command::Outcome train_to_budget(const Place& place, const std::vector<std::string>& settings,
                                 const Settings& s, Index images,
                                 const experiments::Context& context) {
  const Strategy& strategy = place.strategy;
  const double budget = s.budget(place.learned);
  const auto per_step = static_cast<double>(s.batch * strategy.passes());
  Index steps = std::max<Index>(1, std::llround(budget / per_step));
  if (strategy.warm) steps = std::min(steps, (images + s.batch - 1) / s.batch);
  if (strategy.gradient == "implicit") steps = 1;
  experiments::Context now = context;
  while (true) {
    std::vector<std::string> all = settings;
    all.push_back("training.steps=" + std::to_string(steps));
    command::Outcome outcome = experiments::trained(now, "learned_pnp", place.name(),
                                                    "learned_pnp/training.toml", std::move(all));
    if (!strategy.settles()) return outcome;
    // A training that goes on has spent the same passes on what it has done.
    const Spent cost = spent(place, folder_of(place, context), s.batch);
    const double next = strategy.warm ? per_step : cost.last;
    const auto more = static_cast<Index>((budget - cost.all) / next);
    if (more < 1 || context.smoke) return outcome;
    steps += more;
    now.resume = true, now.smoke = false;
  }
}

void test(const Place& place, const Json& found, const Images& images, const Settings& s,
          const experiments::Context& context, Json& cell) {
  const Measured measured = measured_images(place.task, images.test);
  const double bound = measured.A.norm_interval().upper;
  const double gamma = found["step_times_squared_norm"].get<double>() / (bound * bound);
  const auto model = load_model<float>(folder_of(place, context) + "/model.h5");
  const std::vector<FrozenDenoiser> denoisers = denoisers_of(model, found, gamma);
  std::map<std::string, std::vector<double>> values;
  Index settled = 0;
  for (std::size_t i = 0; i < images.test.size(); ++i) {
    const Array<float>& y = measured.data[i];
    const PnpIteration iteration{denoisers, measured.A, measured.A.apply_adjoint(y), gamma};
    Passage p =
        pass_on(iteration, command::start_from<float>(measured.measurement.setup, measured.A, y),
                images.test[i], shown_depths, s.most);
    settled += p.settled ? 1 : 0;
    values["start"].push_back(p.start);
    for (const auto& [depth, psnr] : p.psnr)
      values["after_" + std::to_string(depth)].push_back(psnr);
    values["last"].push_back(p.last);
    values["passes"].push_back(static_cast<double>(p.passes));
    values["residual"].push_back(p.residual);
    if (i > 0) continue;
    const LocalConstants constants = local_constants(iteration, p.end, s.power_iterations);
    if (constants.denoiser) cell["lipschitz_denoiser"] = *constants.denoiser;
    if (constants.turn) cell["lipschitz_turn"] = *constants.turn;
    cell["residuals"] = p.residuals;
    Hdf5Writer file(folder_of(place, context) + "/first.h5");
    file.write<float>("image", p.end);
    file.commit();
  }
  Json& mean = cell["psnr"] = Json::object();
  for (const auto& [key, list] : values) {
    if (list.size() < images.test.size()) continue;  // not every image got there
    double sum = 0;
    for (const double v : list) sum += v;
    mean[key] = sum / static_cast<double>(list.size());
  }
  cell["settled"] = settled, cell["images"] = images.test.size();
}

}  // namespace

Measured measured_images(const Task& task, const std::vector<Array<float>>& images) {
  const Measurement m = experiments::measurement_of(task, images.front().shape()[1]);
  Measured result{m, make_operator<float>(m), {}};
  for (std::size_t i = 0; i < images.size(); ++i)
    result.data.push_back(
        experiments::measured(m, result.A, images[i], Rng(0).stream("test/" + std::to_string(i))));
  return result;
}

Json train_and_test(const Place& place, const Images& images, const Settings& s,
                    const experiments::Context& context) {
  const std::string stem = context.out + "/trainings/" + place.task.name;
  const Measurement m = experiments::measurement_of(place.task, s.patch);
  save_measurement(stem + ".h5", m);
  save_dataset(stem + "_images.h5",
               Dataset(images.train, std::vector<ImageSource>(images.train.size()),
                       "windows of " + s.train));
  Json cell = {{"smoke", context.smoke},        {"task", place.task.name},
               {"learned", place.learned.name}, {"strategy", place.strategy.name},
               {"depth", place.strategy.depth}, {"restarts", place.strategy.restarts}};
  const std::vector<std::string> settings =
      settings_of(place, s, stem + ".h5", stem + "_images.h5", m, context.smoke);
  command::Outcome outcome;
  try {
    outcome = train_to_budget(place, settings, s, std::ssize(images.train), context);
  } catch (const Error& e) {
    // What cannot go on is a result; a file or a setting that is wrong is not.
    const std::string cause = e.what();
    if (cause.find("does not contract") == std::string::npos &&
        cause.find("finite") == std::string::npos)
      throw;
    cell["failed"] = cause;
    return cell;
  }
  const Spent cost = spent(place, folder_of(place, context), s.batch);
  const Json& found = outcome.json["learned"];
  cell["steps"] = outcome.json["steps"];
  cell["seconds"] = outcome.json["seconds"];
  cell["passes"] = cost.all;
  cell["training"] = cost.figures;
  cell["last_loss"] = outcome.json["loss"];
  cell["step"] = found["step_times_squared_norm"];
  for (const char* key : {"sigma", "lambda"})
    if (found.contains(key)) cell[key] = found[key];
  test(place, found, images, s, context, cell);
  return cell;
}

Array<float> first_result(const Place& place, const experiments::Context& context) {
  const std::string file = folder_of(place, context) + "/first.h5";
  if (!std::filesystem::exists(file)) return {};
  return Hdf5Reader(file).read<float>("image");
}

}  // namespace fejer::learned_pnp
