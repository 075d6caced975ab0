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

/// The hash of the model of a training that was never stopped.
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

TEST_CASE("one thread trains the same model") {
  const ScratchFolder folder;
  auto arguments = training(folder / "one");
  arguments[5] = "1";
  expect(0, folder, arguments);
  CHECK(fejer::sha256_of_file(folder / "one/model.h5") == whole_model());
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
      "does not iterate; expected wcrr or pnp-drunet");
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

TEST_CASE("a disk that is full: one line, what was kept stays whole") {
  const ScratchFolder folder;
  expect(0, folder, training(folder / "out", {"--set", "training.steps=9"}));
  const std::string kept = contents(folder / "out/checkpoint.h5");
  // Files cannot grow beyond what the checkpoint has: the next one is larger.
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  rlimit small = before;
  small.rlim_cur = kept.size();
  std::signal(SIGXFSZ, SIG_IGN);  // inherited: writing fails instead
  setrlimit(RLIMIT_FSIZE, &small);
  Process process(folder, training(folder / "out", {"--resume"}));
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, SIG_DFL);
  const Finished finished = process.wait();
  CHECK(finished.code == 2);
  CHECK(lines_with(finished.err, "cannot be written") == 1);
  CHECK(contents(folder / "out/checkpoint.h5") == kept);
  expect(0, folder, training(folder / "out", {"--resume"}));
  CHECK(fejer::sha256_of_file(folder / "out/model.h5") == whole_model());
}
