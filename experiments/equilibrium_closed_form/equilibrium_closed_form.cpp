#include "equilibrium_closed_form.hpp"

#include <cmath>
#include <cstdio>

#include <fejer/files.hpp>

#include "checks.hpp"
#include "record.hpp"

namespace fejer::equilibrium_closed_form {
namespace {

using Json = nlohmann::ordered_json;

std::string number(double value, const char* format) {
  char text[40];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string report(const Json& record) {
  std::string out =
      "# Equilibrium gradients on problems in closed form\n\nMade by `fejer experiment run "
      "equilibrium_closed_form`. " +
      std::to_string(record["checks"].size()) + " checks, " +
      std::to_string(record["failed"].get<int>()) +
      " failed. A check passes if |value - reference| <= tolerance.\n\n| check | value | reference "
      "| tolerance | |\n|---|---|---|---|---|\n";
  for (const Json& c : record["checks"])
    out += "| " + c["id"].get<std::string>() + " | " + number(c["value"], "%.13g") + " | " +
           number(c["reference"], "%.13g") + " | " + number(c["tolerance"], "%.1g") + " | " +
           (c["pass"].get<bool>() ? "pass" : "**fail**") + " |\n";
  return out;
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

Json run(const experiments::Context& context) {
  Checks checks;
  check_quadratic(checks);
  check_lasso(checks);
  check_layers(checks);
  Json record = command::environment_json();
  record["experiment"] = "equilibrium_closed_form";
  record["smoke"] = context.smoke;
  record["failed"] = checks.failed();
  record["checks"] = checks.list();
  write_text(context.out + "/record.json", record.dump(1) + "\n");
  write_text(context.out + "/report.md", report(record));
  return record;
}

}  // namespace fejer::equilibrium_closed_form
