#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <fejer/files.hpp>
#include <fejer/models/model_file.hpp>

#include "models.hpp"
#include "process.hpp"

using namespace fejer_test;

namespace {

std::vector<std::string> drunet_training(const std::string& config, const std::string& out,
                                         const std::vector<std::string>& settings = {}) {
  std::vector<std::string> arguments = {"train", source_folder() + "/experiments/" + config,
                                        "--out", out, "--json"};
  for (const std::string& item : settings) arguments.insert(arguments.end(), {"--set", item});
  return arguments;
}

/// Of plug-and-play with a DRUNet for m.h5, in a second.
std::vector<std::string> pnp_training(const ScratchFolder& folder, const std::string& out,
                                      const std::vector<std::string>& more = {}) {
  std::vector<std::string> settings = {"model.measurement=" + (folder / "m.h5"),
                                       "model.denoiser=" + (folder / "drunet.h5"),
                                       "model.depth=2",
                                       "model.restarts=2",
                                       "data.train=dead-leaves:6x32",
                                       "data.stride=32",
                                       "validation.data=dead-leaves:2x32:2",
                                       "validation.every=3",
                                       "training.steps=3",
                                       "training.batch=4"};
  settings.insert(settings.end(), more.begin(), more.end());
  return drunet_training("train_pnp_drunet/deblur.toml", folder / out, settings);
}

/// The text of the gradient's norm at step 1.
std::string first_gradient_norm(const std::string& csv) {
  std::istringstream lines(csv);
  std::string field;
  std::getline(lines, field);  // step,loss,penalty,gradient_norm,...
  CHECK(field.substr(0, 31) == "step,loss,penalty,gradient_norm");
  for (int i = 0; i < 4; ++i) std::getline(lines, field, ',');
  return field;
}

/// The numbers under a name.
std::vector<double> column(const std::string& csv, const std::string& name) {
  std::istringstream lines(csv);
  std::string line, field;
  std::getline(lines, line);
  std::istringstream names(line);
  int at = 0;
  while (std::getline(names, field, ',') && field != name) ++at;
  REQUIRE(field == name);
  std::vector<double> values;
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    for (int i = 0; i <= at; ++i) std::getline(fields, field, ',');
    values.push_back(std::stod(field));
  }
  return values;
}

void write_blur(const ScratchFolder& folder) {
  expect(
      0, folder,
      {"simulate", "--operator", "blur", "--kernel", "gaussian:1.0", "--image",
       "phantom:shepp-logan:32", "--noise-level", "0.02", "--seed", "1", "--out", folder / "m.h5"});
}

}  // namespace

TEST_CASE("a DRUNet learns to denoise, stopped and resumed to the same bits") {
  const ScratchFolder folder;
  const std::string config = "train_drunet/smoke.toml";
  const auto whole = expect(0, folder, drunet_training(config, folder / "whole")).json();
  CHECK(whole["status"] == "finished");
  CHECK(whole["best_psnr"].get<double>() > 15);
  CHECK(fejer::load_model<float>(folder / "whole/model.h5").kind() == "drunet");
  expect(0, folder, drunet_training(config, folder / "part", {"training.steps=13"}));
  auto rest = drunet_training(config, folder / "part");
  rest.push_back("--resume");
  expect(0, folder, rest);
  CHECK(fejer::sha256_of_file(folder / "part/model.h5") ==
        fejer::sha256_of_file(folder / "whole/model.h5"));
  expect_refused(folder, drunet_training(config, folder / "bad", {"model.channels=[4,4]"}),
                 "one number for each of the 4 levels");
  expect_refused(folder, drunet_training(config, folder / "bad", {"model.activation=tanh"}),
                 "tanh");
}

