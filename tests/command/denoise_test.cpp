#include <fejer/hdf5.hpp>
#include <fejer/image_io.hpp>
#include <fejer/metrics.hpp>
#include <fejer/models/ridge_denoiser.hpp>
#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

#include "models.hpp"
#include "process.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

/// Stripes with noise of deviation 0.1, (C,24,28).
Array<float> noisy_stripes(Index channels) {
  Array<float> x(Shape{channels, 24, 28});
  fill_normal(View<float>(x), Rng(3).stream("noise"));
  for (Index i = 0; i < x.size(); ++i)
    x[i] = 0.5f + 0.1f * x[i] + ((i / 7) % 2 == 0 ? 0.2f : -0.2f);
  return x;
}

}  // namespace

TEST_CASE("denoise: the minimiser of 1/2 ||x - y||^2 + R(x), each channel by itself") {
  const ScratchFolder folder;
  write_ridge(folder / "model.h5", 0.5);
  const Array<float> noisy = noisy_stripes(3);
  {
    Hdf5Writer file(folder / "in.h5");
    file.write("image", noisy);
    file.commit();
  }
  const auto json = expect(0, folder,
                           {"denoise", folder / "in.h5:/image", "--model", folder / "model.h5",
                            "--sigma", "0.1", "--tolerance", "1e-6", "--truth",
                            folder / "in.h5:/image", "--out", folder / "x.h5", "--json"})
                        .json();
  CHECK(json["status"] == "converged");
  CHECK(json["iterations"].get<int>() > 5);
  CHECK(json["psnr"].get<double>() > 10);
  const Model<double> model = load_model<double>(folder / "model.h5");
  RidgeDenoiserOptions options;
  options.tolerance = 1e-9;
  options.max_iterations = 5000;
  Array<double> y(noisy.shape()), expected(noisy.shape());
  for (Index i = 0; i < y.size(); ++i) y[i] = noisy[i];
  RidgeDenoiser<double>(model.ridge(), options).denoise(y, 0.1, expected);
  const Array<float> x = Hdf5Reader(folder / "x.h5").read<float>("image", noisy.shape());
  double worst = 0, change = 0;
  for (Index i = 0; i < x.size(); ++i) {
    worst = std::max(worst, std::abs(expected[i] - static_cast<double>(x[i])));
    change = std::max(change, std::abs(expected[i] - y[i]));
  }
  CHECK(worst < 1e-4);  // the tolerance 1e-6 on the change of an iteration stops near the minimiser
  CHECK(change > 0.05);
}

TEST_CASE("denoise: pictures in and out, grey and colour; a network is applied once") {
  const ScratchFolder folder;
  write_ridge(folder / "ridge.h5", 0);
  write_cnn(folder / "cnn.h5", 1.5);
  const Array<float> grey = noisy_stripes(1);
  write_png(folder / "grey.png", grey);
  const Array<float> colour = noisy_stripes(3);
  write_png(folder / "colour.png", colour);
  expect(0, folder,
         {"denoise", folder / "grey.png", "--model", folder / "ridge.h5", "--sigma", "25/255",
          "--out", folder / "x.png"});
  CHECK(read_image(folder / "x.png").shape() == Shape{1, 24, 28});
  expect(0, folder,
         {"denoise", folder / "colour.png", "--model", folder / "ridge.h5", "--sigma", "25/255",
          "--out", folder / "x.jpg"});
  CHECK(read_image(folder / "x.jpg").shape() == Shape{3, 24, 28});
  const auto json = expect(0, folder,
                           {"denoise", folder / "grey.png", "--model", folder / "cnn.h5", "--sigma",
                            "10/255", "--out", folder / "x.png", "--json"})
                        .json();
  CHECK(json["iterations"] == 1);
  CHECK(json["step_size"].is_null());
}

TEST_CASE("denoise: too few iterations give exit code 3, --norm as-published a larger step") {
  const ScratchFolder folder;
  write_ridge(folder / "model.h5", 0);
  const Array<float> noisy = noisy_stripes(1);
  write_png(folder / "in.png", noisy);
  const auto run = [&](int code, const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {
        "denoise", folder / "in.png", "--model", folder / "model.h5", "--sigma", "0.1",
        "--out",   folder / "x.png",  "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return expect(code, folder, arguments).json();
  };
  CHECK(run(3, {"--max-iterations", "2"})["status"] == "max_iterations");
  CHECK(run(0, {"--norm", "as-published"})["step_size"].get<double>() >
        run(0, {})["step_size"].get<double>());
}

TEST_CASE("denoise: a DRUNet takes any level, and a colour one all channels at once") {
  const ScratchFolder folder;
  write_drunet(folder / "grey.h5", 1);
  write_drunet(folder / "colour.h5", 3);
  const Array<float> noisy = noisy_stripes(3);
  {
    Hdf5Writer file(folder / "in.h5");
    file.write("image", noisy);
    file.commit();
  }
  const Array<float> grey = noisy_stripes(1);
  write_png(folder / "grey.png", grey);
  for (const char* model : {"grey.h5", "colour.h5"}) {
    const auto json = expect(0, folder,
                             {"denoise", folder / "in.h5:/image", "--model", folder / model,
                              "--sigma", "25/255", "--out", folder / "x.h5", "--json"})
                          .json();
    CHECK(json["algorithm"] == "drunet");
    CHECK(json["certificate"]["kind"] == "none");
    const Array<float> x = Hdf5Reader(folder / "x.h5").read<float>("image", noisy.shape());
    for (Index i = 0; i < x.size(); ++i) REQUIRE(x[i] == noisy[i]);
  }
  expect_refused(folder,
                 {"denoise", folder / "grey.png", "--model", folder / "colour.h5", "--sigma", "0.1",
                  "--out", folder / "x.png"},
                 "(..., 3, H, W)");
  CHECK(expect(0, folder, {"inspect", folder / "colour.h5", "--json"}).json()["model"] == "drunet");
}

TEST_CASE("denoise: a network takes only the level that it was trained for") {
  const ScratchFolder folder;
  write_cnn(folder / "cnn.h5", 1);
  const Array<float> noisy = noisy_stripes(1);
  write_png(folder / "in.png", noisy);
  expect_refused(folder,
                 {"denoise", folder / "in.png", "--model", folder / "cnn.h5", "--sigma", "0.5",
                  "--out", folder / "x.png"},
                 "trained");
}

TEST_CASE("denoise, reconstruct: without --model, the one that comes with Fejér") {
  const ScratchFolder folder;
  const Array<float> noisy = noisy_stripes(1);
  Array<float> clean(noisy.shape());
  for (Index i = 0; i < clean.size(); ++i) clean[i] = 0.5f + ((i / 7) % 2 == 0 ? 0.2f : -0.2f);
  write_png(folder / "in.png", noisy);
  write_png(folder / "clean.png", clean);
  const auto denoised = expect(0, folder,
                               {"denoise", folder / "in.png", "--sigma", "0.1", "--truth",
                                folder / "clean.png", "--out", folder / "x.png", "--json"})
                            .json();
  CHECK(denoised["psnr"].get<double>() > psnr(noisy, clean, 1) + 4);
  expect(0, folder,
         {"simulate", "--operator", "denoise", "--image", folder / "clean.png", "--noise-level",
          "0.1", "--seed", "1", "--out", folder / "m.h5"});
  const auto json = expect(0, folder,
                           {"reconstruct", folder / "m.h5", "--prior", "model", "--out",
                            folder / "y.png", "--json"})
                        .json();
  CHECK(json["psnr"].get<double>() > psnr(noisy, clean, 1) + 4);
}
