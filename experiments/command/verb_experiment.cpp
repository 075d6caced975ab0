// fejer experiment: the recorded comparisons, each with one command.
#include <filesystem>

#include "../experiment.hpp"
#include "console.hpp"
#include "data_folder.hpp"
#include "text.hpp"
#include "verb.hpp"

namespace fejer::command {
namespace {

struct ExperimentFlags {
  std::string action, name;
  experiments::Context context;
  std::vector<std::string> set;
};

Outcome list() {
  Outcome outcome;
  outcome.json = nlohmann::ordered_json::array();
  for (const experiments::Experiment& e : experiments::all()) {
    outcome.json.push_back({{"name", e.name}, {"shows", e.shows}, {"keys", e.keys}});
    outcome.text += std::string(e.name) + ": " + e.shows + "\n";
  }
  return outcome;
}

const experiments::Experiment& find(const std::string& name) {
  std::vector<std::string> names;
  for (const experiments::Experiment& e : experiments::all()) {
    if (name == e.name) return e;
    names.emplace_back(e.name);
  }
  require_known("experiment run", name, names);
  throw ArgumentError("experiment run: no such experiment");
}

Outcome run_experiment(const ExperimentFlags& f) {
  require_known("experiment", f.action, {"list", "run"});
  if (f.action == "list") return list();
  if (f.name.empty()) throw ArgumentError("experiment run: a name is needed; see experiment list");
  const experiments::Experiment& experiment = find(f.name);
  experiments::Context context = f.context;
  context.data = data_folder();
  if (context.out.empty()) context.out = "out/" + f.name;
  for (const std::string& item : f.set) {
    const auto equals = item.find('=');
    if (equals == std::string::npos)
      throw ArgumentError("--set: got '" + item + "', expected key=value");
    require_known("--set", item.substr(0, equals), experiment.keys);
    context.set[item.substr(0, equals)] = item.substr(equals + 1);
  }
  std::error_code error;
  std::filesystem::create_directories(context.out, error);
  if (error) throw ArgumentError("--out: cannot make " + context.out + ": " + error.message());
  Outcome outcome;
  outcome.json = experiment.run(context);
  outcome.text = "tables and record: " + context.out + "\n";
  return outcome;
}

}  // namespace

Action add_experiment(CLI::App& verb) {
  auto f = std::make_shared<ExperimentFlags>();
  verb.add_option("action", f->action, "list or run")->type_name("list|run")->required();
  verb.add_option("name", f->name, "run: which")->type_name("NAME");
  verb.add_option("--out", f->context.out, "Folder of the results (default out/NAME)")
      ->type_name("DIR");
  verb.add_flag("--smoke", f->context.smoke, "Small and short: exercises the code only");
  verb.add_flag("--resume", f->context.resume, "Keep what --out holds and do the rest");
  verb.add_option("--set", f->set, "Change a setting; `list --json` names the keys")
      ->type_name("KEY=VALUE");
  verb.footer(
      "Example:\n  fejer experiment run reconstruction --set tasks=mri_single_4x --resume\n"
      "Data sets are looked for in FEJER_DATA, by default ../shared/data beside the source "
      "folder.");
  return [f](const Common&) { return run_experiment(*f); };
}

}  // namespace fejer::command
