#include <chrono>
#include <csignal>
#include <thread>

#include <fejer/files.hpp>
#include <fejer/models/model_file.hpp>

#include "models.hpp"
#include "process.hpp"

using namespace fejer_test;

namespace {

const std::string smoke_config = source_folder() + "/experiments/train_unrolled_pgd/smoke.toml";

void simulate(const ScratchFolder& folder, const std::string& out,
              const std::vector<std::string>& problem, const std::string& size = "48",
              const std::string& noise = "0.02") {
  std::vector<std::string> arguments = {"simulate",
                                        "--image",
                                        "phantom:shepp-logan:" + size,
                                        "--noise-level",
                                        noise,
                                        "--seed",
                                        "1",
                                        "--out",
                                        folder / out,
                                        "--operator"};
  arguments.insert(arguments.end(), problem.begin(), problem.end());
  expect(0, folder, arguments);
}

const std::vector<std::string> blur = {"blur", "--kernel", "gaussian:1.2"};

/// The training of the example, on the measurement file m.h5.
std::vector<std::string> training(const ScratchFolder& folder, const std::string& out,
                                  const std::vector<std::string>& settings = {},
                                  const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = {"train", smoke_config,
                                        "--out", folder / out,
                                        "--set", "model.measurement=" + (folder / "m.h5")};
  for (const std::string& item : settings) arguments.insert(arguments.end(), {"--set", item});
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

/// About a second.
const std::vector<std::string> short_one = {"training.steps=12", "training.checkpoint_every=2",
                                            "validation.every=6", "model.iterations=3"};

}  // namespace

TEST_CASE("an unrolled network learns to deblur, with a certificate for every layer") {
  const ScratchFolder folder;
  simulate(folder, "m.h5", blur);
  const auto trained = expect(0, folder, training(folder, "out", {}, {"--json"})).json();
  const double first = trained["best_psnr"];
  const auto record = nlohmann::json::parse(contents(folder / "out/run.json"));
  CHECK(record["configuration"]["noise"]["sigma"][0] == 0.02);
  CHECK(record["configuration"]["data"]["patch"] == 48);
  CHECK(record["measurement"]["sha256"] == fejer::sha256_of_file(folder / "m.h5"));
  for (const char* name : {"report/curves.png", "report/filters.png", "report/profiles.png"})
    CHECK_MESSAGE(std::filesystem::exists(folder / (std::string("out/") + name)), name);
  INFO("validation ", first);

  // At another size, with other noise.
  const std::string model = folder / "out/model.h5";
  simulate(folder, "larger.h5", blur, "64");
  const std::vector<std::string> run = {
      "reconstruct", folder / "larger.h5", "--prior",         "unrolled", "--model",      model,
      "--json",      "--report",           folder / "report", "--out",    folder / "x.h5"};
  const auto done = expect(0, folder, run).json();
  CHECK(done["iterations"] == 5);
  CHECK(done["status"] == "converged");
  CHECK(done["algorithm"] == "unrolled-pgd");
  CHECK(done["certificate"]["kind"] == "proven");
  CHECK(done["lambda"].is_null());
  CHECK(done["psnr"].get<double>() > done["start"]["psnr"].get<double>() + 1);
  auto again = run;
  again.insert(again.end(), {"--threads", "1"});
  const std::string bits = contents(folder / "x.h5");
  expect(0, folder, again);
  CHECK(contents(folder / "x.h5") == bits);
  const auto facts = expect(0, folder, {"inspect", model, "--json"}).json();
  CHECK(facts["iterations"] == 5);
  CHECK(facts["certificate"] == "proven");

  // Where the certificate does not hold, or something else was meant.
  const auto refused = [&](const std::string& file, const std::string& prior,
                           const std::vector<std::string>& more, const std::string& part) {
    std::vector<std::string> arguments = {"reconstruct", folder / file, "--prior", prior,
                                          "--model",     model,         "--out",   folder / "y.h5"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    expect_refused(folder, arguments, part);
  };
  simulate(folder, "ct.h5", {"ct", "--angles", "20"});
  refused("ct.h5", "unrolled", {}, "not below 2; it was trained for ||A|| <= 1");
  refused("m.h5", "unrolled", {"--lambda", "1"}, "--lambda");
  refused("m.h5", "unrolled", {"--tolerance", "1"}, "--tolerance");
  refused("m.h5", "unrolled", {"--positivity"}, "--positivity");
  refused("m.h5", "unrolled", {"--algorithm", "fista"}, "its own algorithm");
  refused("m.h5", "pnp", {}, "no denoiser");
  refused("m.h5", "model", {}, "--prior unrolled");
  write_ridge(folder / "ridge.h5", 0);
  expect_refused(folder,
                 {"reconstruct", folder / "m.h5", "--prior", "unrolled", "--model",
                  folder / "ridge.h5", "--out", folder / "y.h5"},
                 "no unrolled network");
}

TEST_CASE("a killed training of an unrolled network goes on to the same bits, with any threads") {
  const ScratchFolder folder;
  simulate(folder, "m.h5", blur);
  auto settings = short_one;
  settings.emplace_back("model.shared=false");
  expect(0, folder, training(folder, "whole", settings, {"--threads", "1"}));
  const std::string whole = fejer::sha256_of_file(folder / "whole/model.h5");
  {
    Process process(folder, training(folder, "part", settings));
    while (process.running() && !std::filesystem::exists(folder / "part/checkpoint.h5"))
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    process.send(SIGKILL);
    process.wait();
  }
  // Another operator is another training.
  const std::string original = contents(folder / "m.h5");
  simulate(folder, "m.h5", {"blur", "--kernel", "gaussian:1.3"});
  expect_refused(folder, training(folder, "part", settings, {"--resume"}), "another measurement");
  std::ofstream(folder / "m.h5", std::ios::binary) << original;
  expect(0, folder, training(folder, "part", settings, {"--resume", "--threads", "4"}));
  CHECK(fejer::sha256_of_file(folder / "part/model.h5") == whole);
}

TEST_CASE("unrolled networks are trained for several coils and for tomography") {
  const ScratchFolder folder;
  // The noise of the sinogram is far above 1.
  const std::vector<std::vector<std::string>> problems = {
      {"mri", "--acceleration", "2", "--coils", "2"},
      {"ct", "--angles", "20", "--pixel-size", "40", "--pitch", "40"}};
  for (const auto& problem : problems) {
    INFO(problem.front());
    const std::string out = problem.front();
    simulate(folder, "m.h5", problem, "48", out == "ct" ? "2%" : "0.02");
    auto settings = short_one;
    settings.insert(settings.end(), {"validation.every=12", "training.batch=4"});
    expect(0, folder, training(folder, out, settings));
    const auto done = expect(0, folder,
                             {"reconstruct", folder / "m.h5", "--prior", "unrolled", "--model",
                              folder / (out + "/model.h5"), "--out", folder / "x.h5", "--json"})
                          .json();
    CHECK(done["certificate"]["kind"] == "proven");
    CHECK(done["psnr"].get<double>() > 5);
  }
}

TEST_CASE("one unrolled network is trained for several operators") {
  const ScratchFolder folder;
  simulate(folder, "m.h5", blur);
  simulate(folder, "n.h5", {"blur", "--kernel", "gaussian:0.5"}, "48", "0.01");
  const auto train = [&](const std::string& out, const std::string& second) {
    auto settings = short_one;
    settings.emplace_back("noise.sigma=[0.01,0.02]");
    settings.push_back("model.measurement=[\"" + (folder / "m.h5") + "\",\"" + (folder / second) +
                       "\"]");
    return training(folder, out, settings);
  };
  expect(0, folder, train("out", "n.h5"));
  const auto record = nlohmann::json::parse(contents(folder / "out/run.json"));
  CHECK(record["configuration"]["model"]["measurement"].size() == 2);
  const std::string both =
      fejer::sha256_of_file(folder / "m.h5") + fejer::sha256_of_file(folder / "n.h5");
  CHECK(record["measurement"]["sha256"] == fejer::sha256(both.data(), both.size()));
  for (const char* name : {"m.h5", "n.h5"})
    expect(0, folder,
           {"reconstruct", folder / name, "--prior", "unrolled", "--model", folder / "out/model.h5",
            "--out", folder / "x.h5"});

  simulate(folder, "larger.h5", blur, "64");
  expect_refused(folder, train("other", "larger.h5"), "of other images than");
  simulate(folder, "mri.h5", {"mri", "--acceleration", "2", "--coils", "2"});
  expect_refused(folder, train("other", "mri.h5"), "of other images than");
  expect_refused(
      folder,
      training(folder, "other",
               {"model.measurement=[\"" + (folder / "m.h5") + "\",\"" + (folder / "n.h5") + "\"]"}),
      "noise levels differ");
  expect_refused(folder, training(folder, "other", {"model.measurement=[]"}),
                 "measurement is missing");
  expect_refused(folder, training(folder, "other", {"model.measurement=[3]"}), "a list of texts");
}

TEST_CASE("a training that does not fit its measurement file is refused") {
  const ScratchFolder folder;
  const auto refused = [&](const char* item, const char* part) {
    expect_refused(folder, training(folder, "out", {item}), part);
  };
  expect_refused(folder, training(folder, "out"), "m.h5: no such file");
  simulate(folder, "m.h5", blur);
  refused("data.patch=40", "leave patch out");
  refused("data.train=dead-leaves:3x40", "no image is as large");
  refused("validation.data=dead-leaves:3x40", "of the validation images has shape (1,40,40)");
  refused("model.kind=unroled-pgd", "did you mean unrolled-pgd?");
  refused("model.iteration=3", "did you mean iterations?");
  refused("model.iterations=0", "at least 1");
}
