#include "equilibrium_learning.hpp"

#include <cstdio>

#include <fejer/files.hpp>

#include "checks.hpp"
#include "console.hpp"
#include "record.hpp"

namespace fejer::equilibrium_learning {
namespace {

std::string number(const Json& value, const char* format = "%.3g") {
  char text[40];
  std::snprintf(text, sizeof text, format, value.get<double>());
  return text;
}

std::string list(const Json& values, const char* format) {
  std::string text;
  for (const Json& v : values) text += (text.empty() ? "" : " / ") + number(v, format);
  return text;
}

std::string comparison_table(const Json& c) {
  std::string out =
      "\n### " + c["problem"].get<std::string>() + "\n\n" + c["steps"].dump() +
      " steps; loss at the start " + number(c["start_loss"], "%.7f") +
      ", after training with the exact gradient " + number(c["exact_loss"], "%.10f") +
      ".\n\n| gradient | loss at its depth | loss at equilibrium | gap to DEQ | "
      "cosine to DEQ, step 1 / 11 / middle / last | relative error | passes per sample | µs "
      "per step | numbers on the tape | largest q |\n|---|---|---|---|---|---|---|"
      "---|---|---|\n";
  for (const Json& m : c["methods"])
    out += "| " + m["method"].get<std::string>() + " | " + number(m["loss"], "%.7f") + " | " +
           number(m["loss_at_equilibrium"], "%.7f") + " | " + number(m["gap"], "%.2g") + " | " +
           list(m["cosine"], "%.4f") + " | " + list(m["relative_error"], "%.2g") + " | " +
           number(m["passes_per_sample"], "%.0f") + " | " +
           number(m["cpu_microseconds_per_step"], "%.0f") + " | " + m["numbers_on_tape"].dump() +
           " | " +
           (m["largest_contraction"] == 0.0 ? "" : number(m["largest_contraction"], "%.5f")) +
           " |\n";
  out +=
      "\nPSNR (dB, mean over the samples) of the learned iteration from its start value:\n\n| "
      "gradient | 1 layer | 10 layers | trained depth | equilibrium |\n|---|---|---|---|---|\n";
  for (const Json& m : c["methods"]) {
    out += "| " + m["method"].get<std::string>();
    for (const Json& v : m["psnr"]) out += " | " + number(v, "%.3f");
    out += " |\n";
  }
  return out;
}

std::string step_table(const Json& rows) {
  std::string out =
      "\n## C21: the closer to 1 the contraction, the worse the cut series\n\n| tau | P1: rho | "
      "relative error K = 1 / 10 / 50 | C17: rho on the support | degrees K = 1 / 10 / 20 | "
      "relative error K = 1 / 10 / 20 |\n|---|---|---|---|---|---|\n";
  for (const Json& r : rows)
    out += "| " + number(r["tau"]) + " | " + number(r["rho"], "%.6f") + " | " +
           list(r["relative_error"], "%.6f") + " | " + number(r["lasso_rho_support"], "%.5f") +
           " | " + list(r["lasso_degrees"], "%.3f") + " | " +
           list(r["lasso_relative_error"], "%.4f") + " |\n";
  return out;
}

std::string resource_tables(const Json& memory, const Json& time) {
  std::string out = "\n## C19, C20: memory and time\n\nA network of 8 channels in a contraction, " +
                    memory["pixels"].dump() +
                    " pixels, double precision, one thread. The process's growth is that of its "
                    "peak resident size.\n\n| K | R | recompute | numbers on the tape | growth, MB "
                    "|\n|---|---|---|---|---|\n";
  for (const Json& r : memory["rows"]) {
    const bool known =
        r.contains("resident_growth_bytes") && r["resident_growth_bytes"].is_number();
    out += "| " + r["K"].dump() + " | " + (r["R"].is_null() ? "unrolled" : r["R"].dump()) + " | " +
           (r["recompute"].get<bool>() ? "yes" : "no") + " | " + r["numbers_on_tape"].dump() +
           " | " + (known ? number(r["resident_growth_bytes"].get<double>() / 1e6, "%.1f") : "") +
           " |\n";
  }
  out +=
      "\nForward pass " + number(time["forward_milliseconds"]) + " ms, backward pass " +
      number(time["backward_milliseconds"]) +
      " ms, measured apart: CPU time, the best of 25 turns at 64x64 pixels; the model of the rows "
      "below, which estimate no spectral radius, is (R+1) K forward + K backward.\n\n| K | R | ms "
      "per step | model | ratio "
      "|\n|---|---|---|---|---|\n";
  for (const Json& r : time["rows"])
    out += "| " + r["K"].dump() + " | " + r["R"].dump() + " | " + number(r["milliseconds"]) +
           " | " + number(r["model_milliseconds"]) + " | " + number(r["ratio"], "%.2f") + " |\n";
  return out;
}

std::string report(const Json& record, const Checks& checks) {
  std::string out =
      "# Learning at equilibrium\n\nMade by `fejer experiment run equilibrium_learning`. Every "
      "gradient strategy trains the same parameters with the same optimiser from the same start, "
      "on the full batch, in double precision. `unrolled(K)` differentiates K passes, JFB one pass "
      "after K T - 1, RJFB(K, R) K passes after R K, cold from the start value or warm from what "
      "the last step left; DEQ solves forward and adjoint system to 1e-8. Cosine and relative "
      "error are against the implicit gradient at the same parameters, solved as exactly as "
      "doubles can; the gap is (loss - its loss) / its loss, both at equilibrium. A method that "
      "has "
      "arrived where its own gradient vanishes has a relative error of 1, and a cosine that says "
      "nothing. Numbers on the tape are those of one sample, at most, without the vectors of "
      "GMRES. One thread.\n\n## C15 to C17: learning\n";
  for (const Json& c : record["comparisons"]) out += comparison_table(c);
  out += step_table(record["step_sizes"]);
  out += resource_tables(record["memory"], record["time"]);
  return out + "\n## Checks\n\n" + checks.text();
}

}  // namespace

Json run(const experiments::Context& context) {
  Checks checks;
  Json record = command::environment_json();
  record["experiment"] = "equilibrium_learning";
  record["smoke"] = context.smoke;
  const auto stage = [](const char* name) {
    command::stop_if_interrupted();
    command::note(std::string("experiment equilibrium_learning: ") + name);
  };
  stage("C15, C18");
  check_smoothness(checks);
  stage("C17");
  check_lasso(checks);
  if (!context.smoke) {
    stage("C16");
    check_bands(checks);
  }
  stage("comparisons");
  record["comparisons"] = Json::array();
  record["comparisons"].push_back(compare_smoothness(checks));
  record["comparisons"].push_back(compare_bands(checks, context.smoke ? 200 : 0));
  record["comparisons"].push_back(compare_lasso(checks, context.smoke ? 200 : 0));
  stage("C19 to C25");
  record["step_sizes"] = check_step_sizes(checks);
  check_batches(checks);
  check_guard(checks);
  check_warm_states(checks);
  record["memory"] = measure_memory(checks, context.smoke);
  record["time"] = measure_time(checks, context.smoke);
  record["failed"] = checks.failed();
  record["checks"] = checks.list();
  write_text(context.out + "/record.json", record.dump(1) + "\n");
  write_text(context.out + "/report.md", report(record, checks));
  return record;
}

}  // namespace fejer::equilibrium_learning
