#pragma once
/// The flags of fejer reconstruct, as typed and as resolved.
#include <CLI/CLI.hpp>
#include <string>

#include <fejer/operators/measurement.hpp>

#include "solver.hpp"

namespace fejer::command {

/// Empty texts: not given.
struct ReconstructFlags {
  std::string measurement, model, lambda, sigma, step, scale, init, truth, norm, out, report;
  std::string max_iterations, tolerance;
  Method method;

  void add_to(CLI::App& verb);
  /// Those that choose and set the method: fejer tune has them, too.
  void add_method(CLI::App& verb);
  /// The model that comes with Fejér, where the prior is one and none was given.
  void take_default_model();
  /// Throws for everything that can be found wrong before the work starts.
  void check() const;
  void check_method() const;
  /// Sets lambda, sigma, tolerance and the number of iterations, from the flags or from defaults
  /// that follow from the measurement; returns the scale. `learned` may be null.
  double resolve(const Measurement& m, const Model<float>* learned, Method& to) const;
  /// Two runs with the same fingerprint take the same steps.
  std::string fingerprint(const Method& resolved, double scale_value) const;
};

}  // namespace fejer::command
