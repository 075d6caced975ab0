// fejer: from a measurement file to a reconstructed image.
//   min over x of 1/2 ||A x - y||^2 + lambda R(x),
// or the fixed point of a denoiser in forward-backward splitting. One file for each verb.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>

#include <fejer/error.hpp>
#include <fejer/files.hpp>
#include <fejer/parallel.hpp>
#include <fejer/version.hpp>

#include "console.hpp"
#include "record.hpp"
#include "verb.hpp"

namespace fejer::command {
namespace {

struct Entry {
  const char* name;
  const char* purpose;
  Action (*add)(CLI::App&);
};
constexpr Entry verbs[] = {
    {"pack", "Turn measured data into a measurement file", add_pack},
    {"simulate", "Make a measurement file from an image", add_simulate},
    {"reconstruct", "Reconstruct the image of a measurement file", add_reconstruct},
    {"denoise", "Remove noise from a picture with a learned model", add_denoise},
    {"import", "Turn published weights into a Fejer model file", add_import},
    {"inspect", "Say what a file holds", add_inspect},
    {"dataset", "Turn pictures into a data set to train on", add_dataset},
    {"train", "Train a model", add_train},
    {"tune", "Find the parameters of a prior on measurements whose truth is known", add_tune},
    {"evaluate", "Measure how well a model removes noise from a set of images", add_evaluate},
    {"experiment", "List and run the recorded comparisons", add_experiment},
};

int fail(const std::string& where, const std::string& message, int code) {
  std::string line = where + ": " + message;
  for (char& c : line)
    if (c == '\n') c = ' ';
  std::fprintf(stderr, "%s\n", line.c_str());
  return code;
}

/// Unknown verbs and flags, before CLI11 looks: so that the nearest spelling can be suggested.
void check_spelling(const CLI::App& app, const std::vector<std::string>& arguments) {
  if (arguments.empty()) throw ArgumentError("no verb given; see fejer --help");
  if (arguments[0].starts_with("-")) return;
  std::vector<std::string> names;
  const CLI::App* verb = nullptr;
  for (const Entry& entry : verbs) {
    names.emplace_back(entry.name);
    if (arguments[0] == entry.name) verb = app.get_subcommand(entry.name);
  }
  if (verb == nullptr) throw ArgumentError(unknown_name("verb", arguments[0], names));
  std::vector<std::string> flags;
  for (const CLI::Option* option : verb->get_options())
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string flag = arguments[i].substr(0, arguments[i].find('='));
    if (flag.size() > 2 && flag.starts_with("--") &&
        std::find(flags.begin(), flags.end(), flag) == flags.end())
      throw ArgumentError(unknown_name("flag", flag, flags));
  }
}

int run_verb(const Action& action, const Common& common) {
  if (common.threads < 0)
    throw ArgumentError("--threads: cannot be negative; 0 means all processors");
  const ScopedThreads threads(common.threads);
  const Outcome outcome = action(common);
  if (outcome.silent) return outcome.code;
  if (common.json)
    std::cout << json_text(outcome.json) << '\n';
  else
    std::cout << outcome.text;
  std::cout.flush();
  if (!std::cout) throw Error("cannot write the result to standard output");
  return outcome.code;
}

int main_with_errors(int argc, char** argv) {
  CLI::App app("Image reconstruction with learned priors that provably converge.", "fejer");
  app.set_version_flag("--version", "fejer " + version() + " (" + build_description() + ")");
  app.footer(
      "Each verb has --help with an example. Exit codes: 0 done, 1 internal error, 2 bad usage\n"
      "or input, 3 result written but not converged or problems found, 130 interrupted.");
  app.require_subcommand(1);
  Common common;
  std::vector<std::pair<CLI::App*, Action>> actions;
  for (const Entry& entry : verbs) {
    CLI::App* verb = app.add_subcommand(entry.name, entry.purpose);
    actions.emplace_back(verb, entry.add(*verb));
    verb->add_option("--threads", common.threads,
                     "Threads (0: all processors); results have the same bits")
        ->type_name("N");
    verb->add_flag("--json", common.json, "Print the result as JSON on standard output");
  }
  std::string where = "fejer";
  try {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    for (const Entry& entry : verbs)
      if (!arguments.empty() && arguments[0] == entry.name) where += std::string(" ") + entry.name;
    check_spelling(app, arguments);
    app.parse(argc, argv);
    for (const auto& [verb, action] : actions)
      if (verb->parsed()) return run_verb(action, common);
    return exit_code::internal_error;
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);
    return fail(where, std::string(e.what()) + "; see " + where + " --help", exit_code::bad_input);
  } catch (const Interrupted& e) {
    return fail(where, e.message, exit_code::interrupted);
  } catch (const ArgumentError& e) {
    return fail(where, e.what(), exit_code::bad_input);
  } catch (const FormatError& e) {
    return fail(where, e.what(), exit_code::bad_input);
  } catch (const std::bad_alloc&) {
    return fail(where, "not enough memory", exit_code::internal_error);
  } catch (const std::exception& e) {
    return fail(where, e.what(), exit_code::internal_error);
  }
}

}  // namespace

/// A thread that waits for others should sleep: spinning, the default of OpenMP runtimes, makes
/// runs ten times longer where other programs use the processors too. The runtime reads its
/// settings before main, so the program starts itself once more; where it cannot, threads spin.
void let_waiting_threads_sleep(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr) return;
  setenv("OMP_WAIT_POLICY", "passive", 1);
  execv("/proc/self/exe", argv);
}

}  // namespace fejer::command

int main(int argc, char** argv) {
  fejer::command::let_waiting_threads_sleep(argv);
  fejer::command::catch_interrupts();
  return fejer::command::main_with_errors(argc, argv);
}
