#include "reconstruction.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <sstream>

#include <fejer/files.hpp>
#include <fejer/vector.hpp>

#include "../tuning/parameter_search.hpp"
#include "console.hpp"
#include "drawing.hpp"
#include "methods.hpp"
#include "record.hpp"
#include "tasks.hpp"
#include "unrolled.hpp"

namespace fejer::reconstruction {
namespace {

using Json = nlohmann::ordered_json;
using command::AnyArray;

/// NaN has no form in JSON.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json to_json(const Case& c, const Outcome& o) {
  return {{"case", c.name},
          {"psnr", number(o.psnr)},
          {"ssim", number(o.ssim)},
          {"data_fit", o.data_fit},
          {"iterations", o.iterations},
          {"seconds", o.seconds},
          {"objective", number(o.objective)},
          {"status", to_string(o.status)},
          {"cause", o.cause},
          {"change_never_rose", o.change_never_rose}};
}

tuning::StagedResult tune(const Task& task, const MethodSpec& method, bool smoke) {
  const bool pnp = method.prior == "pnp";
  // Without a reference there is no figure that finer parameters could change.
  const bool referenced = task.test.front().measurement.truth.has_value();
  const Effort effort{2e-4, smoke ? 2 : referenced ? 500 : 100};
  tuning::Stages stages;
  stages.coarse = {1.6, smoke ? 1 : pnp || !referenced ? 10 : 18};
  stages.fine = {1.25, smoke ? 1 : pnp ? 4 : 6};
  const auto psnr = [&](const tuning::Point& p, std::size_t i) {
    const Outcome o = reconstruct(task, task.tuning[i], method, p, effort);
    command::stop_if_interrupted();
    return o.psnr;
  };
  return tuning::search_in_stages(tuning::search_space(situation_of(method, task.tuning.front())),
                                  task.tuning.size(), psnr, stages);
}

Json make_cell(const Task& task, const MethodSpec& method, bool smoke, const std::string& image) {
  Json cell = {
      {"task", task.name}, {"method", method.name}, {"prior", method.prior}, {"smoke", smoke}};
  tuning::Point parameters{};  // an unrolled network has none
  if (method.prior != "unrolled") {
    const auto [coarse, tuned] = tune(task, method, smoke);
    parameters = tuned.best.point;
    cell["tuned"] = tuned.best.point;
    cell["tuning_psnr"] = tuned.best.score;
    for (const tuning::SearchResult* stage : {&coarse, &tuned})
      for (const tuning::Trial& t : stage->trials)
        cell["trials"].push_back({t.point[0], t.point[1], number(t.score)});
  }
  // Weighted projections and network steps move slowly; both get the same tolerance.
  const Effort effort{5e-5, smoke ? 2 : 1500};
  for (const Case& c : task.test) {
    const Outcome o = reconstruct(task, c, method, parameters, effort);
    command::stop_if_interrupted();
    if (&c == &task.test.front()) command::write_image(image, o.image, 1, {});
    cell["cases"].push_back(to_json(c, o));
  }
  return cell;
}

Json start_cell(const Task& task, bool smoke, const std::string& image) {
  Json cell = {{"task", task.name}, {"method", "start"}, {"smoke", smoke}};
  for (const Case& c : task.test) {
    const Outcome o = start_of(task, c);
    if (&c == &task.test.front()) command::write_image(image, o.image, 1, {});
    cell["cases"].push_back(to_json(c, o));
  }
  return cell;
}

void draw(const Task& task, const std::string& folder, const std::vector<std::string>& methods) {
  std::vector<command::Panel> panels;
  const Case& c = task.test.front();
  double white = task.data_range > 0 ? task.data_range : 0;
  for (const std::string& name : methods) {
    const std::string file = folder + "/cells/" + task.name + "-" + name + ".h5";
    if (!std::filesystem::exists(file)) continue;
    const Array<float> image = command::magnitude(command::read_any_image("", file + ":/image"));
    if (white == 0) white = max_abs(ConstView<float>(image));
    panels.push_back({name, command::as_rgb(image, white)});
  }
  if (c.measurement.truth)
    panels.push_back(
        {"reference", command::as_rgb(command::magnitude(*c.measurement.truth), white)});
  command::draw_panels(folder + "/pictures/" + task.name + ".png", panels);
}

Json describe(const Task& task) {
  return {{"name", task.name},
          {"title", task.title},
          {"remark", task.remark},
          {"referenced", task.test.front().measurement.truth.has_value()}};
}

}  // namespace

Json run(const experiments::Context& context) {
  if (!std::filesystem::is_directory(context.data))
    throw ArgumentError("experiment reconstruction: no data in " + context.data +
                        "; set FEJER_DATA to the folder of the data sets");
  const std::string& out = context.out;
  for (const char* folder : {"/cells", "/pictures", "/models"})
    std::filesystem::create_directories(out + folder);
  std::vector<MethodSpec> methods = make_methods(context.data, out + "/models");
  if (const auto own = context.set.find("own"); own != context.set.end()) {
    std::stringstream files(own->second);
    for (std::string file; std::getline(files, file, ',');) methods.push_back(own_method(file));
  }
  std::vector<std::string> method_names, recorded;
  for (const MethodSpec& m : methods) {
    method_names.push_back(m.name);
    if (!m.forced) recorded.push_back(m.name);
  }
  method_names.emplace_back("unrolled");
  recorded.emplace_back("unrolled");
  const auto wanted = experiments::selected(context, "methods", method_names, recorded);

  Json record = command::environment_json();
  record["experiment"] = "reconstruction";
  record["smoke"] = context.smoke;
  for (const std::string& name :
       experiments::selected(context, "tasks", task_names(), task_names())) {
    const Task task = make_task(name, context.data, context.smoke);
    record["tasks"].push_back(describe(task));
    const std::string stem = out + "/cells/" + name + "-";
    record["cells"].push_back(experiments::kept(context, stem + "start.json", [&] {
      return start_cell(task, context.smoke, stem + "start.h5");
    }));
    for (const MethodSpec& method : methods) {
      if (std::find(wanted.begin(), wanted.end(), method.name) == wanted.end()) continue;
      command::note("experiment reconstruction: " + name + ", " + method.name);
      record["cells"].push_back(experiments::kept(context, stem + method.name + ".json", [&] {
        return make_cell(task, method, context.smoke, stem + method.name + ".h5");
      }));
    }
    const std::string unrolled = stem + "unrolled.json";
    if (has_unrolled(name) && std::find(wanted.begin(), wanted.end(), "unrolled") != wanted.end() &&
        ((context.resume && std::filesystem::exists(unrolled)) ||
         has_training_images(name, context))) {
      command::note("experiment reconstruction: " + name + ", unrolled");
      record["cells"].push_back(experiments::kept(context, unrolled, [&] {
        return make_cell(task, {"unrolled", "unrolled", trained_unrolled(task, context)},
                         context.smoke, stem + "unrolled.h5");
      }));
    }
    std::vector<std::string> shown = {"start"};
    shown.insert(shown.end(), method_names.begin(), method_names.end());
    draw(task, out, shown);
    write_text(out + "/record.json", record.dump(1) + "\n");
    write_text(out + "/report.md", report(record));
  }
  return record;
}

}  // namespace fejer::reconstruction
