#include <thread>

#include <fejer/operators/measurement.hpp>

#include "models.hpp"
#include "process.hpp"

using namespace fejer_test;

namespace {

void simulate_to(const ScratchFolder& folder, const std::string& out, const std::string& seed,
                 const std::vector<std::string>& problem = {"blur", "--kernel", "gaussian:1"}) {
  std::vector<std::string> arguments = {"simulate",
                                        "--image",
                                        "phantom:shepp-logan:32",
                                        "--noise-level",
                                        "0.03",
                                        "--seed",
                                        seed,
                                        "--out",
                                        folder / out,
                                        "--operator"};
  arguments.insert(arguments.end(), problem.begin(), problem.end());
  expect(0, folder, arguments);
}

std::vector<std::string> tune(const ScratchFolder& folder, const std::vector<std::string>& files,
                              const std::vector<std::string>& flags) {
  std::vector<std::string> arguments = {"tune"};
  for (const std::string& file : files) arguments.push_back(folder / file);
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  arguments.insert(arguments.end(), {"--tolerance", "1e-4", "--max-iterations", "300", "--finest",
                                     "1.5", "--out", folder / "tuned.json", "--json"});
  return arguments;
}

/// The ready command of the result, run: it must give the PSNR that was found, to the last bit.
void expect_ready_command(const ScratchFolder& folder, const nlohmann::json& tuned) {
  auto words = tuned["arguments"].get<std::vector<std::string>>();
  REQUIRE(words.back() == "x.h5");
  words.back() = folder / "x.h5";
  words.push_back("--json");
  const auto again = fejer_command(folder, words).json();
  CHECK(again["psnr"] == tuned["files"][0]["psnr"]);
  CHECK(again["iterations"] == tuned["files"][0]["iterations"]);
  CHECK(again["lambda"] == tuned["lambda"]);
}

}  // namespace

TEST_CASE("tune weighs the potential of a gradient-step denoiser, beyond 1 where that is better") {
  const ScratchFolder folder;
  write_drunet(folder / "step.h5", 1, 0.98, true);  // g = 0.0002 ||x||^2: a large weight is needed
  simulate_to(folder, "a.h5", "1");
  const auto tuned =
      expect(0, folder, tune(folder, {"a.h5"}, {"--prior", "pnp", "--model", folder / "step.h5"}))
          .json();
  CHECK(tuned["lambda"].get<double>() > 1);
  expect_ready_command(folder, tuned);
}

TEST_CASE("tune finds a weight that is better than the default, the same with any threads") {
  const ScratchFolder folder;
  simulate_to(folder, "a.h5", "1");
  simulate_to(folder, "b.h5", "2");
  auto arguments = tune(folder, {"a.h5", "b.h5"}, {"--prior", "tv", "--threads", "1"});
  const Finished first = expect(0, folder, arguments);
  const auto tuned = first.json();
  double mean = 0;
  for (const char* file : {"a.h5", "b.h5"})
    mean += expect(0, folder,
                   {"reconstruct", folder / file, "--prior", "tv", "--tolerance", "1e-4", "--out",
                    folder / "d.h5", "--json"})
                .json()["psnr"]
                .get<double>() /
            2;
  CHECK(tuned["psnr"].get<double>() > mean);
  CHECK(tuned["psnr"].get<double>() == doctest::Approx((tuned["files"][0]["psnr"].get<double>() +
                                                        tuned["files"][1]["psnr"].get<double>()) /
                                                       2));
  CHECK(tuned["sigma"].is_null());
  CHECK(tuned["finished"] == true);
  expect_ready_command(folder, tuned);

  auto written = nlohmann::json::parse(contents(folder / "tuned.json"));
  CHECK(written["trials"] == tuned["trials"]);
  CHECK(written["inputs"].size() == 2);
  for (const auto& trial : tuned["trials"])
    CHECK((trial["files"] == 1 || trial["psnr"] <= tuned["psnr"]));

  arguments[6] = "2";
  REQUIRE(arguments[5] == "--threads");
  CHECK(expect(0, folder, arguments).out == first.out);
}

