#pragma once
/// The methods that are compared, and one reconstruction by one of them.
#include <optional>
#include <string>
#include <vector>

#include <fejer/models/model.hpp>

#include "../tuning/compass_search.hpp"
#include "defaults.hpp"
#include "pictures.hpp"
#include "solver.hpp"
#include "tasks.hpp"

namespace fejer::reconstruction {

struct MethodSpec {
  std::string name, prior;
  std::optional<Model<float>> model;
  bool forced = false;  ///< plug-and-play without dividing the network by its bound
};

/// tv, crr, wcrr, pnp_relu, pnp_spline, and the last two as published (forced). The published
/// weights are imported from `data`, once: the imported models are kept in `work`.
std::vector<MethodSpec> make_methods(const std::string& data, const std::string& work);
/// Ours, from a model file: a ridge model as a prior, a network in plug-and-play; its name is
/// "own_" and that of the file.
MethodSpec own_method(const std::string& file);

/// What the parameters of `method` depend on, for the problem of `first`.
command::Situation situation_of(const MethodSpec& method, const Case& first);

struct Outcome {
  command::AnyArray image;  ///< in the data's unit
  Status status = Status::stopped;
  std::string cause;
  Index iterations = 0;
  double seconds = 0, objective = 0;
  double psnr = 0, ssim = 0;      ///< NaN without a reference
  double data_fit = 0;            ///< ||Ax - y|| / ||y||
  bool change_never_rose = true;  ///< ||x+ - x|| of every step at most that of the step before
};

struct Effort {
  double tolerance = 1e-5;
  Index max_iterations = 1000;
};

Outcome reconstruct(const Task& task, const Case& c, const MethodSpec& method,
                    const tuning::Point& p, const Effort& effort);

/// The start value itself as an outcome: measurement, zero-filled or filtered backprojection.
Outcome start_of(const Task& task, const Case& c);

}  // namespace fejer::reconstruction
