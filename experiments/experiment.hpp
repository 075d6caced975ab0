#pragma once
/// An experiment: one folder, one function, one line in the list of experiments.cpp.
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "outcome.hpp"

namespace fejer::experiments {

struct Context {
  std::string out;     ///< folder for record, tables and pictures
  std::string data;    ///< folder of the data sets (FEJER_DATA, default ../shared/data)
  bool smoke = false;  ///< seconds instead of hours: exercises the code, its figures mean nothing
  bool resume = false;
  std::map<std::string, std::string> set;  ///< --set key=value
};

struct Experiment {
  const char* name;
  const char* shows;
  std::vector<std::string> keys;  ///< that --set knows
  nlohmann::ordered_json (*run)(const Context&);
};

const std::vector<Experiment>& all();

/// What `--set key=` says; `otherwise` without it.
std::string given(const Context& context, const std::string& key, const std::string& otherwise);

/// Whether there are images where "FILE.h5:/dataset", a folder, a file or dead-leaves:... says.
bool images_exist(const std::string& images);

/// The names that `--set key=NAME,...` lists, all of them among `known`; `otherwise` without it.
std::vector<std::string> selected(const Context& context, const std::string& key,
                                  const std::vector<std::string>& known,
                                  const std::vector<std::string>& otherwise);

/// Trains as `fejer train` does, by experiments/`config` with `settings`, in
/// `context.out`/trainings/ `name`: a run that resumes goes on there, others and smoke runs begin
/// anew. Throws Error with the cause where a training does not end. The model is model.h5 in that
/// folder.
command::Outcome trained(const Context& context, const std::string& experiment,
                         const std::string& name, const std::string& config,
                         std::vector<std::string> settings);

/// A part of a result that is kept in `file`: read back if the run resumes and it was made with the
/// same value of `smoke`, else made and written.
nlohmann::ordered_json kept(const Context& context, const std::string& file,
                            const std::function<nlohmann::ordered_json()>& make);

}  // namespace fejer::experiments
