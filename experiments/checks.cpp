#include "checks.hpp"

#include <cmath>
#include <cstdio>

namespace fejer::experiments {
namespace {

std::string number(double value, const char* format) {
  char text[40];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

}  // namespace

void Checks::add(const std::string& id, double value, double reference, double tolerance) {
  const bool pass = std::abs(value - reference) <= tolerance;
  if (!pass) ++failed_;
  list_.push_back({{"id", id},
                   {"value", value},
                   {"reference", reference},
                   {"tolerance", tolerance},
                   {"pass", pass}});
}

std::string Checks::text() const {
  std::string out = std::to_string(list_.size()) + " checks, " + std::to_string(failed_) +
                    " failed. A check passes if |value - reference| <= tolerance.\n\n| check | "
                    "value | reference | tolerance | |\n|---|---|---|---|---|\n";
  for (const auto& c : list_)
    out += "| " + c["id"].get<std::string>() + " | " + number(c["value"], "%.13g") + " | " +
           number(c["reference"], "%.13g") + " | " + number(c["tolerance"], "%.1g") + " | " +
           (c["pass"].get<bool>() ? "pass" : "**fail**") + " |\n";
  return out;
}

}  // namespace fejer::experiments
