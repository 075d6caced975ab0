#include <fejer/models/model_file.hpp>

#include <algorithm>
#include <cmath>

#include <fejer/hdf5.hpp>

#include "model_record.hpp"

namespace fejer {
namespace {

using detail::ModelRecord;

constexpr const char* format = "fejer-model";
constexpr int version = 1;
/// Relative, between a claim and its recomputation: other compilers round otherwise, no more.
constexpr double claim_tolerance = 1e-6;

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw FormatError(path + ": " + what);
}

void check_names(const Hdf5Reader& file, const std::string& group,
                 std::vector<std::string> expected) {
  std::sort(expected.begin(), expected.end());
  const std::vector<std::string> found = file.attributes(group);
  for (const auto& name : expected)
    if (!std::binary_search(found.begin(), found.end(), name))
      fail(file.path(), "no attribute '" + name + "' on " + group);
  for (const auto& name : found)
    if (!std::binary_search(expected.begin(), expected.end(), name))
      fail(file.path(), "unexpected attribute '" + name + "' on " + group);
}

void check_members(const Hdf5Reader& file, const std::vector<std::string>& arrays) {
  for (const auto& name : file.list("/"))
    if (name != "config" && name != "parameters" && name != "certificate")
      fail(file.path(), "unexpected object /" + name);
  for (const char* group : {"/config", "/parameters", "/certificate"})
    if (!file.has(group)) fail(file.path(), std::string("no group ") + group);
  std::vector<std::string> expected = arrays;
  std::sort(expected.begin(), expected.end());
  const std::vector<std::string> found = file.list("/parameters");
  for (const auto& name : expected)
    if (!std::binary_search(found.begin(), found.end(), name))
      fail(file.path(), "no dataset /parameters/" + name);
  for (const auto& name : found)
    if (!std::binary_search(expected.begin(), expected.end(), name))
      fail(file.path(), "unexpected object /parameters/" + name);
  for (const char* group : {"/config", "/certificate"})
    if (!file.list(group).empty()) fail(file.path(), std::string("unexpected object in ") + group);
}

ModelRecord read_record(const Hdf5Reader& file) {
  ModelRecord record;
  record.kind = file.text_attribute("/", "model");
  detail::RecordSchema schema = detail::schema_of(record.kind);
  if (!file.has("/config")) fail(file.path(), "no group /config");
  const auto& optional = schema.optional;
  if (std::any_of(optional.begin(), optional.end(),
                  [&](const auto& name) { return file.has_attribute("/config", name); }))
    schema.numbers.insert(schema.numbers.end(), optional.begin(), optional.end());
  std::vector<std::string> names = schema.numbers;
  names.insert(names.end(), schema.words.begin(), schema.words.end());
  check_names(file, "/config", names);
  for (const auto& name : schema.numbers) {
    const double value = file.real_attribute("/config", name);
    if (!std::isfinite(value)) fail(file.path(), "/config " + name + " is not finite");
    record.numbers[name] = value;
  }
  for (const auto& name : schema.words) record.words[name] = file.text_attribute("/config", name);
  const std::vector<std::string> arrays = detail::arrays_of(record);
  check_members(file, arrays);
  for (const auto& name : arrays) {
    Array<double> values = file.read<double>("/parameters/" + name);
    for (const double v : values)
      if (!std::isfinite(v))
        fail(file.path(), "/parameters/" + name + " holds a value that is not finite");
    record.arrays[name] = std::move(values);
  }
  return record;
}

template <class T>
void check_claims(const Hdf5Reader& file, const ModelRecord& record, const Model<T>& model) {
  const std::map<std::string, double> claims = detail::claims_of(model);
  std::vector<std::string> names{"weights_sha256"};
  for (const auto& [name, value] : claims) names.push_back(name);
  check_names(file, "/certificate", names);
  for (const auto& [name, value] : claims) {
    const double claimed = file.real_attribute("/certificate", name);
    if (!(std::abs(claimed - value) <= claim_tolerance * std::max(1e-9, std::abs(value))))
      fail(file.path(), "the certificate claims " + name + " = " + std::to_string(claimed) +
                            ", recomputed from the weights it is " + std::to_string(value) +
                            ": the model was changed after it was certified");
  }
  if (file.text_attribute("/certificate", "weights_sha256") != detail::fingerprint(record))
    fail(file.path(), "the parameters are not those that were certified (SHA-256 differs)");
  detail::check_norms(model);
}

}  // namespace

template <class T>
void save_model(const std::string& path, const Model<T>& model) {
  const ModelRecord record = detail::to_record(model);
  const std::map<std::string, double> claims = detail::claims_of(model);
  Hdf5Writer file(path);
  file.format(format, version);
  file.attribute("/", "model", record.kind);
  file.attribute("/", "name", model.origin.name);
  file.attribute("/", "source", model.origin.source);
  file.group("/config");
  for (const auto& [name, value] : record.numbers) file.attribute("/config", name, value);
  for (const auto& [name, word] : record.words) file.attribute("/config", name, word);
  for (const auto& [name, array] : record.arrays) file.write("/parameters/" + name, array);
  file.group("/certificate");
  for (const auto& [name, value] : claims) file.attribute("/certificate", name, value);
  file.attribute("/certificate", "weights_sha256", detail::fingerprint(record));
  file.commit();
}

template <class T>
Model<T> load_model(const std::string& path) {
  const Hdf5Reader file(path);
  file.require_format(format, version);
  try {
    const ModelRecord record = read_record(file);
    Model<T> model = detail::from_record<T>(record);
    check_claims(file, record, model);
    if (file.has_attribute("/", "name")) model.origin.name = file.text_attribute("/", "name");
    if (file.has_attribute("/", "source")) model.origin.source = file.text_attribute("/", "source");
    return model;
  } catch (const ArgumentError& error) {
    fail(path, error.what());
  }
}

template void save_model(const std::string&, const Model<float>&);
template void save_model(const std::string&, const Model<double>&);
template Model<float> load_model(const std::string&);
template Model<double> load_model(const std::string&);

}  // namespace fejer
