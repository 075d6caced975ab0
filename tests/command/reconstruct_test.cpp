#include <cmath>

#include <fejer/algorithms/conjugate_gradient.hpp>
#include <fejer/hdf5.hpp>
#include <fejer/image_io.hpp>
#include <fejer/metrics.hpp>
#include <fejer/operators/measurement.hpp>
#include <fejer/vector.hpp>

#include "models.hpp"
#include "process.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

void simulate(const ScratchFolder& folder, const std::string& kind, const std::string& size = "48",
              const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = {"simulate",
                                        "--operator",
                                        kind,
                                        "--image",
                                        "phantom:shepp-logan:" + size,
                                        "--noise-level",
                                        kind == "ct" ? "1%" : "0.02",
                                        "--seed",
                                        "1",
                                        "--out",
                                        folder / "m.h5"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  expect(0, folder, arguments);
}

nlohmann::json reconstructed(const ScratchFolder& folder, const std::vector<std::string>& flags,
                             const std::string& out = "x.h5", int code = 0) {
  std::vector<std::string> arguments = {"reconstruct", folder / "m.h5", "--out", folder / out,
                                        "--json"};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  const Finished finished = expect(code, folder, arguments);
  const auto json = finished.json();
  for (const char* key :
       {"psnr", "ssim", "nmse", "data_range", "iterations", "status", "cause", "seconds",
        "objective", "step_size", "certificate", "lambda", "sigma", "scale", "algorithm", "prior"})
    CHECK_MESSAGE(json.contains(key), key);
  for (const char* key : {"kind", "lipschitz", "how"}) CHECK(json["certificate"].contains(key));
  return json;
}

Array<float> image_of(const std::string& path) { return Hdf5Reader(path).read<float>("image"); }

}  // namespace

TEST_CASE("reconstruct: total variation improves on the start for every operator") {
  const ScratchFolder folder;
  const std::vector<std::pair<std::string, std::vector<std::string>>> cases = {
      {"denoise", {}},
      {"blur", {"--kernel", "gaussian:1"}},
      {"inpaint", {"--keep", "0.6"}},
      {"mri", {"--acceleration", "2", "--center-fraction", "0.15", "--coils", "2"}},
      {"ct", {"--angles", "24"}}};
  for (const auto& entry : cases) {
    const std::string& kind = entry.first;
    CAPTURE(kind);
    simulate(folder, kind, "48", entry.second);
    const auto json = reconstructed(folder, {"--prior", "tv"});
    CHECK(json["status"] == "converged");
    CHECK(json["algorithm"] == "fista");
    CHECK(json["psnr"].get<double>() > json["start"]["psnr"].get<double>() + 0.5);
  }
}

TEST_CASE("reconstruct: the written image is the one whose PSNR is printed") {
  const ScratchFolder folder;
  simulate(folder, "blur");
  const auto json = reconstructed(folder, {"--prior", "tv"});
  const Array<float> x = image_of(folder / "x.h5");
  REQUIRE(x.shape() == Shape{48, 48});
  const auto truth =
      elements_as<float>(*load_measurement(folder / "m.h5").truth).reshaped({48, 48});
  CHECK(json["psnr"] == doctest::Approx(psnr(x, truth, 1.0)));
  reconstructed(folder, {"--prior", "tv"}, "x.png");
  const Array<float> picture = read_image(folder / "x.png");
  double worst = 0;
  for (Index i = 0; i < x.size(); ++i)
    worst =
        std::max(worst, std::abs(static_cast<double>(picture[i]) - std::clamp(x[i], 0.0f, 1.0f)));
  CHECK(worst <= 0.5 / 255 + 1e-6);  // rounding to 8 bit
}

TEST_CASE(
    "reconstruct: without a prior, cg solves the normal equations or stops at the noise level") {
  const ScratchFolder folder;
  simulate(folder, "blur", "32", {"--kernel", "gaussian:0.5"});
  auto json = reconstructed(folder, {"--prior", "none"});
  CHECK(json["algorithm"] == "cg");
  CHECK(json["step_size"].is_null());
  CHECK(json["cause"] == "the data are fitted to the noise level");
  json =
      reconstructed(folder, {"--prior", "none", "--tolerance", "1e-7", "--max-iterations", "500"});
  const Measurement m = load_measurement(folder / "m.h5");
  const auto A = make_operator<float>(m);
  const auto data = elements_as<float>(m.data);
  auto residual = A.apply(image_of(folder / "x.h5").reshaped({1, 32, 32}));
  axpy<float>(-1, data, residual);
  CHECK(norm(A.apply_adjoint(residual)) < 1e-4 * norm(A.apply_adjoint(data)));
  json = reconstructed(folder, {"--prior", "none", "--max-iterations", "0"}, "x.h5", 3);
  CHECK(json["iterations"] == 0);
  CHECK(distance(image_of(folder / "x.h5").reshaped({1, 32, 32}), data) == 0);
}

