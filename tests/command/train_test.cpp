#include <chrono>
#include <csignal>
#include <cstdlib>
#include <random>
#include <sstream>
#include <thread>

#include <sys/resource.h>

#include <fejer/files.hpp>
#include <fejer/models/model_file.hpp>

#include "process.hpp"

using namespace fejer_test;

namespace {

const std::string smoke = fejer_test::source_folder() + "/experiments/train_wcrr/smoke.toml";

/// The training of the experiment, cut down to about a second.
std::vector<std::string> training(const std::string& out,
                                  const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = {"train", smoke, "--out", out, "--threads", "2"};
  for (const char* item :
       {"data.train=dead-leaves:3x32:1", "data.patch=16", "data.stride=4", "model.channels=[1,2,3]",
        "model.kernel_size=3", "training.batch=12", "training.steps=40", "validation.every=10",
        "validation.data=dead-leaves:1x32:2", "training.checkpoint_every=3"})
    arguments.insert(arguments.end(), {"--set", item});
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

std::ptrdiff_t lines_with(const std::string& text, const std::string& part) {
  std::istringstream lines(text);
  std::ptrdiff_t count = 0;
  for (std::string line; std::getline(lines, line);) count += line.find(part) != std::string::npos;
  return count;
}

/// metrics.csv without the seconds, which are its last column.
std::string metrics_of(const std::string& out) {
  std::istringstream lines(contents(out + "/metrics.csv"));
  std::string kept;
  for (std::string line; std::getline(lines, line);) kept += line.substr(0, line.rfind(',')) + "\n";
  return kept;
}

/// The hash of the model of a training that was never stopped.
std::string whole_metrics;
const std::string& whole_model() {
  static const std::string hash = [] {
    const ScratchFolder folder;
    const Finished done = expect(0, folder, training(folder / "whole", {"--json"}));
    CHECK(done.json()["status"] == "finished");
    CHECK(done.json()["steps"] == 40);
    CHECK(done.json()["best_psnr"].get<double>() > 20);
    for (const char* name :
         {"model.h5", "checkpoint.h5", "metrics.csv", "run.json", "report/curves.png",
          "report/filters.png", "report/profiles.png", "report/report.md"})
      CHECK_MESSAGE(std::filesystem::exists(folder / (std::string("whole/") + name)), name);
    const auto record = nlohmann::json::parse(contents(folder / "whole/run.json"));
    CHECK(record["configuration"]["training"]["batch"] == 12);
    CHECK(record["configuration"]["optimiser"]["beta2"] == 0.999);
    CHECK(record["data"]["images"] == 3);
    CHECK(record["result"]["steps"] == 40);
    const std::string csv = contents(folder / "whole/metrics.csv");
    CHECK(std::count(csv.begin(), csv.end(), '\n') == 41);
    CHECK(csv.starts_with("step,loss,"));
    CHECK(fejer::load_model<float>(folder / "whole/model.h5").kind() == "ridge");
    whole_metrics = metrics_of(folder / "whole");
    return fejer::sha256_of_file(folder / "whole/model.h5");
  }();
  return hash;
}

/// Starts the training and ends it by a signal some time after its first checkpoint.
Finished stop_by(int signal, const ScratchFolder& folder, const std::string& out,
                 std::chrono::milliseconds delay) {
  Process process(folder, training(folder / out));
  while (process.running() && !std::filesystem::exists(folder / (out + "/checkpoint.h5")))
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  std::this_thread::sleep_for(delay);
  process.send(signal);
  return process.wait();
}

}  // namespace

TEST_CASE("one and four threads train the same model as two") {
  for (const char* threads : {"1", "4"}) {
    const ScratchFolder folder;
    auto arguments = training(folder / "out");
    arguments[5] = threads;
    expect(0, folder, arguments);
    CHECK(fejer::sha256_of_file(folder / "out/model.h5") == whole_model());
  }
}

#ifdef FEJER_MPIEXEC
TEST_CASE("two processes train the same model") {
  const ScratchFolder folder;
  std::string line = FEJER_MPIEXEC " --allow-run-as-root --oversubscribe -n 2 " + command_file();
  for (const std::string& argument : training(folder / "two")) line += " '" + argument + "'";
  REQUIRE(std::system(line.c_str()) == 0);
  const auto record = nlohmann::json::parse(contents(folder / "two/run.json"));
  CHECK(record["processes"] == 2);
  CHECK(fejer::sha256_of_file(folder / "two/model.h5") == whole_model());
}
#endif

TEST_CASE("killed or interrupted at any moment, a training goes on to the same model") {
  std::random_device device;
  for (const int signal : {SIGKILL, SIGINT}) {
    const ScratchFolder folder;
    std::chrono::milliseconds delay(device() % 300);
    std::string part = "part";
    Finished stopped = stop_by(signal, folder, part, delay);
    for (; stopped.code == 0 && delay.count() > 0; part += "+", delay /= 2)  // it was faster
      stopped = stop_by(signal, folder, part + "+", delay / 2);
    INFO("signal ", signal, " after ", delay.count(), " ms: ", stopped.err);
    REQUIRE(stopped.code != 0);
    if (signal == SIGINT) {
      CHECK(stopped.code == 130);
      CHECK(stopped.err.find("--resume") != std::string::npos);
    }
    expect_refused(folder, training(folder / part), "already holds a training");
    expect(0, folder, training(folder / part, {"--resume"}));
    CHECK(fejer::sha256_of_file(folder / (part + "/model.h5")) == whole_model());
    CHECK(metrics_of(folder / part) == whole_metrics);
  }
}

TEST_CASE("a Lipschitz network trains, is resumed and certified, with the same bits") {
  const ScratchFolder folder;
  const std::string config = source_folder() + "/experiments/train_lipschitz_cnn/smoke.toml";
  const std::vector<std::string> straight = {"train", config, "--out", folder / "a", "--json"};
  const auto done = expect(0, folder, straight).json();
  CHECK(done["status"] == "finished");
  const auto model = fejer::load_model<float>(folder / "a/model.h5");
  REQUIRE(model.kind() == "lipschitz-cnn");
  CHECK(fejer::make_denoiser(model).certificate().kind == fejer::Certificate::Kind::proven);
  CHECK(std::filesystem::exists(folder / "a/report/profiles.png"));
  const std::vector<std::string> part = {"train",     config, "--out", folder / "b",
                                         "--threads", "4",    "--set", "training.steps=17"};
  expect(0, folder, part);
  expect(0, folder, {"train", config, "--out", folder / "b", "--threads", "1", "--resume"});
  CHECK(contents(folder / "b/model.h5") == contents(folder / "a/model.h5"));
}

TEST_CASE("optimiser, schedule, loss and patience are what the configuration says") {
  const ScratchFolder folder;
  std::vector<std::string> arguments = {
      "train", source_folder() + "/experiments/train_lipschitz_cnn/smoke.toml", "--json"};
  for (const char* item :
       {"optimiser.kind=adamax", "optimiser.average=0.9", "optimiser.clip=1",
        "schedule.kind=cosine", "schedule.warm_up=2", "loss.kind=ssim", "validation.patience=2"})
    arguments.insert(arguments.end(), {"--set", item});
  const auto with = [&](const std::string& out, std::vector<std::string> items) {
    auto all = arguments;
    all.insert(all.end(), {"--out", folder / out});
    for (const std::string& item : items) all.insert(all.end(), {"--set", item});
    return expect(0, folder, all).json();
  };
  // Nothing is learned at rate 0, so that no validation after the first is better.
  const auto stopped = with("still", {"optimiser.rate=0", "optimiser.rates.activations=0"});
  CHECK(stopped["status"] == "stopped_early");
  CHECK(stopped["steps"] == 30);
  // Each of the settings changes what is learned.
  with("all", {"training.steps=12"});
  const std::string model = contents(folder / "all/model.h5");
  int n = 0;
  for (const char* item : {"optimiser.kind=adam", "optimiser.average=0", "optimiser.clip=0",
                           "schedule.kind=constant", "schedule.warm_up=0", "loss.kind=huber"}) {
    const std::string out = "other" + std::to_string(++n);
    with(out, {"training.steps=12", item});
    CHECK_MESSAGE(contents(folder / (out + "/model.h5")) != model, item);
  }
}

TEST_CASE("--resume without a checkpoint starts, and more steps go on") {
  const ScratchFolder folder;
  expect(0, folder, training(folder / "part", {"--resume", "--set", "training.steps=20"}));
  expect(0, folder, training(folder / "part", {"--resume"}));
  CHECK(fejer::sha256_of_file(folder / "part/model.h5") == whole_model());
}

TEST_CASE("a checkpoint is resumed only by its own training") {
  const ScratchFolder folder;
  expect(0, folder, training(folder / "part", {"--set", "training.steps=3"}));
  expect_refused(folder, training(folder / "part", {"--resume", "--set", "training.seed=1"}),
                 "another configuration");
  expect_refused(folder,
                 training(folder / "part", {"--resume", "--set", "data.train=dead-leaves:3x33:1"}),
                 "another data");
}

TEST_CASE("a configuration keeps its hash, so that older checkpoints are gone on with") {
  // What fingerprints were before there were warm states. Whoever changes what is resumed changes
  // this number, and says so.
  const ScratchFolder folder;
  expect(0, folder,
         {"train", smoke, "--out", folder / "out", "--set", "training.steps=1", "--set",
          "data.train=dead-leaves:3x64"});
  const auto record = nlohmann::json::parse(contents(folder / "out/run.json"));
  CHECK(record["configuration_sha256"] ==
        "c389013a0bffd79733e36fb48089da6a1f1132ad68001fc0ec78d47568fb33ec");
  // And before networks on patches could have splines.
  expect(0, folder,
         {"train", source_folder() + "/experiments/train_patch_denoiser/smoke.toml", "--out",
          folder / "patches", "--set", "training.steps=1"});
  const auto patches = nlohmann::json::parse(contents(folder / "patches/run.json"));
  CHECK(patches["configuration_sha256"] ==
        "ef70b8e58c429e25ba2a41192df119c3d9274a02add140197cb353ebf0134146");
}

TEST_CASE("misspelt and impossible configurations are refused in one line") {
  const ScratchFolder folder;
  const auto refused = [&](const char* item, const char* part) {
    expect_refused(folder, training(folder / "out", {"--set", item}), part);
  };
  refused("optimiser.rat=1", "did you mean rate?");
  refused("optimizer.rate=1", "did you mean optimiser?");
  refused("optimiser.kind=adan", "did you mean adam?");
  refused("optimiser.rates.cnv=1", "did you mean conv?");
  refused("model.kind=wcr", "did you mean wcrr?");
  refused("noise.sigma=25", "image's unit");
  refused("noise.sigma=many", "expected a finite number");
  refused("training.steps=-1", "at least 1");
  refused("training.steps=1.5", "whole number");
  refused("training.batch=100000", "fewer than a batch");
  refused("data.train=", "missing");
  expect_refused(
      folder,
      {"train", source_folder() + "/experiments/train_crr/crr.toml", "--out", folder / "out",
       "--set", "training.warm=true", "--set", "data.train=dead-leaves:6x64"},
      "does not iterate; expected wcrr or one that begins with pnp-");
  refused("data.train=none.h5", "no such file");
  refused("loss=3", "expected the section [loss]");
  refused("steps", "section.key=value");
  std::ofstream(folder / "bad.toml") << "[model]\nkind = \n";
  expect_refused(folder, {"train", folder / "bad.toml", "--out", folder / "out"}, "bad.toml:2");
  expect_refused(folder, {"train", folder / "none.toml", "--out", folder / "out"}, "no such file");
}

TEST_CASE("a loss that is not finite: exit code 3, the last good checkpoint is kept") {
  const ScratchFolder folder;
  const std::vector<std::string> settings = {"--set", "optimiser.rates.mu=400", "--set",
                                             "training.checkpoint_every=1", "--json"};
  const Finished stopped = expect(3, folder, training(folder / "out", settings));
  CHECK(stopped.json()["status"] == "not_finite");
  CHECK(lines_with(stopped.err, "not finite") == 1);
  // What was kept is good: it loads, which refuses numbers that are not finite, and ends the same.
  const std::string kept = contents(folder / "out/checkpoint.h5");
  CHECK(!kept.empty());
  std::vector<std::string> again = settings;
  again.push_back("--resume");
  expect(3, folder, training(folder / "out", again));
  CHECK(contents(folder / "out/checkpoint.h5") == kept);
}

/// On a disk where no file can grow beyond so many bytes.
Finished on_full_disk(const ScratchFolder& folder, const std::vector<std::string>& arguments,
                      std::size_t bytes) {
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  rlimit small = before;
  small.rlim_cur = bytes;
  std::signal(SIGXFSZ, SIG_IGN);  // inherited: writing fails instead
  setrlimit(RLIMIT_FSIZE, &small);
  Process process(folder, arguments);
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, SIG_DFL);
  return process.wait();
}

