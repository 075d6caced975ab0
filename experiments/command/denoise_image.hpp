#pragma once
/// One image through a model: how `fejer denoise` and `fejer evaluate` do it.
#include <optional>
#include <string>

#include <fejer/algorithms/run.hpp>
#include <fejer/models/model.hpp>

#include "defaults.hpp"

namespace fejer::command {

struct DenoiseOptions {
  double tolerance = denoise_tolerance;
  Index max_iterations = denoise_max_iterations;
  bool as_published = false;  ///< estimated norms without their margin
  bool progress = false;      ///< shown on the terminal
};

/// All channels together: sums, and the worst verdict.
struct Denoised {
  Array<float> image;
  Status status = Status::converged;
  std::string cause, algorithm;
  Index iterations = 0;
  double seconds = 0, objective = 0, residual = 0;
  std::optional<double> step_size;
  Certificate certificate;
};

/// argmin over x of 1/2 ||x - y||^2 + R(x; sigma), channel by channel, for a ridge model; the
/// output of the network for others. Throws Interrupted.
Denoised denoise_image(const Array<float>& noisy, const Model<float>& model, double sigma,
                       const DenoiseOptions& options = {});

}  // namespace fejer::command
