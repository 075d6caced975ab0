#include "learned_pnp.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <utility>

#include <fejer/files.hpp>
#include <fejer/metrics.hpp>

#include "cell.hpp"
#include "console.hpp"
#include "data_folder.hpp"
#include "drawing.hpp"
#include "record.hpp"
#include "start.hpp"
#include "training_run.hpp"

namespace fejer::learned_pnp {
namespace {

using Json = nlohmann::ordered_json;

/// A few steps' worth of networks for smoke runs, which have none.
void make_denoisers(Settings& s, const experiments::Context& context) {
  for (const Index channels : {Index{1}, Index{3}}) {
    std::string& file = channels == 1 ? s.grey : s.colour;
    const auto same = [&](const Task& task) { return task.channels == channels; };
    const auto is_drunet = [](const Learned& what) { return what.kind == "pnp-drunet"; };
    const bool wanted = std::any_of(s.tasks.begin(), s.tasks.end(), same) &&
                        std::any_of(s.learned.begin(), s.learned.end(), is_drunet);
    if (!wanted || !file.empty()) continue;
    const std::string name = context.out + "/trainings/denoiser_" + std::to_string(channels);
    std::filesystem::remove_all(name);
    auto images = experiments::windows(open_images("dead-leaves:6x64"), 64, channels, true);
    std::vector<ImageSource> sources(images.size());
    save_dataset(name + ".h5", Dataset(std::move(images), std::move(sources), "made up"));
    command::train_model({command::source_folder() + "/experiments/train_drunet/smoke.toml",
                          name,
                          {"model.image_channels=" + std::to_string(channels),
                           "data.train=" + name + ".h5", "validation.data=\"\""},
                          false});
    file = name + "/model.h5";
  }
}

/// The first test image: truth, data, start, and of each kind of learning the strategy with the
/// best PSNR at the last pass. Nothing where no result is kept (they are not part of a record).
void draw_images(const Task& task, const Images& images, const Settings& s, const Json& rows,
                 const experiments::Context& context) {
  const Measured measured = measured_images(task, {images.test.front()});
  const Array<float>& truth = images.test.front();
  std::vector<command::Panel> panels{{"truth", command::as_rgb(truth, 1)}};
  const auto add = [&](const std::string& title, const Array<float>& image) {
    char text[40];
    std::snprintf(text, sizeof text, "%.2f dB", psnr(image, truth, 1.0));
    panels.push_back({title, command::as_rgb(image, 1), 0, text});
  };
  const Array<float>& y = measured.data.front();
  add("data", y);
  add("start", command::start_from<float>(measured.measurement.setup, measured.A, y));
  const std::size_t without = panels.size();
  for (const Learned& what : s.learned) {
    const Strategy* best = nullptr;
    double most = 0;
    for (const Strategy& strategy : s.strategies)
      for (const Json& row : rows) {
        const Json last = row.value("psnr", Json::object()).value("last", Json());
        if (row["learned"] != what.name || row["strategy"] != strategy.name || !last.is_number())
          continue;
        if (best == nullptr || last.get<double>() > most)
          best = &strategy, most = last.get<double>();
      }
    if (best == nullptr) continue;
    const Array<float> image = first_result({task, what, *best}, context);
    if (image.shape() == truth.shape()) add(what.name + ", " + best->name, image);
  }
  if (panels.size() > without) command::draw_panels(context.out + "/" + task.name + ".png", panels);
}

template <class X>
bool named(const std::vector<X>& list, const X& one) {
  return std::any_of(list.begin(), list.end(), [&](const X& x) { return x.name == one.name; });
}

Json empty_record(const Settings& s, const experiments::Context& context) {
  Json record = command::environment_json();
  record["experiment"] = "learned_pnp";
  record["smoke"] = context.smoke;
  record["passes"] = s.passes;
  record["wcrr_passes"] = s.wcrr_passes;
  record["batch"] = s.batch;
  record["most_passes"] = s.most;
  record["size"] = s.size;
  record["power_iterations"] = s.power_iterations;
  record["settling"] = s.settling;
  record["tasks"] = Json::array();
  return record;
}

}  // namespace

Json run(const experiments::Context& context) {
  Settings s = read_settings(context);
  std::filesystem::create_directories(context.out + "/cells");
  std::filesystem::create_directories(context.out + "/trainings");
  if (s.smoke) make_denoisers(s, context);
  Json record = empty_record(s, context);
  for (const Task& task : s.tasks) {
    const Images images{training_images(task, s), test_images(task, s, context)};
    record["tasks"].push_back({{"task", task.name},
                               {"what", task.what},
                               {"training_images", images.train.size()},
                               {"test_images", images.test.size()},
                               {"results", Json::array()}});
    Json& rows = record["tasks"].back()["results"];
    for (const Learned& what : learned())
      for (const Strategy& strategy : strategies()) {
        const Place place{task, what, strategy};
        const std::string cell = context.out + "/cells/" + place.name() + ".json";
        // A run that resumes shows what is there, whatever it was told to train.
        const bool chosen =
            named(s.learned, what) && named(s.strategies, strategy) && s.has(what, strategy);
        if (!chosen && !(context.resume && std::filesystem::exists(cell))) continue;
        command::note("experiment learned_pnp: " + place.name());
        rows.push_back(experiments::kept(
            context, cell, [&] { return train_and_test(place, images, s, context); }));
        write_text(context.out + "/record.json", record.dump(1) + "\n");
        write_text(context.out + "/report.md", report(record));
      }
    draw_images(task, images, s, rows, context);
  }
  return record;
}

}  // namespace fejer::learned_pnp