TEST_CASE("a disk that is full leaves no data set") {
  const ScratchFolder folder;
  const Finished finished = on_full_disk(
      folder, {"dataset", "make", "dead-leaves:8x64", "--out", folder / "set.h5"}, 20000);
  CHECK(finished.code == 2);
  CHECK(finished.out.empty());
  CHECK(lines_with(finished.err, "") == 1);
  CHECK(finished.err.find("cannot be written") != std::string::npos);
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    CHECK_MESSAGE(entry.path().filename().string().starts_with(".std"), entry.path());
}

TEST_CASE("a disk that is full: one line, what was kept stays whole") {
  const ScratchFolder folder;
  expect(0, folder, training(folder / "out", {"--set", "training.steps=9"}));
  const std::string kept = contents(folder / "out/checkpoint.h5");
  // The next checkpoint is larger.
  const Finished finished =
      on_full_disk(folder, training(folder / "out", {"--resume"}), kept.size());
  CHECK(finished.code == 2);
  CHECK(lines_with(finished.err, "cannot be written") == 1);
  CHECK(contents(folder / "out/checkpoint.h5") == kept);
  expect(0, folder, training(folder / "out", {"--resume"}));
  CHECK(fejer::sha256_of_file(folder / "out/model.h5") == whole_model());
}
