#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <fejer/files.hpp>
#include <fejer/models/model_file.hpp>

#include "process.hpp"

using namespace fejer_test;

namespace {

std::vector<std::string> patch_training(const std::string& out,
                                        const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = {
      "train", source_folder() + "/experiments/train_patch_denoiser/smoke.toml", "--out", out,
      "--json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

}  // namespace

TEST_CASE("a network on patches is trained, finished, pruned, and then denoises") {
  const ScratchFolder folder;
  const std::string out = folder / "whole";
  const auto json = expect(0, folder, patch_training(out, {"--finish", "ialm"})).json();
  const auto& finish = json["finish"];
  CHECK(finish["objective"].get<double>() < finish["start_objective"].get<double>());
  CHECK(finish["widths_before"] == std::vector<int>{16, 12, 16});
  CHECK(finish["widths"][1].get<int>() < 12);
  CHECK(finish["multiply_adds"].get<int>() < finish["multiply_adds_before"].get<int>());
  CHECK(finish["validation_psnr"].get<double>() > 15);
  CHECK(finish.contains("kkt_residual"));
  const auto model = fejer::load_model<float>(out + "/finished.h5");
  CHECK(model.kind() == "patch-denoiser");
  CHECK(fejer::load_model<float>(out + "/model.h5").kind() == "patch-denoiser");
  const auto record = nlohmann::json::parse(contents(out + "/run.json"));
  CHECK(record["finish"] == finish);
  CHECK(record["configuration"]["finish"]["sweeps"] == 60);
  // What validation said is what `evaluate` says.
  const auto evaluated = expect(0, folder,
                                {"evaluate", out + "/finished.h5", "--data", "dead-leaves:2x32:2",
                                 "--sigma", "25/255", "--json"})
                             .json();
  CHECK(evaluated["results"][0]["psnr"].get<double>() ==
        doctest::Approx(finish["validation_psnr"].get<double>()).epsilon(1e-6));

  // Another finishing of the same training, on one thread the same bits.
  const std::string hash = fejer::sha256_of_file(out + "/finished.h5");
  expect(0, folder, patch_training(out, {"--finish", "ialm", "--resume", "--threads", "1"}));
  CHECK(fejer::sha256_of_file(out + "/finished.h5") == hash);
  const auto plain = expect(0, folder,
                            patch_training(out, {"--finish", "proximal-gradient", "--resume",
                                                 "--set", "finish.sweeps=60"}))
                         .json()["finish"];
  CHECK(plain["method"] == "proximal-gradient");
  CHECK(plain["objective"].get<double>() < plain["start_objective"].get<double>());
}

TEST_CASE("filters of a trained ridge regulariser are chosen, and what is left denoises") {
  const ScratchFolder folder;
  const std::string out = folder / "ridge";
  const std::vector<std::string> training = {"train",
                                             source_folder() + "/experiments/train_wcrr/smoke.toml",
                                             "--out",
                                             out,
                                             "--json",
                                             "--finish",
                                             "ialm",
                                             "--set",
                                             "training.steps=4",
                                             "--set",
                                             "finish.samples=4",
                                             "--set",
                                             "finish.lambda_w=1e-5"};
  const auto finish = expect(0, folder, training).json()["finish"];
  CHECK(finish["objective"].get<double>() < finish["start_objective"].get<double>());
  const int before = finish["widths_before"][0], after = finish["widths"][0];
  CHECK(after < before);
  CHECK(after > 0);
  const auto model = fejer::load_model<float>(out + "/finished.h5");
  REQUIRE(model.kind() == "ridge");
  CHECK(model.ridge().channels() == after);
  const auto trained = fejer::load_model<float>(out + "/model.h5");
  CHECK(model.ridge().weak_convexity().value <=
        trained.ridge().weak_convexity().value * (1 + 1e-6));
  CHECK(finish["factor"].get<double>() >= 1);
  CHECK(finish["denoising_error"][1].get<double>() < finish["denoising_error"][0].get<double>());
  const auto evaluated = expect(0, folder,
                                {"evaluate", out + "/finished.h5", "--data", "dead-leaves:3x80:2",
                                 "--sigma", "25/255", "--json"})
                             .json();
  CHECK(evaluated["results"][0]["psnr"].get<double>() ==
        doctest::Approx(finish["validation_psnr"].get<double>()).epsilon(1e-6));
  // On another number of threads the same bits.
  const std::string hash = fejer::sha256_of_file(out + "/finished.h5");
  std::vector<std::string> again = training;
  again.insert(again.end(), {"--resume", "--threads", "1"});
  expect(0, folder, again);
  CHECK(fejer::sha256_of_file(out + "/finished.h5") == hash);
  std::vector<std::string> plain = again;
  std::replace(plain.begin(), plain.end(), std::string("ialm"), std::string("proximal-gradient"));
  const auto other = expect(0, folder, plain).json()["finish"];
  CHECK(other["method"] == "proximal-gradient");
  CHECK(other["objective"].get<double>() < other["start_objective"].get<double>());
  // Nothing left is an error, not an empty model.
  again.insert(again.end(), {"--set", "finish.lambda_w=1e3"});
  const Finished none = expect(2, folder, again);
  CHECK(none.err.find("lower finish.lambda_w") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(out + "/finished.h5"));
}

TEST_CASE("a finishing that is stopped in its second fit goes on to the same bits") {
  const ScratchFolder folder;
  // The state of a fit is first saved after 5000 sweeps: the second one is then surely under way.
  const std::vector<std::string> finish = {
      "--finish", "ialm", "--set", "finish.samples=60", "--set", "finish.refit_sweeps=20000"};
  expect(0, folder, patch_training(folder / "straight", finish));
  Process process(folder, patch_training(folder / "stopped", finish));
  const auto saved = [&] {  // the state of the second fit; a hash of it is part of its name
    const std::string out = folder / "stopped";
    if (!std::filesystem::exists(out)) return false;
    for (const auto& entry : std::filesystem::directory_iterator(out))
      if (entry.path().filename().string().starts_with("finish_state.h5.refit")) return true;
    return false;
  };
  while (process.running() && !saved()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  process.interrupt();
  const Finished stopped = process.wait();
  REQUIRE_MESSAGE(stopped.code == 130, stopped.err);
  CHECK_FALSE(std::filesystem::exists(folder / "stopped/finished.h5"));
  auto resume = patch_training(folder / "stopped", finish);
  resume.push_back("--resume");
  expect(0, folder, resume);
  CHECK_FALSE(saved());
  CHECK(contents(folder / "stopped/finished.h5") == contents(folder / "straight/finished.h5"));
}

TEST_CASE("a network on patches with splines is trained, goes on, keeps its bounds, denoises") {
  const ScratchFolder folder;
  const std::vector<std::string> splines = {"--set", "model.activation=spline", "--set",
                                            "model.knots=17"};
  expect(0, folder, patch_training(folder / "whole", splines));
  auto half = splines, rest = splines;
  half.insert(half.end(), {"--set", "training.steps=30"});
  rest.insert(rest.end(), {"--resume", "--threads", "1"});
  expect(0, folder, patch_training(folder / "parts", half));
  expect(0, folder, patch_training(folder / "parts", rest));
  CHECK(contents(folder / "whole/model.h5") == contents(folder / "parts/model.h5"));
  const auto model = fejer::load_model<float>(folder / "whole/model.h5");
  const auto& network = std::get<fejer::PatchDenoiser<float>>(model.value).network();
  REQUIRE(network.parameters().splines.size() == 1);
  CHECK(network.parameters().splines[0].shape() == fejer::Shape{12, 17});
  CHECK(network.activation_slopes()[0] <= 1 + 1e-12);
  // The splines have learned: they are no leaky ReLUs any more.
  const auto& f = network.parameters().splines[0];
  double bend = 0;
  for (fejer::Index k = 0; k < 6; ++k) bend += std::abs(f[k + 2] - 2 * f[k + 1] + f[k]);
  CHECK(bend > 1e-3);
  const auto evaluated = expect(0, folder,
                                {"evaluate", folder / "whole/model.h5", "--data",
                                 "dead-leaves:2x32:2", "--sigma", "25/255", "--json"})
                             .json();
  CHECK(evaluated["results"][0]["psnr"].get<double>() > 15);
  auto finish = splines, misspelt = splines;
  finish.insert(finish.end(), {"--finish", "ialm"});
  misspelt[1] = "model.activation=splin";
  const std::string none = folder / "none";
  expect_refused(folder, patch_training(none, finish), "with splines cannot be finished");
  expect_refused(folder, patch_training(none, misspelt), "did you mean spline?");
  expect_refused(folder, patch_training(none, {"--set", "model.knots=17"}), "knots");
  CHECK_FALSE(std::filesystem::exists(none));
}

TEST_CASE("finishing of what cannot be finished is refused") {
  const ScratchFolder folder;
  expect_refused(folder, patch_training(folder / "a", {"--finish", "iaml"}), "did you mean ialm?");
  const std::vector<std::string> ridge = {
      "train", source_folder() + "/experiments/train_crr/crr.toml",
      "--out", folder / "b",
      "--set", "data.train=dead-leaves:2x48",
      "--set", "validation.data=\"\""};
  auto finished = ridge, section = ridge;
  finished.insert(finished.end(), {"--finish", "ialm"});
  section.insert(section.end(), {"--set", "finish.sweeps=3"});
  expect_refused(folder, finished, "cannot be finished");
  expect_refused(folder, section, "cannot be finished");
  expect_refused(folder, patch_training(folder / "c", {"--set", "finish.sweep=3"}), "sweeps");
  expect_refused(folder, patch_training(folder / "c", {"--set", "finish.lambda_w=-1"}),
                 "0 or more");
  expect_refused(folder, patch_training(folder / "c", {"--set", "finish.rho=100"}), "rho_max");
  expect_refused(folder,
                 {"train", source_folder() + "/experiments/train_wcrr/smoke.toml", "--out",
                  folder / "d", "--set", "finish.refit_sweeps=3"},
                 "refit_sweeps");
}