TEST_CASE("a gradient-step DRUNet learns, goes on with the penalty, and is what gs-pnp takes") {
  const ScratchFolder folder;
  const std::string config = "train_gsdrunet/smoke.toml";
  const auto whole = expect(0, folder, drunet_training(config, folder / "whole")).json();
  CHECK(whole["status"] == "finished");
  CHECK(whole["best_psnr"].get<double>() > 15);
  const std::string model = folder / "whole/model.h5";
  CHECK(fejer::load_model<float>(model).kind() == "gsdrunet");
  CHECK((contents(folder / "whole/metrics.csv").find("jacobian") == std::string::npos));
  expect(0, folder, drunet_training(config, folder / "part", {"training.steps=13"}));
  auto rest = drunet_training(config, folder / "part");
  rest.push_back("--resume");
  expect(0, folder, rest);
  CHECK(fejer::sha256_of_file(folder / "part/model.h5") == fejer::sha256_of_file(model));

  const std::vector<std::string> penalty = {"model.jacobian_weight=3", "model.jacobian_bound=0.1",
                                            "model.power_steps=5", "model.start=" + model,
                                            "training.steps=15"};
  const auto second = expect(0, folder, drunet_training(config, folder / "second", penalty)).json();
  CHECK(second["best_psnr"].get<double>() > whole["best_psnr"].get<double>() - 3);
  CHECK((contents(folder / "second/metrics.csv").find("jacobian norm") != std::string::npos));
  expect_refused(
      folder,
      drunet_training(config, folder / "bad", {"model.start=" + model, "model.activation=elu"}),
      "expected a gsdrunet with the channels");
  expect_refused(folder, drunet_training(config, folder / "bad", {"model.activation=relu"}),
                 "expected elu or softplus");
  expect_refused(folder, drunet_training(config, folder / "bad", {"model.jacobian_weight=-1"}),
                 "0 or more");

  // What the second training lowered.
  const auto norm = [&](const std::string& file) {
    return expect(0, folder,
                  {"evaluate", file, "--data", "dead-leaves:2x32:2", "--sigma", "0.1",
                   "--power-steps", "20", "--json"})
        .json()["results"][0]["hessian_norm"]["mean"]
        .get<double>();
  };
  CHECK(norm(folder / "second/model.h5") < norm(model));

  write_blur(folder);
  expect(0, folder,
         {"denoise", "phantom:shepp-logan:32", "--model", model, "--sigma", "0.1", "--out",
          folder / "d.h5"});
  const std::vector<std::string> reconstruct = {
      "reconstruct", folder / "m.h5", "--prior",          "pnp", "--model", model,
      "--out",       folder / "x.h5", "--max-iterations", "3"};
  CHECK(fejer_command(folder, reconstruct).code == 3);
  auto proximal = reconstruct;
  proximal.insert(proximal.end(), {"--algorithm", "prox-pnp"});
  expect_refused(folder, proximal, "--force");
  proximal.push_back("--force");
  CHECK(fejer_command(folder, proximal).code == 3);
}

TEST_CASE(
    "plug-and-play with a DRUNet learns by every strategy, and reconstruct takes the result") {
  const ScratchFolder folder;
  write_drunet(folder / "drunet.h5", 1, 0.9);
  write_blur(folder);
  double step = 0, sigma = 0;
  std::set<std::string> first_gradients;
  for (const char* strategy : {"restarted", "one-step", "unrolled", "implicit"}) {
    INFO(strategy);
    const std::string out = std::string("out ") + strategy;
    const auto done =
        expect(
            0, folder,
            pnp_training(folder, out, {std::string("model.strategy=") + strategy, "model.depth=4"}))
            .json();
    step = done["learned"]["step_times_squared_norm"];
    sigma = done["learned"]["sigma"];
    CHECK(step > 0);
    CHECK(step < 2);
    CHECK(sigma > 0);
    CHECK(sigma != doctest::Approx(10.0 / 255).epsilon(1e-9));
    const std::string csv = contents(folder / (out + "/metrics.csv"));
    CHECK((csv.find("contraction") != std::string::npos));
    CHECK((csv.find("adjoint residual") != std::string::npos) ==
          (std::string(strategy) == "implicit"));
    first_gradients.insert(first_gradient_norm(csv));
  }
  CHECK(first_gradients.size() == 4);  // each strategy is on
  const std::vector<std::string> reconstruct = {"reconstruct", folder / "m.h5",
                                                "--prior",     "pnp",
                                                "--model",     folder / "out restarted/model.h5",
                                                "--lambda",    "1",
                                                "--step",      std::to_string(step),
                                                "--sigma",     std::to_string(sigma),
                                                "--out",       folder / "x.h5",
                                                "--json",      "--max-iterations",
                                                "20"};
  expect_refused(folder, reconstruct, "--force");
  auto forced = reconstruct;
  forced.push_back("--force");
  const Finished made = fejer_command(folder, forced);
  CHECK((made.code == 0 || made.code == 3));
  CHECK(made.json()["step_size"].get<double>() == doctest::Approx(step).epsilon(0.05));

  expect_refused(folder, pnp_training(folder, "bad", {"model.strategy=restart"}), "restarted");
  expect_refused(folder, pnp_training(folder, "bad", {"model.denoiser=" + (folder / "m.h5")}),
                 "fejer-model");
  expect_refused(folder, pnp_training(folder, "bad", {"model.step=2.5"}), "1.99");
  // Levels that take turns.
  auto turns = forced;
  *(std::find(turns.begin(), turns.end(), "--sigma") + 1) = "0.05,0.02";
  const auto by_turns = fejer_command(folder, turns).json();
  CHECK(by_turns["sigma"] == std::vector<double>{0.05, 0.02});
  turns.insert(turns.end(), {"--algorithm", "dpir"});
  expect_refused(folder, turns, "take turns");
  auto idle = reconstruct;
  idle[3] = "tv";
  expect_refused(folder, idle, "--prior tv");
}

