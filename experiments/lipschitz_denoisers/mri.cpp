#include "mri.hpp"

#include <cmath>

#include <fejer/vector.hpp>

#include "../reconstruction/methods.hpp"
#include "../reconstruction/tasks.hpp"
#include "../tuning/compass_search.hpp"
#include "console.hpp"

namespace fejer::lipschitz_denoisers {
namespace {

using Json = nlohmann::ordered_json;
using Complex = std::complex<float>;
using reconstruction::Case;
using reconstruction::Effort;
using reconstruction::MethodSpec;
using reconstruction::Outcome;
using reconstruction::Task;

/// 5 of 255 in the unnormalised transform of a 256x256 image, as published, in the unitary one.
constexpr double published_noise = 5.0 / 255 / 256;
/// Of the two draws whose solutions are compared: large against what the iteration leaves.
constexpr double stability_noise = 0.02;

tuning::SearchResult best_relaxation(const Task& task, const MethodSpec& method, bool smoke) {
  const Effort effort{1e-4, smoke ? 2 : 300};
  const auto score = [&](const tuning::Point& p) {
    double sum = 0;
    for (const Case& c : task.tuning) {
      sum += reconstruct(task, c, method, p, effort).psnr;
      command::stop_if_interrupted();
    }
    return sum / static_cast<double>(task.tuning.size());
  };
  const tuning::Parameter relaxation{0.3, 1e-3, 1, 3}, none{1, 1, 1, 1};
  return tuning::compass_search({relaxation, none}, score, {1.6, smoke ? 1 : 6});
}

/// ||A x1 - A x2|| / ||y1 - y2|| for the fixed points of two draws of the noise.
double stability(const std::string& mask, const MethodSpec& method, const tuning::Point& p,
                 const Effort& effort, const experiments::Context& context) {
  Array<Complex> image[2], data[2];
  for (int draw = 0; draw < 2; ++draw) {
    const Task task = reconstruction::compressed_sensing(mask, stability_noise, draw, context.data,
                                                         context.smoke);
    const Case& c = task.test.front();
    const Outcome o = reconstruct(task, c, method, p, effort);
    command::stop_if_interrupted();
    image[draw] = make_operator<Complex>(c.measurement).apply(std::get<Array<Complex>>(o.image));
    data[draw] = elements_as<Complex>(c.measurement.data);
  }
  return distance(image[0], image[1]) / distance(data[0], data[1]);
}

Json mri_row(const std::string& mask, const MethodSpec& method,
             const experiments::Context& context) {
  const Task task =
      reconstruction::compressed_sensing(mask, published_noise, 0, context.data, context.smoke);
  const tuning::SearchResult tuned = best_relaxation(task, method, context.smoke);
  const Effort effort{1e-5, context.smoke ? 2 : 3000};
  Json row = {{"mask", mask},
              {"network", method.name},
              {"smoke", context.smoke},
              {"relaxation", tuned.best.point[0]}};
  double start = 0, sum = 0;
  bool never_rose = true;
  for (const Case& c : task.test) {
    const Outcome o = reconstruct(task, c, method, tuned.best.point, effort);
    command::stop_if_interrupted();
    sum += o.psnr;
    start += start_of(task, c).psnr;
    never_rose = never_rose && o.change_never_rose;
    row["cases"].push_back({{"name", c.name},
                            {"psnr", o.psnr},
                            {"ssim", o.ssim},
                            {"iterations", o.iterations},
                            {"status", to_string(o.status)},
                            {"data_fit", o.data_fit}});
  }
  const auto count = static_cast<double>(task.test.size());
  row["zero_filled_psnr"] = start / count;
  row["psnr"] = sum / count;
  row["change_never_rose"] = never_rose;
  row["stability"] = stability(mask, method, tuned.best.point, effort, context);
  return row;
}

}  // namespace

Json mri_rows(const experiments::Context& context,
              const std::vector<std::pair<std::string, Model<float>>>& networks) {
  Json rows = Json::array();
  for (const char* mask : {"points", "columns"})
    for (const auto& [name, model] : networks) {
      command::note(std::string("experiment lipschitz_denoisers: MRI, ") + mask + ", " + name);
      rows.push_back(experiments::kept(context,
                                       context.out + "/cells/mri_" + mask + "_" + name + ".json",
                                       [&, &name = name, &model = model] {
                                         return mri_row(mask, {name, "pnp", model, false}, context);
                                       }));
    }
  return rows;
}

}  // namespace fejer::lipschitz_denoisers
