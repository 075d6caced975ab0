#pragma once
/// What a verb leaves for main to print, and the exit codes.
#include <nlohmann/json.hpp>
#include <string>

namespace fejer::command {

namespace exit_code {
constexpr int done = 0, internal_error = 1, bad_input = 2, not_converged = 3, interrupted = 130;
}

/// Printed by main: `json` with --json, otherwise `text`.
struct Outcome {
  int code = exit_code::done;
  nlohmann::ordered_json json;
  std::string text;
  bool silent = false;  ///< another process prints
};

}  // namespace fejer::command