TEST_CASE("plug-and-play with a gradient-step denoiser learns, and reconstruct takes the result") {
  const ScratchFolder folder;
  write_drunet(folder / "drunet.h5", 1, 0.9);
  write_drunet(folder / "step.h5", 1, 0.9, true);
  write_blur(folder);
  const std::string kind = "model.kind=pnp-gsdrunet";
  const auto done = expect(0, folder,
                           pnp_training(folder, "out",
                                        {kind, "model.learn_weights=true",
                                         "model.denoiser=" + (folder / "step.h5")}))
                        .json();
  const double step = done["learned"]["step_times_squared_norm"];
  CHECK(step != 1);
  const auto learned = fejer::load_model<float>(folder / "out/model.h5");
  REQUIRE(learned.kind() == "gsdrunet");
  const Finished made =
      fejer_command(folder, {"reconstruct",
                             folder / "m.h5",
                             "--prior",
                             "pnp",
                             "--algorithm",
                             "pnp-fbs",
                             "--model",
                             folder / "out/model.h5",
                             "--step",
                             std::to_string(step),
                             "--sigma",
                             std::to_string(done["learned"]["sigma"].get<double>()),
                             "--lambda",
                             "1",
                             "--force",
                             "--max-iterations",
                             "20",
                             "--out",
                             folder / "x.h5",
                             "--json"});
  CHECK((made.code == 0 || made.code == 3));
  expect_refused(folder, pnp_training(folder, "bad", {kind}), "expected gsdrunet");
}

TEST_CASE("plug-and-play learns to the same bits: recomputed, with two threads, resumed") {
  const ScratchFolder folder;
  write_drunet(folder / "drunet.h5", 1, 0.9);
  write_blur(folder);
  const auto model = [&](const std::string& out, const std::vector<std::string>& settings,
                         const std::vector<std::string>& flags) {
    std::vector<std::string> all = {"validation.every=1"};
    all.insert(all.end(), settings.begin(), settings.end());
    auto arguments = pnp_training(folder, out, all);
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    expect(0, folder, arguments);
    return fejer::sha256_of_file(folder / (out + "/model.h5"));
  };
  const std::string whole = model("whole", {}, {"--threads", "1"});
  model("recomputed", {"model.recompute=true"}, {});  // the file says so, and has another hash
  CHECK(first_gradient_norm(contents(folder / "recomputed/metrics.csv")) ==
        first_gradient_norm(contents(folder / "whole/metrics.csv")));
  CHECK(model("two", {}, {"--threads", "2"}) == whole);
  model("part", {"training.steps=2"}, {});
  CHECK(model("part", {}, {"--resume"}) == whole);
  // Six patches in batches of three: from step 3 on every pass goes on where the patch's last
  // ended.
  const std::vector<std::string> warm = {"training.batch=3", "training.warm=true",
                                         "model.restarts=0", "data.flips=false"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), warm.begin(), warm.end());
    return more;
  };
  const std::string warm_model = model("warm", with({"training.steps=6"}), {"--threads", "1"});
  CHECK(model("cold", with({"training.steps=6", "training.warm=false"}), {}) != warm_model);
  model("warm_part", with({"training.steps=4"}), {});
  CHECK(model("warm_part", with({"training.steps=6"}), {"--resume", "--threads", "2"}) ==
        warm_model);
  expect_refused(folder, pnp_training(folder, "moved", with({"data.flips=true"})),
                 "flips and turns");
  expect_refused(folder, pnp_training(folder, "idle", with({"model.strategy=unrolled"})),
                 "begin where the measurement does");
  // A network that amplifies does not contract, and is refused.
  write_drunet(folder / "big.h5", 1, 1.5);
  const Finished refused =
      fejer_command(folder, pnp_training(folder, "bad", {"model.denoiser=" + (folder / "big.h5")}));
  CHECK(refused.code == 2);
  CHECK((refused.err.find("does not contract") != std::string::npos));
}

