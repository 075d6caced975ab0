#include "unrolled.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <vector>

#include <fejer/hdf5.hpp>
#include <fejer/models/model_file.hpp>
#include <fejer/operators/cartesian_mri.hpp>
#include <fejer/rng.hpp>

#include "console.hpp"

namespace fejer::reconstruction {
namespace {

const std::string default_photographs = "out/photographs/train.h5";

/// What a task needs beside the configuration. Operators of which there are many in use are drawn
/// from eight; images are as large as theirs.
struct Plan {
  Index size = 0;  ///< of training images; 0: those of the task
  Index iterations = 0, steps = 0, batch = 0;
  bool photographs = false;  ///< larger images than the training set of 180x180 has
  bool phase = false;        ///< the image to be reconstructed has one
};
const std::map<std::string, Plan>& plans() {
  static const std::map<std::string, Plan> all = {{"deblur", {64, 20, 2000, 4}},
                                                  {"mri_single_4x", {128, 10, 500, 2}},
                                                  {"mri_16coil_8x", {0, 20, 300, 2, false, true}},
                                                  {"ct_head_60", {0, 20, 250, 1, true}}};
  return all;
}

std::vector<Measurement> operators_of(const Task& task, Index size, const std::string& data) {
  const Measurement& first = task.tuning.front().measurement;
  if (size == 0) return {first};
  std::vector<Measurement> result;
  for (int k = 0; k < 8; ++k) {
    const std::string number = std::to_string(k);
    Measurement m;
    m.noise_level = first.noise_level;
    if (const auto* blur = std::get_if<BlurSetup>(&first.setup)) {
      const Hdf5Reader kernels(data + "/kernels/levin09.h5");
      m.setup = BlurSetup{kernels.read<double>("kernel_" + number), blur->boundary};
      m.data = Array<float>(Shape{1, size, size});
    } else {
      m.setup = MriSetup{random_column_mask<float>(size, size, 4, 0.08,
                                                   Rng(2024).stream("mask/training/" + number)),
                         {}};
      m.data = Array<std::complex<float>>(Shape{1, size, size});
    }
    result.push_back(std::move(m));
  }
  return result;
}

}  // namespace

bool has_unrolled(const std::string& task) { return plans().count(task) > 0; }

bool has_training_images(const std::string& task, const experiments::Context& context) {
  if (!plans().at(task).photographs || context.smoke || context.set.count("photographs") > 0 ||
      std::filesystem::exists(default_photographs))
    return true;
  command::note("experiment reconstruction: " + task + ", unrolled: skipped, no " +
                default_photographs + "; scripts/make-photographs --grey makes it");
  return false;
}

Model<float> trained_unrolled(const Task& task, const experiments::Context& context) {
  Plan plan = plans().at(task.name);
  if (context.smoke) plan = {plan.size / 4, 2, 2, 2};
  const std::string folder = context.out + "/trainings/" + task.name;
  std::filesystem::create_directories(context.out + "/trainings");
  std::vector<std::string> settings = {"model.iterations=" + std::to_string(plan.iterations),
                                       "training.steps=" + std::to_string(plan.steps),
                                       "training.batch=" + std::to_string(plan.batch)};
  std::string files;
  Index largest = 0;
  for (const Measurement& m : operators_of(task, plan.size, context.data)) {
    const std::string file =
        folder + "-operator-" + std::to_string(std::count(files.begin(), files.end(), ',')) + ".h5";
    save_measurement(file, m);
    files += "\"" + file + "\",";
    largest = std::max({largest, image_shape(m)[1], image_shape(m)[2]});
  }
  settings.push_back("model.measurement=[" + files + "]");
  if (plan.phase) settings.emplace_back("model.random_phase=true");
  if (plan.photographs) {
    const auto given = context.set.find("photographs");
    settings.push_back("data.train=" +
                       (given == context.set.end() ? default_photographs : given->second));
  }
  if (context.smoke)
    for (const std::string& setting :
         {"data.train=dead-leaves:2x" + std::to_string(largest), std::string("model.channels=4")})
      settings.push_back(setting);
  experiments::trained(context, "reconstruction", task.name, "train_unrolled_pgd/deblur.toml",
                       std::move(settings));
  return load_model<float>(folder + "/model.h5");
}

}  // namespace fejer::reconstruction
