#pragma once
/// Configurations: TOML files, --set, and sections that are read key by key with their defaults.
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include <fejer/array.hpp>

namespace fejer::command {

/// Tables as objects. Throws FormatError "<path>:<line>: …"; dates are refused.
nlohmann::ordered_json read_toml(const std::string& path);

/// "section.key=value": the value as TOML writes it, or else as a word. Throws ArgumentError.
void set_value(nlohmann::ordered_json& config, const std::string& item);

/// One table of a configuration. Each reader takes a key or its default, and records the value
/// under `resolved`; finish() refuses what no reader asked for.
class Section {
 public:
  /// `file`: for messages. A table that is not there is empty.
  Section(const std::string& file, const nlohmann::ordered_json& config, const std::string& name,
          nlohmann::ordered_json& resolved);

  std::string text(const std::string& key, const std::string& otherwise);
  /// Empty text is refused.
  std::string text(const std::string& key);
  /// A list, or one text for a list of one; an empty list and empty texts are refused.
  std::vector<std::string> texts(const std::string& key);
  std::string word(const std::string& key, const std::string& otherwise,
                   const std::vector<std::string>& known);
  /// "25/255" is a number too.
  double number(const std::string& key, double otherwise);
  Index count(const std::string& key, Index otherwise, Index least = 0);
  bool flag(const std::string& key, bool otherwise);
  /// A list, or one number for a list of one.
  std::vector<double> numbers(const std::string& key, const std::vector<double>& otherwise);
  std::vector<Index> counts(const std::string& key, const std::vector<Index>& otherwise);
  /// The keys of a table inside, whatever they are called.
  std::map<std::string, double> table(const std::string& key);
  /// Throws ArgumentError that suggests the nearest spelling.
  void finish() const;

 private:
  const nlohmann::ordered_json* find(const std::string& key);
  [[noreturn]] void fail(const std::string& key, const std::string& expected) const;
  double as_number(const std::string& key, const nlohmann::ordered_json& value) const;
  Index as_count(const std::string& key, double value, Index least) const;
  std::string file_, name_;
  const nlohmann::ordered_json* given_;
  nlohmann::ordered_json& resolved_;
  std::vector<std::string> known_;
};

}  // namespace fejer::command
