#pragma once
#include <nlohmann/json.hpp>
#include <string>

namespace fejer::experiments {

/// What was computed beside what it must be.
class Checks {
 public:
  /// Passes if |value - reference| <= tolerance.
  void add(const std::string& id, double value, double reference, double tolerance);
  /// Objects {id, value, reference, tolerance, pass}.
  const nlohmann::ordered_json& list() const { return list_; }
  int failed() const { return failed_; }
  /// How many passed, and a table in Markdown.
  std::string text() const;

 private:
  nlohmann::ordered_json list_ = nlohmann::ordered_json::array();
  int failed_ = 0;
};

}  // namespace fejer::experiments
