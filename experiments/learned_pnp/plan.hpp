#pragma once
/// Which trainings there are, and what they and their tests need.
#include <string>
#include <vector>

#include "../experiment.hpp"
#include "../photograph_tasks.hpp"

namespace fejer::learned_pnp {

using Task = experiments::PhotographTask;

struct Strategy {
  std::string name, gradient;  ///< gradient: what `fejer train` calls it
  Index depth = 1, restarts = 0;
  bool warm = false;
  /// Passes of the denoiser for one gradient of one sample, without those that settle it; a pass
  /// back counts as two.
  Index passes() const { return (restarts + 1) * depth + 2 * depth; }
  /// Whether iterations until a tolerance come on top.
  bool settles() const { return warm || gradient == "implicit"; }
};
std::vector<Strategy> strategies();

/// What is learned. "parameters": step and noise level of a DRUNet; "levels": a noise level for
/// each of ten layers that take turns; "weights": those of the network, too; "spline": step and
/// relaxation of a Lipschitz CNN; "wcrr": step, weight and noise level of the prox of a ridge.
struct Learned {
  std::string name, kind;  ///< kind: of model, for `fejer train`
  Index levels = 1;
};
std::vector<Learned> learned();

struct Settings {
  std::vector<Task> tasks;
  std::vector<Learned> learned;
  std::vector<Strategy> strategies;
  double passes = 20000, wcrr_passes = 2000;  ///< of the denoiser: the budget of a training
  std::string colour, grey, spline, wcrr;     ///< model files
  std::string train = "out/photographs/train_colour.h5",
              test = "out/photographs/validation_colour.h5";
  Index batch = 4;
  Index patch = 64, size = 128;  ///< of training and test images
  Index most = 500;              ///< passes on a test image
  Index settling = 200;          ///< passes of a training's sample until it settles, at most
  int power_iterations = 20;     ///< of the Lipschitz constants
  bool smoke = false;            ///< has DRUNets of its own, and fewer trainings of the WCRR

  double budget(const Learned& what) const { return what.name == "wcrr" ? wcrr_passes : passes; }
  const std::string& denoiser(const Task& task, const Learned& what) const;
  /// Only two strategies learn levels that take turns, and the WCRR in smoke runs.
  bool has(const Learned& what, const Strategy& strategy) const;
};
/// Throws ArgumentError for a file that is needed and not there.
Settings read_settings(const experiments::Context& context);

/// Training windows, and test images: grey ones are Set12 where the data folder has it.
std::vector<Array<float>> training_images(const Task& task, const Settings& s);
std::vector<Array<float>> test_images(const Task& task, const Settings& s,
                                      const experiments::Context& context);

}  // namespace fejer::learned_pnp
