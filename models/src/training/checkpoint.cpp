#include <fejer/models/training/checkpoint.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>
#include <utility>

#include <fejer/error.hpp>
#include <fejer/hdf5.hpp>
#include <fejer/vector.hpp>

namespace fejer {
namespace {

constexpr const char* format = "fejer-checkpoint";
constexpr int version = 1;

[[noreturn]] void fail(const Hdf5Reader& file, const std::string& what) {
  throw FormatError(file.path() + ": " + what);
}

/// Figures that are nan throughout have none.
std::vector<std::string> columns_of(const std::vector<TrainingRow>& history) {
  std::set<std::string> figures;
  for (const TrainingRow& row : history)
    for (const auto& [name, value] : row.figures)
      if (!std::isnan(value)) figures.insert(name);
  std::vector<std::string> columns = {"step", "loss", "penalty", "gradient_norm", "rate_factor"};
  columns.insert(columns.end(), figures.begin(), figures.end());
  columns.insert(columns.end(), {"psnr", "seconds"});
  return columns;
}

/// The cell of a row, or null for a figure of that name that the row does not have.
template <class Row>
auto* cell(Row& row, const std::string& column) {
  if (column == "loss") return &row.loss;
  if (column == "penalty") return &row.penalty;
  if (column == "gradient_norm") return &row.gradient_norm;
  if (column == "rate_factor") return &row.rate_factor;
  if (column == "psnr") return &row.psnr;
  if (column == "seconds") return &row.seconds;
  const auto found = row.figures.find(column);
  return found == row.figures.end() ? nullptr : &found->second;
}

double value_in(const TrainingRow& row, const std::string& column) {
  if (column == "step") return static_cast<double>(row.step);
  const double* value = cell(row, column);
  return value == nullptr ? std::nan("") : *value;
}

void write_parameters(Hdf5Writer& file, const std::string& group, const Parameters& p) {
  file.group(group);
  for (const Parameters::Entry& e : p.entries()) file.write(group + "/" + e.name, e.value);
}

void read_parameters(const Hdf5Reader& file, const std::string& group, const Parameters& like,
                     Parameters& out) {
  out = like;
  std::vector<std::string> expected;
  for (const Parameters::Entry& e : like.entries()) expected.push_back(e.name);
  std::sort(expected.begin(), expected.end());
  if (!file.has(group)) fail(file, "no group /" + group);
  if (file.list(group) != expected)
    fail(file,
         "/" + group + " does not hold the arrays of this model; it is the checkpoint of another");
  for (Parameters::Entry& e : out.entries()) {
    e.value = file.read<double>(group + "/" + e.name, e.value.shape());
    for (const double v : e.value)
      if (!std::isfinite(v))
        fail(file, "/" + group + "/" + e.name + " holds a value that is not finite");
  }
}

void write_history(Hdf5Writer& file, const std::vector<TrainingRow>& history) {
  const std::vector<std::string> columns = columns_of(history);
  Array<double> table(
      Shape{static_cast<Index>(history.size()), static_cast<Index>(columns.size())});
  double* at = table.data();
  for (const TrainingRow& row : history)
    for (const std::string& column : columns) *at++ = value_in(row, column);
  file.write("history", table);
  std::string names;
  for (const std::string& column : columns) names += column + "\n";
  file.write_text("columns", names);
}

std::vector<TrainingRow> read_history(const Hdf5Reader& file, Index steps) {
  std::vector<std::string> columns;
  std::string names = file.read_text("columns");
  for (std::size_t end; (end = names.find('\n')) != std::string::npos; names.erase(0, end + 1))
    columns.push_back(names.substr(0, end));
  const auto table = file.read<double>("history", Shape{steps, static_cast<Index>(columns.size())});
  std::vector<TrainingRow> history(static_cast<std::size_t>(steps));
  const double* at = table.data();
  for (TrainingRow& row : history) {
    for (const std::string& column : columns) {
      const double value = *at++;
      if (column == "step") {
        row.step = static_cast<Index>(value);
      } else if (double* known = cell(row, column); known != nullptr) {
        *known = value;
      } else if (!std::isnan(value)) {
        row.figures[column] = value;
      }
    }
  }
  if (columns_of(history) != columns) fail(file, "/columns are not those of the history");
  return history;
}

/// States by the number of their patch; no group where there are none.
void write_states(Hdf5Writer& file, const std::map<std::uint64_t, Array<float>>& states) {
  if (!states.empty()) file.group("states");
  for (const auto& [key, state] : states) file.write("states/" + std::to_string(key), state);
}

std::map<std::uint64_t, Array<float>> read_states(const Hdf5Reader& file) {
  std::map<std::uint64_t, Array<float>> states;
  if (!file.has("states")) return states;
  for (const std::string& name : file.list("states")) {
    if (name.empty() || name.size() > 19 ||
        name.find_first_not_of("0123456789") != std::string::npos)
      fail(file, "/states/" + name + " is not the number of a patch");
    Array<float> state = file.read<float>("states/" + name);
    if (!all_finite<float>(state))
      fail(file, "/states/" + name + " holds a value that is not finite");
    states[std::stoull(name)] = std::move(state);
  }
  return states;
}

void check_members(const Hdf5Reader& file) {
  static const std::vector<std::string> expected = {"average", "best",     "columns",    "first",
                                                    "history", "identity", "parameters", "second"};
  for (const std::string& name : file.list("/"))
    if (name != "states" && std::find(expected.begin(), expected.end(), name) == expected.end())
      fail(file, "unexpected object /" + name);
  for (const std::string& name : expected)
    if (!file.has(name)) fail(file, "no object /" + name);
}

void check_identity(const Hdf5Reader& file, const TrainingIdentity& identity) {
  for (const auto& [name, hash] : identity)
    if (!file.has_attribute("identity", name) || file.text_attribute("identity", name) != hash)
      fail(file, "belongs to a training with another " + name +
                     "; resume with the same one, or start without --resume");
  if (file.attributes("identity").size() != identity.size())
    fail(file, "is bound to more than this training knows; start without --resume");
}

}  // namespace

void save_checkpoint(const std::string& path, const TrainingState& state,
                     const TrainingIdentity& identity) {
  Hdf5Writer file(path);
  file.format(format, version);
  file.attribute("/", "step", static_cast<std::int64_t>(state.optimiser.step));
  file.attribute("/", "best_psnr", state.best_psnr);
  file.attribute("/", "best_step", static_cast<std::int64_t>(state.best_step));
  file.attribute("/", "without_gain", static_cast<std::int64_t>(state.without_gain));
  file.group("identity");
  for (const auto& [name, hash] : identity) file.attribute("identity", name, hash);
  write_parameters(file, "parameters", state.parameters);
  write_parameters(file, "first", state.optimiser.first);
  write_parameters(file, "second", state.optimiser.second);
  write_parameters(file, "average", state.average);
  write_parameters(file, "best", state.best);
  write_history(file, state.history);
  write_states(file, state.warm);
  file.commit();
}

TrainingState load_checkpoint(const std::string& path, const TrainingState& like,
                              const TrainingIdentity& identity) {
  const Hdf5Reader file(path);
  file.require_format(format, version);
  check_members(file);
  check_identity(file, identity);
  TrainingState state = like;
  const auto count = [&](const char* name) {
    const std::int64_t value = file.integer_attribute("/", name);
    if (value < 0) fail(file, std::string(name) + " is negative");
    return static_cast<Index>(value);
  };
  state.optimiser.step = count("step");
  state.best_step = count("best_step");
  state.without_gain = count("without_gain");
  state.best_psnr = file.real_attribute("/", "best_psnr");
  read_parameters(file, "parameters", like.parameters, state.parameters);
  read_parameters(file, "first", like.parameters, state.optimiser.first);
  read_parameters(file, "second", like.parameters, state.optimiser.second);
  read_parameters(file, "average", like.average, state.average);
  if (state.best_step > 0) read_parameters(file, "best", like.parameters, state.best);
  state.history = read_history(file, state.optimiser.step);
  state.warm = read_states(file);
  return state;
}

std::string training_csv(const std::vector<TrainingRow>& history) {
  const std::vector<std::string> columns = columns_of(history);
  std::string csv;
  for (const std::string& column : columns) csv += (csv.empty() ? "" : ",") + column;
  csv += "\n";
  for (const TrainingRow& row : history) {
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const double value = value_in(row, columns[c]);
      char text[32] = "";
      if (std::isfinite(value)) std::snprintf(text, sizeof text, "%.9g", value);
      csv += std::string(c > 0 ? "," : "") + text;
    }
    csv += "\n";
  }
  return csv;
}

}  // namespace fejer