TEST_CASE("reconstruct: ridge priors, convex and weakly convex, real and complex") {
  const ScratchFolder folder;
  write_ridge(folder / "convex.h5", 0);
  write_ridge(folder / "weak.h5", 0.5);
  for (const std::string kind : {"blur", "mri"}) {
    CAPTURE(kind);
    simulate(folder, kind, "40");
    const auto convex = reconstructed(
        folder, {"--prior", "model", "--model", folder / "convex.h5", "--sigma", "0.05"});
    CHECK(convex["algorithm"] == "l-bfgs");
    CHECK(convex["certificate"]["kind"] == "estimated");
    CHECK(convex["psnr"].get<double>() > convex["start"]["psnr"].get<double>());
    const auto weak = reconstructed(
        folder, {"--prior", "model", "--model", folder / "weak.h5", "--sigma", "0.05"});
    CHECK(weak["algorithm"] == "l-bfgs");
    CHECK(weak["certificate"]["weak_convexity"] == doctest::Approx(0.5));
    const auto published = reconstructed(folder, {"--prior", "model", "--model", folder / "weak.h5",
                                                  "--sigma", "0.05", "--norm", "as-published"});
    CHECK(published["algorithm"] == "sagd");
    CHECK(weak["objective"].get<double>() < 1.01 * published["objective"].get<double>());
  }
  simulate(folder, "blur", "40");
  const auto positive =
      reconstructed(folder, {"--prior", "model", "--model", folder / "weak.h5", "--positivity"});
  for (const float value : image_of(folder / "x.h5")) REQUIRE(value >= 0);
  CHECK(positive["status"] == "converged");
}

TEST_CASE("reconstruct: plug-and-play runs on certified denoisers, on others only when told to") {
  const ScratchFolder folder;
  write_cnn(folder / "cnn.h5", 1.5);
  write_cnn(folder / "good.h5", 0.7);
  simulate(folder, "blur", "32");
  auto json = reconstructed(folder, {"--prior", "pnp", "--model", folder / "good.h5"});
  CHECK(json["certificate"]["kind"] == "proven");
  CHECK(json["certificate"]["averagedness"] == 0.5);
  CHECK(json["objective"].is_null());
  CHECK(json["sigma"] == doctest::Approx(10.0 / 255));
  json = reconstructed(folder, {"--prior", "pnp", "--model", folder / "cnn.h5", "--certify"});
  CHECK(json["status"] == "converged");
  std::vector<std::string> forced = {
      "reconstruct", folder / "m.h5",    "--prior", "pnp",   "--model",      folder / "cnn.h5",
      "--force",     "--max-iterations", "20",      "--out", folder / "x.h5"};
  const int code = fejer_command(folder, forced).code;
  CHECK((code == 0 || code == 3));
  json = reconstructed(
      folder, {"--prior", "pnp", "--model", folder / "good.h5", "--lambda", "0.5", "--positivity"});
  for (const float value : image_of(folder / "x.h5")) REQUIRE(value >= 0);
  simulate(folder, "mri", "32");
  json = reconstructed(folder, {"--prior", "pnp", "--model", folder / "good.h5"});
  CHECK(json["status"] == "converged");
}

TEST_CASE("reconstruct: Douglas-Rachford finds what forward-backward finds, and takes any step") {
  const ScratchFolder folder;
  write_cnn(folder / "good.h5", 0.7);
  write_cnn(folder / "cnn.h5", 1.5);
  simulate(folder, "blur", "32");
  const auto image = [&](const std::string& model, const std::string& algorithm,
                         std::vector<std::string> more) {
    more.insert(more.end(), {"--prior", "pnp", "--model", folder / model, "--algorithm", algorithm,
                             "--tolerance", "1e-6"});
    const auto json = reconstructed(folder, more);
    CHECK(json["algorithm"] == algorithm);
    CHECK(json["status"] == "converged");
    return image_of(folder / "x.h5");
  };
  const auto far = [](const Array<float>& a, const Array<float>& b) {
    return fejer::distance(a, b) / fejer::norm(b);
  };
  CHECK(far(image("good.h5", "pnp-drs", {"--step", "1.5"}),
            image("good.h5", "pnp-fbs", {"--step", "1.5"})) < 1e-4);
  CHECK(far(image("cnn.h5", "pnp-drs", {"--certify"}), image("cnn.h5", "pnp-fbs", {"--certify"})) <
        1e-4);
  image("good.h5", "pnp-drs", {"--step", "40"});
  const auto refused = [&](const std::vector<std::string>& more, const std::string& part) {
    std::vector<std::string> all = {"reconstruct", folder / "m.h5", "--prior", "pnp",
                                    "--algorithm", "pnp-drs",       "--out",   folder / "y.h5"};
    all.insert(all.end(), more.begin(), more.end());
    expect_refused(folder, all, part);
  };
  refused({"--model", folder / "cnn.h5"}, "not certified as firmly non-expansive");
  refused({"--model", folder / "good.h5", "--positivity"}, "cannot keep x >= 0");
  refused({"--model", folder / "good.h5", "--lambda", "2"}, "(0,1]");
}

