#pragma once
/// An experiment: one folder, one function, one line in the list of experiments.cpp.
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

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

/// The names that `--set key=NAME,...` lists, all of them among `known`; `otherwise` without it.
std::vector<std::string> selected(const Context& context, const std::string& key,
                                  const std::vector<std::string>& known,
                                  const std::vector<std::string>& otherwise);

/// A part of a result that is kept in `file`: read back if the run resumes and it was made with the
/// same value of `smoke`, else made and written.
nlohmann::ordered_json kept(const Context& context, const std::string& file,
                            const std::function<nlohmann::ordered_json()>& make);

}  // namespace fejer::experiments