TEST_CASE("plug-and-play with a frozen Lipschitz CNN or ridge: every strategy, threads, resumed") {
  const ScratchFolder folder;
  write_blur(folder);
  const std::string cnn = folder / "cnn.h5", ridge = folder / "ridge.h5";
  write_cnn(cnn, 1.2);
  write_ridge(ridge, 0.5);
  const auto training = [&](const std::string& kind, const std::string& out,
                            const std::vector<std::string>& more) {
    std::vector<std::string> settings = {"model.denoiser=" + (kind == "wcrr" ? ridge : cnn)};
    settings.insert(settings.end(), more.begin(), more.end());
    auto arguments = pnp_training(folder, out, settings);
    arguments[1] = source_folder() + "/experiments/train_pnp_frozen/" + kind + ".toml";
    return arguments;
  };
  for (const std::string kind : {"lipschitz_cnn", "wcrr"}) {
    CAPTURE(kind);
    std::set<std::string> first_gradients;
    for (const std::string strategy : {"restarted", "one-step", "unrolled", "implicit"}) {
      CAPTURE(strategy);
      const std::string out = kind + strategy;
      const auto done =
          expect(0, folder, training(kind, out, {"model.strategy=" + strategy})).json();
      CHECK(done["learned"].contains("sigma") == (kind == "wcrr"));
      CHECK(done["learned"]["lambda"].get<double>() > 0);
      CHECK(done["learned"]["lambda"].get<double>() <= (kind == "wcrr" ? 2 : 1));
      first_gradients.insert(first_gradient_norm(contents(folder / (out + "/metrics.csv"))));
    }
    CHECK(first_gradients.size() == 4);
    const auto learned = [&](const std::string& out, const std::vector<std::string>& more,
                             const std::vector<std::string>& flags) {
      auto arguments = training(kind, out, more);
      arguments.insert(arguments.end(), flags.begin(), flags.end());
      return expect(0, folder, arguments).json()["learned"].dump();
    };
    const std::string whole = learned(kind + "one", {}, {"--threads", "1"});
    CHECK(learned(kind + "two", {}, {"--threads", "2"}) == whole);
    learned(kind + "part", {"training.steps=2"}, {});
    CHECK(learned(kind + "part", {}, {"--resume"}) == whole);
    // Another denoiser under the same name is another training.
    write_cnn(cnn, 0.8);
    write_ridge(ridge, 0.4);
    auto other = training(kind, kind + "part", {});
    other.push_back("--resume");
    expect_refused(folder, other, "another denoiser");
    write_cnn(cnn, 1.2);
    write_ridge(ridge, 0.5);
  }
  // Passes on a tape, times the prox and its system, none of which a single iteration settles.
  for (const auto& [iterations, count] : {std::pair{"500", 0.0}, std::pair{"1", 4.0}}) {
    const std::string out = std::string("cut") + iterations;
    INFO(out);
    expect(0, folder,
           training("wcrr", out, {std::string("model.prox_max_iterations=") + iterations}));
    const std::string csv = contents(folder / (out + "/metrics.csv"));
    CHECK(csv.find("prox residual") != std::string::npos);
    CHECK(csv.find("prox adjoint residual") != std::string::npos);
    CHECK(column(csv, "prox not settled") == std::vector<double>(3, count));
  }
  const auto prox_tolerance = [&](const std::string& tolerance) {
    const std::string out = "tolerance " + tolerance;
    expect(0, folder, training("wcrr", out, {"model.tolerance=" + tolerance, "training.steps=1"}));
    const auto record = nlohmann::json::parse(contents(folder / (out + "/run.json")));
    return record["configuration"]["model"]["prox_tolerance"].get<double>();
  };
  CHECK(prox_tolerance("1e-5") == doctest::Approx(1e-6).epsilon(1e-12));
  CHECK(prox_tolerance("3e-4") == doctest::Approx(3e-5).epsilon(1e-12));
  CHECK(prox_tolerance("0") == doctest::Approx(2e-7).epsilon(1e-12));
  const auto levels =
      expect(0, folder, training("wcrr", "levels", {"model.levels=2"})).json()["learned"]["sigma"];
  CHECK(levels.size() == 2);
  CHECK(levels[0] != levels[1]);
  expect_refused(folder, training("wcrr", "bad", {"model.denoiser=" + cnn}),
                 "is of kind lipschitz-cnn, expected ridge");
  expect_refused(folder, training("lipschitz_cnn", "bad", {"model.lambda=1.2"}), "(0, 1]");
  expect_refused(folder, training("lipschitz_cnn", "bad", {"model.sigma=0.1"}), "sigma");
}