TEST_CASE(
    "reconstruct: plug-and-play with a DRUNet says that nothing is certified, and runs forced") {
  const ScratchFolder folder;
  write_drunet(folder / "drunet.h5", 1, 0.9);
  simulate(folder, "blur", "32");
  expect_refused(folder,
                 {"reconstruct", folder / "m.h5", "--prior", "pnp", "--model", folder / "drunet.h5",
                  "--out", folder / "x.h5"},
                 "no bound of its Lipschitz constant is known); --force");
  expect_refused(folder,
                 {"reconstruct", folder / "m.h5", "--prior", "model", "--model",
                  folder / "drunet.h5", "--out", folder / "x.h5"},
                 "no regulariser");
  const auto json = reconstructed(
      folder, {"--prior", "pnp", "--model", folder / "drunet.h5", "--sigma", "0.05", "--force"});
  CHECK(json["certificate"]["kind"] == "none");
  CHECK(json["status"] == "converged");  // 0.9 times the identity contracts
  CHECK(json["sigma"] == 0.05);
}

TEST_CASE("reconstruct: a gradient-step denoiser is minimised, without being forced") {
  // g = 1/2 ||x - 0.5 x||^2, so x* is Tikhonov's, and z = x* - grad g(x*) = 0.75 x*.
  const ScratchFolder folder;
  write_drunet(folder / "step.h5", 1, 0.5, true);
  simulate(folder, "blur", "32", {"--kernel", "gaussian:1"});
  const auto json = reconstructed(folder, {"--prior", "pnp", "--model", folder / "step.h5",
                                           "--lambda", "2", "--tolerance", "1e-9"});
  CHECK(json["algorithm"] == "gs-pnp");
  CHECK(json["status"] == "converged");
  CHECK(json["certificate"]["kind"] == "none");
  CHECK(json["sigma"].get<double>() == doctest::Approx(1.8 * 0.02));
  const Measurement m = load_measurement(folder / "m.h5");
  const LinearOperator<float> A = make_operator<float>(m);
  const Array<float> y = elements_as<float>(m.data);
  const ConjugateGradient<float> solver(A, y, 2 * 0.25);
  const auto tikhonov = run(solver, Array<float>(A.domain()), {.tolerance = 1e-7});
  const Array<float> x = image_of(folder / "x.h5");
  double worst = 0;
  for (Index i = 0; i < x.size(); ++i)
    worst = std::max(worst, std::abs(x[i] - 0.75 * static_cast<double>(tikhonov.x[i])));
  CHECK(worst < 1e-4);
  CHECK(json["objective"].get<double>() ==
        doctest::Approx(solver.objective(solver.init(tikhonov.x))).epsilon(1e-4));
  CHECK(reconstructed(folder, {"--prior", "pnp", "--model", folder / "step.h5"})["lambda"] == 0.1);

  // As a prox, D = x - grad g = 0.75 x: x = 0.75 (x - 0.99 A*(A x - y)), ||A|| = 1.
  const auto prox =
      reconstructed(folder, {"--prior", "pnp", "--model", folder / "step.h5", "--algorithm",
                             "prox-pnp", "--force", "--tolerance", "1e-7"});
  CHECK(prox["algorithm"] == "prox-pnp");
  CHECK(prox["status"] == "converged");
  CHECK(prox["sigma"].get<double>() == doctest::Approx(0.02 / 2));
  CHECK(prox["step_size"].get<double>() == doctest::Approx(0.99));
  const auto shrunk = run(ConjugateGradient<float>(A, y, 0.25 / (0.75 * 0.99)),
                          Array<float>(A.domain()), {.tolerance = 1e-7});
  const Array<float> fixed = image_of(folder / "x.h5");
  worst = 0;
  for (Index i = 0; i < fixed.size(); ++i)
    worst = std::max(worst, std::abs(static_cast<double>(fixed[i] - shrunk.x[i])));
  CHECK(worst < 1e-4);

  write_drunet(folder / "drunet.h5", 1);
  const auto refused = [&](const std::vector<std::string>& more, const std::string& part) {
    std::vector<std::string> all = {"reconstruct", folder / "m.h5", "--prior",
                                    "pnp",         "--out",         folder / "y.h5"};
    all.insert(all.end(), more.begin(), more.end());
    expect_refused(folder, all, part);
  };
  refused({"--model", folder / "drunet.h5", "--algorithm", "gs-pnp"}, "of kind gsdrunet");
  refused({"--model", folder / "step.h5", "--algorithm", "gs-pnp", "--positivity"}, "x >= 0");
  refused({"--model", folder / "step.h5", "--algorithm", "prox-pnp"}, "not certified");
  refused({"--model", folder / "step.h5", "--algorithm", "prox-drs"}, "not certified");
  refused({"--model", folder / "step.h5", "--algorithm", "prox-drs", "--positivity", "--force"},
          "x >= 0");
  refused({"--model", folder / "drunet.h5", "--algorithm", "prox-pnp", "--force"},
          "of kind gsdrunet");
  refused({"--model", folder / "step.h5", "--algorithm", "fista"},
          "pnp-fbs, pnp-drs, prox-pnp, prox-drs, gs-pnp or dpir");
  simulate(folder, "mri", "32");
  refused({"--model", folder / "step.h5", "--algorithm", "gs-pnp"}, "is for real images");
}