TEST_CASE("tune searches lambda and sigma of a regulariser, and the relaxation of a denoiser") {
  const ScratchFolder folder;
  simulate_to(folder, "a.h5", "1");
  write_ridge(folder / "ridge.h5", 1);
  const auto ridge =
      expect(0, folder,
             tune(folder, {"a.h5"}, {"--prior", "model", "--model", folder / "ridge.h5"}))
          .json();
  CHECK(ridge["trials"][0].contains("sigma"));
  expect_ready_command(folder, ridge);

  write_cnn(folder / "cnn.h5", 1.2);
  const std::vector<std::string> pnp = {"--prior", "pnp", "--model", folder / "cnn.h5"};
  expect_refused(folder, tune(folder, {"a.h5"}, pnp), "--certify");
  auto certified = pnp;
  certified.insert(certified.end(), {"--certify", "--positivity", "--lambda", "0.3"});
  const auto relaxed = expect(0, folder, tune(folder, {"a.h5"}, certified)).json();
  CHECK_FALSE(relaxed["trials"][0].contains("sigma"));
  CHECK(relaxed["trials"][0]["lambda"] == 0.3);
  CHECK(relaxed["lambda"].get<double>() <= 1);
  expect_ready_command(folder, relaxed);
}

TEST_CASE("tune works on complex images") {
  const ScratchFolder folder;
  simulate_to(folder, "a.h5", "1", {"mri", "--acceleration", "2", "--coils", "2"});
  const auto tuned = expect(0, folder, tune(folder, {"a.h5"}, {"--prior", "tv"})).json();
  expect_ready_command(folder, tuned);
}

TEST_CASE("tune says when it had to stop early, and still writes the best so far") {
  const ScratchFolder folder;
  simulate_to(folder, "a.h5", "1");
  const auto tuned = expect(3, folder, tune(folder, {"a.h5"}, {"--prior", "tv", "--trials", "2"}));
  CHECK(tuned.err.find("--trials") != std::string::npos);
  CHECK(tuned.json()["finished"] == false);
  CHECK(std::filesystem::exists(folder / "tuned.json"));
}

TEST_CASE("tune refuses what it cannot search or measure") {
  const ScratchFolder folder;
  simulate_to(folder, "a.h5", "1");
  simulate_to(folder, "ct.h5", "1", {"ct", "--angles", "10"});
  auto m = fejer::load_measurement(folder / "a.h5");
  m.truth.reset();
  save_measurement(folder / "blind.h5", m);
  const auto tv = [&](const std::vector<std::string>& files) {
    return tune(folder, files, {"--prior", "tv"});
  };
  expect_refused(folder, tv({"a.h5", "blind.h5"}), "blind.h5: holds no truth");
  expect_refused(folder, tv({"a.h5", "ct.h5"}), "ct.h5: operator ct");
  expect_refused(folder, tv({"a.h5", "missing.h5"}), "missing.h5: no such file");
  expect_refused(folder, tune(folder, {"a.h5"}, {"--prior", "none"}), "expected one of tv");
  expect_refused(folder, tune(folder, {"a.h5"}, {"--prior", "pmp"}), "did you mean pnp?");
  expect_refused(folder, tune(folder, {"a.h5"}, {"--prior", "pnp"}), "--model");
  expect_refused(folder, tune(folder, {"a.h5"}, {"--prior", "tv", "--trails", "3"}),
                 "did you mean --trials?");
  expect_refused(folder, {"tune", folder / "a.h5", "--prior", "tv", "--out", folder / "t.txt"},
                 ".json");
  expect_refused(
      folder,
      {"tune", folder / "a.h5", "--prior", "tv", "--finest", "1", "--out", folder / "t.json"},
      "--finest");
}

TEST_CASE("Ctrl-C ends a search with exit code 130 and no file") {
  const ScratchFolder folder;
  simulate_to(folder, "a.h5", "1");
  Process process(folder, {"tune", folder / "a.h5", "--prior", "tv", "--tolerance", "0",
                           "--max-iterations", "100000000", "--out", folder / "tuned.json"});
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  REQUIRE(process.running());
  process.interrupt();
  CHECK(process.wait().code == 130);
  CHECK_FALSE(std::filesystem::exists(folder / "tuned.json"));
}
