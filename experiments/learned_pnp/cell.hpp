#pragma once
/// One training, and what plug-and-play makes of the test images with what was learned.
#include "plan.hpp"

namespace fejer::learned_pnp {

/// Where PSNR is taken on the way.
inline const std::vector<Index> shown_depths{1, 10, 60};

struct Place {
  const Task& task;
  const Learned& learned;
  const Strategy& strategy;
  std::string name() const { return task.name + "_" + learned.name + "_" + strategy.name; }
};

/// The images of a task, and what is measured of the test images.
struct Images {
  std::vector<Array<float>> train, test;
};
struct Measured {
  Measurement measurement;
  LinearOperator<float> A;
  std::vector<Array<float>> data;
};
Measured measured_images(const Task& task, const std::vector<Array<float>>& images);

/// Trains in context.out/trainings, and leaves what became of the first test image there, too. A
/// training that is refused or leaves the finite numbers is a cell with `failed`, its cause.
nlohmann::ordered_json train_and_test(const Place& place, const Images& images, const Settings& s,
                                      const experiments::Context& context);
/// That image; an empty array where there is none.
Array<float> first_result(const Place& place, const experiments::Context& context);

}  // namespace fejer::learned_pnp
