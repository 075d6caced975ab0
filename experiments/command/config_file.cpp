#include "config_file.hpp"

#include <cmath>
#include <fstream>
#include <sstream>

#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include <fejer/error.hpp>
#include <fejer/files.hpp>

#include "text.hpp"

namespace fejer::command {
namespace {

using Json = nlohmann::ordered_json;

const Json empty_table = Json::object();

Json as_json(const std::string& where, const toml::node& node) {
  if (const auto* table = node.as_table()) {
    Json object = Json::object();
    for (const auto& [key, value] : *table) object[std::string(key.str())] = as_json(where, value);
    return object;
  }
  if (const auto* array = node.as_array()) {
    Json list = Json::array();
    for (const auto& value : *array) list.push_back(as_json(where, value));
    return list;
  }
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* whole = node.as_integer()) return whole->get();
  if (const auto* real = node.as_floating_point()) return real->get();
  if (const auto* truth = node.as_boolean()) return truth->get();
  throw FormatError(where + ":" + std::to_string(node.source().begin.line) +
                    ": dates and times mean nothing here");
}

Json parse(const std::string& where, const std::string& text) {
  try {
    return as_json(where, toml::parse(text, where));
  } catch (const toml::parse_error& e) {
    throw FormatError(where + ":" + std::to_string(e.source().begin.line) + ": " +
                      std::string(e.description()));
  }
}

}  // namespace

Json read_toml(const std::string& path) {
  require_readable(path);
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return parse(path, text.str());
}

void set_value(Json& config, const std::string& item) {
  const auto equals = item.find('=');
  if (equals == std::string::npos || equals == 0)
    throw ArgumentError("--set: got '" + item + "', expected section.key=value");
  const std::string value = item.substr(equals + 1);
  Json* at = &config;
  std::string key = item.substr(0, equals);
  for (std::size_t dot; (dot = key.find('.')) != std::string::npos; key.erase(0, dot + 1)) {
    at = &(*at)[key.substr(0, dot)];
    if (!at->is_null() && !at->is_object())
      throw ArgumentError("--set: got '" + item + "', but " + key.substr(0, dot) +
                          " is a value, not a section");
  }
  if (key.empty()) throw ArgumentError("--set: got '" + item + "', expected section.key=value");
  try {
    (*at)[key] = parse("--set", "value = " + value)["value"];
  } catch (const FormatError&) {
    (*at)[key] = value;
  }
}

Section::Section(const std::string& file, const Json& config, const std::string& name,
                 Json& resolved)
    : file_(file), name_(name), given_(&empty_table), resolved_(resolved[name]) {
  resolved_ = Json::object();
  const auto found = config.find(name);
  if (found == config.end()) return;
  if (!found->is_object())
    throw ArgumentError(file + ": " + name + " is a value, expected the section [" + name + "]");
  given_ = &*found;
}

void Section::fail(const std::string& key, const std::string& expected) const {
  throw ArgumentError(file_ + ": [" + name_ + "] " + key + ": got " + given_->at(key).dump() +
                      ", expected " + expected);
}

const Json* Section::find(const std::string& key) {
  known_.push_back(key);
  const auto found = given_->find(key);
  return found == given_->end() ? nullptr : &*found;
}

std::string Section::text(const std::string& key, const std::string& otherwise) {
  const Json* value = find(key);
  if (value != nullptr && !value->is_string()) fail(key, "a text");
  const std::string got = value == nullptr ? otherwise : value->get<std::string>();
  resolved_[key] = got;
  return got;
}

std::string Section::text(const std::string& key) {
  const std::string got = text(key, "");
  if (got.empty()) throw ArgumentError(file_ + ": [" + name_ + "] " + key + " is missing");
  return got;
}

std::vector<std::string> Section::texts(const std::string& key) {
  const Json* value = find(key);
  const Json list = value == nullptr    ? Json::array()
                    : value->is_array() ? *value
                                        : Json::array({*value});
  std::vector<std::string> got;
  for (const Json& item : list) {
    if (!item.is_string() || item.get<std::string>().empty())
      fail(key, "a text or a list of texts");
    got.push_back(item);
  }
  if (got.empty()) throw ArgumentError(file_ + ": [" + name_ + "] " + key + " is missing");
  resolved_[key] = value->is_array() ? Json(got) : Json(got.front());
  return got;
}

std::string Section::word(const std::string& key, const std::string& otherwise,
                          const std::vector<std::string>& known) {
  const std::string got = text(key, otherwise);
  if (std::find(known.begin(), known.end(), got) == known.end())
    throw ArgumentError(file_ + ": [" + name_ + "] " + unknown_name(key, got, known));
  return got;
}

double Section::as_number(const std::string& key, const Json& value) const {
  double got = std::nan("");
  if (value.is_number()) got = value.get<double>();
  if (value.is_string())
    got = parse_number(file_ + ": [" + name_ + "] " + key, value.get<std::string>());
  if (!std::isfinite(got)) fail(key, "a finite number");
  return got;
}

Index Section::as_count(const std::string& key, double value, Index least) const {
  if (value != std::floor(value) || value < static_cast<double>(least) || value > 1e15)
    fail(key, "a whole number of at least " + std::to_string(least));
  return static_cast<Index>(value);
}

double Section::number(const std::string& key, double otherwise) {
  const Json* value = find(key);
  const double got = value == nullptr ? otherwise : as_number(key, *value);
  resolved_[key] = got;
  return got;
}

Index Section::count(const std::string& key, Index otherwise, Index least) {
  const Json* value = find(key);
  const Index got = value == nullptr ? otherwise : as_count(key, as_number(key, *value), least);
  resolved_[key] = got;
  return got;
}

bool Section::flag(const std::string& key, bool otherwise) {
  const Json* value = find(key);
  if (value != nullptr && !value->is_boolean()) fail(key, "true or false");
  const bool got = value == nullptr ? otherwise : value->get<bool>();
  resolved_[key] = got;
  return got;
}

std::vector<double> Section::numbers(const std::string& key, const std::vector<double>& otherwise) {
  const Json* value = find(key);
  std::vector<double> got = otherwise;
  if (value != nullptr) {
    got.clear();
    if (value->is_array())
      for (const Json& item : *value) got.push_back(as_number(key, item));
    else
      got.push_back(as_number(key, *value));
  }
  resolved_[key] = got;
  return got;
}

std::vector<Index> Section::counts(const std::string& key, const std::vector<Index>& otherwise) {
  std::vector<Index> got;
  for (const double value : numbers(key, std::vector<double>(otherwise.begin(), otherwise.end())))
    got.push_back(as_count(key, value, 1));
  resolved_[key] = got;
  return got;
}

std::map<std::string, double> Section::table(const std::string& key) {
  const Json* value = find(key);
  std::map<std::string, double> got;
  resolved_[key] = Json::object();
  if (value == nullptr) return got;
  if (!value->is_object()) fail(key, "a table of numbers");
  for (const auto& [name, item] : value->items()) {
    got[name] = as_number(key, item);
    resolved_[key][name] = got[name];
  }
  return got;
}

void Section::finish() const {
  for (const auto& [key, value] : given_->items())
    if (std::find(known_.begin(), known_.end(), key) == known_.end())
      throw ArgumentError(file_ + ": [" + name_ + "] " + unknown_name("key", key, known_));
}

}  // namespace fejer::command
