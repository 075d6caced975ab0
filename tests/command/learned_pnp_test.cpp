#include "../../experiments/learned_pnp/passage.hpp"

#include <cmath>
#include <fstream>

#include <fejer/files.hpp>
#include <fejer/models/model_file.hpp>
#include <fejer/operators/compose.hpp>
#include <fejer/operators/identity.hpp>

#include "models.hpp"
#include "process.hpp"

using namespace fejer;
using namespace fejer_test;
using Json = nlohmann::ordered_json;

namespace {

Array<float> ramp(const Shape& shape) {
  Array<float> x(shape);
  for (Index i = 0; i < x.size(); ++i)
    x[i] = 0.2f + 0.6f * static_cast<float>(i % 7) / static_cast<float>(7 + i / 7);
  return x;
}

/// D(z) = a z + b.
learned_pnp::FrozenDenoiser affine(float a, float b) {
  learned_pnp::FrozenDenoiser d;
  d.apply = [=](const Array<float>& z, const Array<float>&) {
    Array<float> out = z;
    for (float& value : out) value = a * value + b;
    return out;
  };
  return d;
}

/// gamma A*A of the size given, A a multiple of the identity; data 0.
learned_pnp::PnpIteration with(std::vector<learned_pnp::FrozenDenoiser> denoisers,
                               const Shape& image, double gamma = 0) {
  return {std::move(denoisers), scaled(2, LinearOperator<float>(Identity<float>(image))),
          Array<float>(image), gamma};
}

}  // namespace

TEST_CASE("plug-and-play is passed on until it settles, and PSNR is that of the pass asked for") {
  const Shape image{1, 8, 8};
  const Array<float> truth(image, 0.5f);
  // x <- x / 2 + 1/4 draws near 1/2, by halves.
  const auto settles = pass_on(with({affine(0.5f, 0.25f)}, image), Array<float>(image, 1.0f), truth,
                               {1, 2, 60}, 100);
  CHECK(settles.settled);
  CHECK(settles.passes < 20);
  CHECK(settles.residuals.size() == static_cast<std::size_t>(settles.passes));
  CHECK(settles.start == doctest::Approx(-20 * std::log10(0.5)));
  CHECK(settles.psnr.at(1) == doctest::Approx(-20 * std::log10(0.25)));
  CHECK(settles.psnr.at(2) == doctest::Approx(-20 * std::log10(0.125)));
  CHECK(settles.psnr.at(60) == settles.last);  // it stays where it settled

  // x <- x / 2: the residual is 1, and what was not reached is not there.
  const auto falls =
      pass_on(with({affine(0.5f, 0)}, image), Array<float>(image, 1.0f), truth, {1, 10, 60}, 20);
  CHECK_FALSE(falls.settled);
  CHECK(falls.passes == 20);
  CHECK(falls.residual == doctest::Approx(1));
  CHECK(falls.psnr.size() == 2);
  CHECK(falls.psnr.count(60) == 0);

  // Two in turn, whose turn is x <- x: at rest after one, though every pass moves.
  const auto turns = pass_on(with({affine(2, 0), affine(0.5f, 0)}, image),
                             Array<float>(image, 1.0f), truth, {1, 2}, 20);
  CHECK(turns.settled);
  CHECK(turns.passes == 2);
  CHECK(turns.psnr.at(1) == doctest::Approx(-20 * std::log10(1.5)));
  CHECK(turns.psnr.at(2) == doctest::Approx(-20 * std::log10(0.5)));

  const auto bursts =
      pass_on(with({affine(1e30f, 0)}, image), Array<float>(image, 1.0f), truth, {60}, 20);
  CHECK_FALSE(bursts.settled);
  CHECK(bursts.passes < 5);
}

TEST_CASE("local Lipschitz constants are largest singular values, not spectral radii") {
  const Shape image{1, 8, 8};
  learned_pnp::FrozenDenoiser shift =
      affine(1, 0);  // J: 3 times pixel 1 to pixel 0, nothing else: J J = 0
  shift.derivative = [](const Array<float>& z) {
    const auto moved = [shape = z.shape()](const Array<float>& v, Index from, Index to) {
      Array<float> out(shape);
      out[to] = 3 * v[from];
      return out;
    };
    return learned_pnp::Linear{[=](const Array<float>& v) { return moved(v, 1, 0); },
                               [=](const Array<float>& u) { return moved(u, 0, 1); }};
  };
  const auto one = local_constants(with({shift}, image, 0.1), ramp(image), 5);
  CHECK(*one.denoiser == doctest::Approx(3));
  CHECK(*one.turn == doctest::Approx(3 * (1 - 0.1 * 4)));
  const auto two = local_constants(with({shift, shift}, image), ramp(image), 5);
  CHECK(*two.denoiser == doctest::Approx(3));
  CHECK(*two.turn == doctest::Approx(0));
  CHECK_FALSE(local_constants(with({shift}, image), Array<float>(image, NAN), 5).denoiser);
}

