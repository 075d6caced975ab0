#include <fejer/hdf5.hpp>
#include <fejer/image_io.hpp>
#include <fejer/rng.hpp>

#include "models.hpp"
#include "process.hpp"

using namespace fejer_test;

TEST_CASE("a data set is made, shown and evaluated") {
  const ScratchFolder folder;
  write_ridge(folder / "m.h5", 1);
  expect(0, folder, {"dataset", "make", "dead-leaves:3x48", "--out", folder / "d.h5", "--json"});
  const auto shown = expect(0, folder, {"inspect", folder / "d.h5", "--json"}).json();
  CHECK(shown["format"] == "fejer-dataset");
  CHECK(shown["images"] == 3);
  CHECK(shown["checksum"] == "verified");
  const std::vector<std::string> evaluate = {"evaluate", folder / "m.h5", "--data", folder / "d.h5",
                                             "--sigma",  "15/255",        "25/255", "--json"};
  const Finished finished = expect(0, folder, evaluate);
  const auto result = finished.json();
  REQUIRE(result["results"].size() == 2);
  const auto& level = result["results"][1];
  CHECK(level["sigma"].get<double>() == doctest::Approx(25.0 / 255));
  CHECK(level["noisy_psnr"].get<double>() == doctest::Approx(20.17).epsilon(0.02));
  CHECK(level["psnr"].get<double>() > level["noisy_psnr"].get<double>() + 2);
  double sum = 0, similarity = 0;
  for (const auto& image : level["images"]) {
    sum += image["psnr"].get<double>();
    similarity += image["ssim"].get<double>();
  }
  CHECK(level["psnr"].get<double>() == doctest::Approx(sum / 3));
  CHECK(level["ssim"].get<double>() == doctest::Approx(similarity / 3));
  CHECK(expect(0, folder, evaluate).out == finished.out);
  auto other = evaluate;
  other.insert(other.end(), {"--seed", "2"});
  CHECK(expect(0, folder, other).json()["results"][1]["psnr"] != level["psnr"]);
}

TEST_CASE("evaluate uses the defaults of denoise") {
  const ScratchFolder folder;
  write_ridge(folder / "m.h5", 1);
  std::filesystem::create_directory(folder / "in");
  expect(0, folder,
         {"simulate", "--operator", "denoise", "--image", "phantom:shepp-logan:48", "--noise-level",
          "25/255", "--out", folder / "y.h5"});
  // The noisy image as `evaluate` makes it, through `denoise`.
  fejer::Array<float> truth(fejer::Shape{1, 40, 40});
  for (fejer::Index i = 0; i < truth.size(); ++i)
    truth[i] = static_cast<float>((i / 40 + i % 40) % 17) / 17.0f;
  fejer::write_png(folder / "in/a.png", truth, 16);
  truth = fejer::read_image(folder / "in/a.png");
  fejer::Array<float> noisy = truth;
  fejer::add_normal<float>(noisy, 25 / 255.0, fejer::Rng(0).stream("evaluate/0"));
  {
    fejer::Hdf5Writer file(folder / "noisy.h5");
    file.write("image", noisy);
    file.commit();
  }
  const auto denoised =
      expect(0, folder,
             {"denoise", folder / "noisy.h5:/image", "--model", folder / "m.h5", "--sigma",
              "25/255", "--truth", folder / "in/a.png", "--out", folder / "x.h5", "--json"})
          .json();
  const auto evaluated =
      expect(0, folder,
             {"evaluate", folder / "m.h5", "--data", folder / "in", "--sigma", "25/255", "--json"})
          .json();
  const auto& image = evaluated["results"][0]["images"][0];
  CHECK(image["image"] == "a.png");
  CHECK(image["psnr"] == denoised["psnr"]);
  CHECK(image["ssim"] == denoised["ssim"]);
  CHECK(image["iterations"] == denoised["iterations"]);
}

TEST_CASE("evaluate and dataset refuse bad input") {
  const ScratchFolder folder;
  write_ridge(folder / "m.h5", 1);
  std::filesystem::create_directory(folder / "empty");
  std::filesystem::create_directory(folder / "bad");
  std::ofstream(folder / "bad/a.png") << "no picture";
  const auto evaluate = [&](const std::string& data, const std::string& sigma) {
    return std::vector<std::string>{"evaluate", folder / "m.h5", "--data", data, "--sigma", sigma};
  };
  expect_refused(folder, evaluate("dead-leaves:1x16", "25"), "25/255");
  expect_refused(folder, evaluate(folder / "empty", "25/255"), "holds no picture");
  expect_refused(folder, evaluate(folder / "bad", "25/255"), "a.png");
  expect_refused(folder, evaluate(folder / "none", "25/255"), "no such file");
  const auto make = [&](const std::string& source, const std::string& out) {
    return std::vector<std::string>{"dataset", "make", source, "--out", out};
  };
  expect_refused(folder, make(folder / "bad", folder / "d.h5"), "a.png");
  expect_refused(folder, make(folder / "empty", folder / "d.h5"), "holds no picture");
  expect_refused(folder, make("dead-leaves:1x16", folder / "none/d.h5"), "none");
  expect_refused(folder, make("dead-leaves:1x16", folder / "d.png"), ".h5");
  const auto train = [&](const std::string& data) {
    return std::vector<std::string>{"train", source_folder() + "/experiments/train_wcrr/smoke.toml",
                                    "--out", folder / "run",
                                    "--set", "data.train=" + data};
  };
  expect_refused(folder, train(folder / "bad"), "a.png");
  expect_refused(folder, train(folder / "empty"), "holds no picture");
  expect_refused(folder, {"dataset", "mak", "dead-leaves:1x16", "--out", folder / "d.h5"},
                 "did you mean make?");
}
