#include "equilibrium_closed_form.hpp"

#include <fejer/files.hpp>

#include "checks.hpp"
#include "record.hpp"

namespace fejer::equilibrium_closed_form {
namespace {

using Json = nlohmann::ordered_json;

std::string report(const Checks& checks) {
  return "# Equilibrium gradients on problems in closed form\n\nMade by `fejer experiment run "
         "equilibrium_closed_form`. " +
         checks.text();
}

}  // namespace

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
  write_text(context.out + "/report.md", report(checks));
  return record;
}

}  // namespace fejer::equilibrium_closed_form