TEST_CASE("local Lipschitz constants of denoisers that are multiples, means and proxes") {
  const ScratchFolder folder;
  const Shape image{3, 16, 16};
  const auto constants = [&](const std::string& file, const Json& found) {
    const auto all = learned_pnp::denoisers_of(load_model<float>(file), found, 0.05);
    return local_constants(with(all, image, 0.05), ramp(image), 60);
  };
  write_drunet(folder / "drunet.h5", 3, 1.5);
  auto found = constants(folder / "drunet.h5", {{"sigma", 0.1}});
  CHECK(*found.denoiser == doctest::Approx(1.5).epsilon(1e-4));
  CHECK(*found.turn == doctest::Approx(1.5 * (1 - 0.05 * 4)).epsilon(1e-4));
  found = constants(folder / "drunet.h5", {{"sigma", {0.1, 0.2}}});
  CHECK(*found.turn == doctest::Approx(1.5 * 1.5 * 0.8 * 0.8).epsilon(1e-4));

  // N(x) = 0.6 times means of 3 x 3 with zeros around, of norm (1 + 2 cos(pi / 17))^2 / 9.
  write_cnn(folder / "cnn.h5", 1);
  const double mean = std::pow((1 + 2 * std::cos(M_PI / 17)) / 3, 2);
  found = constants(folder / "cnn.h5", {{"lambda", 0.5}});
  CHECK(*found.denoiser == doctest::Approx(0.5 * (1 + 0.6 * mean) / 2 + 0.5).epsilon(1e-3));

  write_ridge(folder / "ridge.h5", 0);
  found = constants(folder / "ridge.h5", {{"sigma", 0.05}, {"lambda", 1}});
  CHECK(*found.denoiser <= 1 + 1e-4);  // convex: the prox expands nowhere
  CHECK(*found.denoiser > 0.9);
}

TEST_CASE("experiment learned_pnp: what its record holds, and that it is read back") {
  const ScratchFolder folder;
  const std::vector<std::string> command{"experiment",  "run",
                                         "learned_pnp", "--smoke",
                                         "--out",       folder / "out",
                                         "--set",       "learned=spline,parameters",
                                         "--set",       "strategies=unrolled_10,warm,implicit",
                                         "--json"};
  const auto record = expect(0, folder, command).json();
  REQUIRE(record["tasks"].size() == 1);
  const auto& rows = record["tasks"][0]["results"];
  REQUIRE(rows.size() == 6);
  for (const auto& row : rows) {
    CAPTURE(row.dump());
    if (row.contains("failed")) continue;  // a network of a few steps need not contract
    CHECK(row["passes"].get<double>() > 0);
    CHECK(row["psnr"].contains("after_1"));
    CHECK_FALSE(row["psnr"].contains("after_60"));  // smoke runs end after 5
    CHECK(row["residuals"].size() == 5);
    CHECK(row["lipschitz_denoiser"].get<double>() > 0);
    if (row["learned"] == "spline") CHECK(row["lipschitz_denoiser"].get<double>() < 1.001);
    CHECK(row["settled"].get<int>() <= row["images"].get<int>());
  }
  CHECK_FALSE(rows[3].contains("failed"));  // spline, unrolled
  CHECK(contents(folder / "out/line_blur.png").size() > 1000);

  // Figures that are not finite are null in JSON; refused trainings have no figures.
  const std::string cell = folder / "out/cells/line_blur_spline_unrolled_10.json";
  auto kept = Json::parse(contents(cell));
  kept["psnr"]["last"] = nullptr, kept["psnr"]["residual"] = nullptr;
  write_text(cell, kept.dump());
  write_text(
      folder / "out/cells/line_blur_spline_warm.json",
      Json{{"smoke", true}, {"learned", "spline"}, {"strategy", "warm"}, {"failed", "why"}}.dump());
  std::vector<std::string> again = command;
  again.push_back("--resume");
  CHECK(expect(0, folder, again).json()["tasks"][0]["results"][3]["psnr"]["last"].is_null());
  const std::string report = contents(folder / "out/report.md");
  CHECK(report.find("| - | 5 | - | 0 of 1 |") != std::string::npos);
  CHECK(report.find("- spline, warm: why") != std::string::npos);
}

TEST_CASE("experiment learned_pnp: asks for what it needs alone, and names the setting") {
  const ScratchFolder folder;
  const auto refused = [&](const std::string& learned, const std::string& part) {
    const Finished run =
        Process(folder, {"experiment", "run", "learned_pnp", "--out", folder / "x", "--set",
                         "learned=" + learned, "--set", "train=dead-leaves:2x64", "--set",
                         "test=dead-leaves:1x128", "--set", "spline=none.h5", "--set",
                         "grey_denoiser=gone.h5", "--set", "tasks=grey_blur"})
            .wait();
    CHECK(run.code == 2);
    CHECK_MESSAGE(run.err.find(part) != std::string::npos, run.err);
  };
  refused("spline",
          "none.h5: no such file; scripts/results lipschitz_denoisers makes it, or name "
          "another by --set spline=");
  refused("weights", "--set grey_denoiser=");
}
