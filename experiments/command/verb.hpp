#pragma once
/// The verbs of the command. Each adds its flags to a CLI11 sub-command and returns what runs it;
/// main owns parsing, --threads, --json, errors and exit codes.
#include <CLI/CLI.hpp>
#include <functional>

#include "outcome.hpp"

namespace fejer::command {

/// What every verb gets from main.
struct Common {
  int threads = 0;  ///< 0: all processors
  bool json = false;
};

using Action = std::function<Outcome(const Common&)>;

Action add_pack(CLI::App& verb);
Action add_simulate(CLI::App& verb);
Action add_reconstruct(CLI::App& verb);
Action add_denoise(CLI::App& verb);
Action add_import(CLI::App& verb);
Action add_inspect(CLI::App& verb);
Action add_dataset(CLI::App& verb);
Action add_train(CLI::App& verb);
Action add_tune(CLI::App& verb);
Action add_evaluate(CLI::App& verb);
Action add_experiment(CLI::App& verb);

}  // namespace fejer::command