TEST_CASE("reconstruct: Prox-PnP by Douglas-Rachford, with its own step, relaxation and level") {
  // D = x - 1/2 grad g = 0.875 x, the prox of 1/2 (1 / 0.875 - 1) x^2. Noise of 0.02 = 5.1/255 lies
  // ln 2 / ln 3 of the way from 2.55 to 7.65/255.
  const ScratchFolder folder;
  write_drunet(folder / "step.h5", 1, 0.5, true);
  simulate(folder, "blur", "32", {"--kernel", "gaussian:1"});
  const auto run_with = [&](const std::vector<std::string>& more) {
    std::vector<std::string> flags = {"--prior",     "pnp",      "--model", folder / "step.h5",
                                      "--algorithm", "prox-drs", "--force"};
    flags.insert(flags.end(), more.begin(), more.end());
    return reconstructed(folder, flags);
  };
  const auto json = run_with({});
  const double way = std::log(2.0) / std::log(3.0), gamma = 5 * std::pow(1.5 / 5, way);
  CHECK(json["algorithm"] == "prox-drs");
  CHECK(json["status"] == "converged");
  CHECK(json["lambda"] == 0.5);
  CHECK(json["sigma"].get<double>() == doctest::Approx(0.02 * (2 - way)));
  CHECK(json["step_size"].get<double>() == doctest::Approx(gamma));
  const Measurement m = load_measurement(folder / "m.h5");
  const LinearOperator<float> A = make_operator<float>(m);
  const ConjugateGradient<float> solver(A, elements_as<float>(m.data), (1 / 0.875 - 1) / gamma);
  const auto end = run(solver, Array<float>(A.domain()), {.tolerance = 1e-7});
  CHECK(json["objective"].get<double>() ==
        doctest::Approx(solver.objective(solver.init(end.x))).epsilon(1e-4));
  const Array<float> x = image_of(folder / "x.h5");
  double worst = 0;
  for (Index i = 0; i < x.size(); ++i)
    worst = std::max(worst, std::abs(static_cast<double>(x[i] - end.x[i])));
  CHECK(worst < 1e-3);  // it stops where the envelope does
  struct Level {
    const char* scale;  // of the image: divides the noise
    double step, sigma;
  };
  for (const auto& [scale, step, sigma] :
       {Level{"4", 5, 2 * 0.005}, {"0.4", 1, 0.75 * 0.05}, {"0.2", 1, 0.75 * 0.1}}) {
    const auto at = run_with({"--scale", scale});
    CHECK(at["step_size"].get<double>() == doctest::Approx(step));
    CHECK(at["sigma"].get<double>() == doctest::Approx(sigma));
  }
}

TEST_CASE("reconstruct: DPIR takes its steps and says that nothing is known of their convergence") {
  const ScratchFolder folder;
  write_drunet(folder / "drunet.h5", 1, 0.98);
  write_cnn(folder / "cnn.h5", 0.7);
  for (const char* kind : {"blur", "mri"}) {
    simulate(folder, kind, "32");
    auto json = reconstructed(folder, {"--prior", "pnp", "--algorithm", "dpir", "--model",
                                       folder / "drunet.h5", "--force"});
    CHECK(json["algorithm"] == "dpir");
    CHECK(json["iterations"] == 8);
    CHECK(json["status"] == "converged");
    CHECK(json["cause"] == "all steps of dpir were taken");
    CHECK(json["certificate"]["kind"] == "none");
    CHECK(json["lambda"] == 0.23);
    CHECK(json["sigma"].get<double>() == doctest::Approx(0.02));
    json = reconstructed(folder, {"--prior", "pnp", "--algorithm", "dpir", "--model",
                                  folder / "drunet.h5", "--force", "--max-iterations", "3"});
    CHECK(json["iterations"] == 3);
  }
  const auto refused = [&](const std::string& model, const char* prior, const std::string& part) {
    expect_refused(folder,
                   {"reconstruct", folder / "m.h5", "--prior", prior, "--algorithm", "dpir",
                    "--model", model, "--out", folder / "y.h5"},
                   part);
  };
  refused(folder / "drunet.h5", "pnp", "--force runs it");
  refused(folder / "cnn.h5", "pnp", "trained for 10/255 only");
  write_ridge(folder / "ridge.h5", 0);
  refused(folder / "ridge.h5", "model", "use --prior pnp");
}

TEST_CASE("reconstruct: too few iterations give exit code 3 and a result") {
  const ScratchFolder folder;
  simulate(folder, "blur", "32");
  const auto json = reconstructed(folder, {"--prior", "tv", "--max-iterations", "3"}, "x.h5", 3);
  CHECK(json["status"] == "max_iterations");
  CHECK(json["iterations"] == 3);
  CHECK(std::filesystem::exists(folder / "x.h5"));
}

TEST_CASE("reconstruct: --scale C solves for x / C, which is the same problem in another unit") {
  const ScratchFolder folder;
  simulate(folder, "denoise", "32");
  Measurement m = load_measurement(folder / "m.h5");
  const auto plain = reconstructed(folder, {"--prior", "tv", "--tolerance", "1e-7"});
  const Array<float> x = image_of(folder / "x.h5");
  Array<float> data = elements_as<float>(m.data);
  scale<float>(View<float>(data), 8);
  m.data = data;
  m.noise_level *= 8;
  m.truth.reset();
  save_measurement(folder / "m.h5", m);
  const auto scaled =
      reconstructed(folder, {"--prior", "tv", "--tolerance", "1e-7", "--scale", "8"});
  Array<float> y = image_of(folder / "x.h5");
  scale<float>(View<float>(y), 0.125f);
  CHECK(scaled["psnr"].is_null());
  CHECK(scaled["scale"] == 8);
  CHECK(scaled["lambda"] == doctest::Approx(plain["lambda"].get<double>()));
  CHECK(distance(x, y) <= 1e-5 * norm(x));  // powers of two: equal up to the JSON's noise level
}

TEST_CASE("reconstruct: --init and --truth are used") {
  const ScratchFolder folder;
  simulate(folder, "blur", "32");
  {
    Hdf5Writer file(folder / "images.h5");
    file.write("flat", Array<float>(Shape{32, 32}, 0.25f));
    file.commit();
  }
  const auto json =
      reconstructed(folder,
                    {"--prior", "none", "--max-iterations", "0", "--init",
                     folder / "images.h5:/flat", "--truth", folder / "images.h5:/flat"},
                    "x.h5", 3);
  CHECK(json["nmse"] == 0);
  CHECK(json["start"]["name"] == "init");
}

TEST_CASE("reconstruct: the same bits for 1, 2 and 4 threads") {
  const ScratchFolder folder;
  write_ridge(folder / "weak.h5", 0.5);
  for (const std::string kind : {"blur", "mri", "ct"}) {
    simulate(folder, kind, "40");
    for (std::vector<std::string> arguments :
         {std::vector<std::string>{"--prior", "tv"},
          {"--prior", "model", "--model", folder / "weak.h5"}}) {
      arguments.insert(arguments.begin(), {"reconstruct", folder / "m.h5", "--out", folder / "x.h5",
                                           "--max-iterations", "15", "--threads", "1"});
      std::vector<std::string> bits;
      for (const char* threads : {"1", "2", "4"}) {
        arguments[7] = threads;
        std::filesystem::remove(folder / "x.h5");
        fejer_command(folder, arguments);
        bits.push_back(contents(folder / "x.h5"));
      }
      CHECK(bits[0].size() > 6400);
      CHECK(bits[0] == bits[1]);
      CHECK(bits[0] == bits[2]);
    }
  }
}
