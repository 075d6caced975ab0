#include <fejer/hdf5.hpp>

#include "models.hpp"
#include "process.hpp"

using namespace fejer;
using namespace fejer_test;

TEST_CASE("inspect: models, measurements, results, and files of others") {
  const ScratchFolder folder;
  const auto inspect = [&](const std::string& file) {
    return expect(0, folder, {"inspect", folder / file, "--json"}).json();
  };
  write_ridge(folder / "model.h5", 0.5);
  auto json = inspect("model.h5");
  CHECK(json["format"] == "fejer-model");
  CHECK(json["checksum"] == "verified");
  expect(0, folder,
         {"simulate", "--operator", "mri", "--image", "phantom:shepp-logan:32", "--noise-level",
          "0.02", "--coils", "2", "--out", folder / "m.h5"});
  json = inspect("m.h5");
  CHECK(json["operator"] == "mri");
  CHECK(json["coils"] == 2);
  CHECK(json["data_shape"] == std::vector<int>{2, 32, 32});
  CHECK(json["operator_norm"]["upper"].get<double>() == doctest::Approx(1).epsilon(1e-3));
  expect(3, folder,
         {"reconstruct", folder / "m.h5", "--prior", "tv", "--max-iterations", "2", "--state",
          folder / "s.h5", "--out", folder / "x.h5"});
  json = inspect("x.h5");
  CHECK(json["format"] == "fejer-image");
  CHECK(json["attributes"]["prior"] == "tv");
  CHECK(inspect("s.h5")["format"] == "fejer-state");
  {
    Hdf5Writer file(folder / "foreign.h5");
    file.write("group/kspace", Array<float>(Shape{8, 4}, 1));
    file.commit();
  }
  json = inspect("foreign.h5");
  CHECK(json["format"].is_null());
  CHECK(json["note"] == "not a Fejer file");
  CHECK(json["datasets"][0]["name"] == "/group/kspace");
  CHECK(json["datasets"][0]["shape"] == std::vector<int>{8, 4});
  const Finished text = expect(0, folder, {"inspect", folder / "foreign.h5"});
  CHECK(text.out.find("/group/kspace") != std::string::npos);
}

TEST_CASE("import: published weights become models that denoise") {
  if (!have_data()) return;
  const ScratchFolder folder;
  const auto import = [&](const std::string& state, const std::string& architecture,
                          const std::string& out) {
    return expect(0, folder,
                  {"import", data("reference_models/" + state), "--architecture", architecture,
                   "--out", folder / out, "--json"})
        .json();
  };
  CHECK(import("wcrr_nn.h5", "ridge", "wcrr.h5")["architecture"] == "ridge");
  import("lipschitz_spline_cnn_sigma_10.h5", "lipschitz-cnn", "cnn.h5");
  const auto json =
      expect(0, folder,
             {"denoise", data("reference_models/wcrr_nn_reference.h5") + ":/crop0_sigma25/noisy",
              "--truth", data("reference_models/wcrr_nn_reference.h5") + ":/crop0_sigma25/clean",
              "--model", folder / "wcrr.h5", "--sigma", "25/255", "--norm", "as-published", "--out",
              folder / "x.h5", "--json"})
          .json();
  const Hdf5Reader reference(data("reference_models/wcrr_nn_reference.h5"));
  const auto published = reference.integer_attribute("crop0_sigma25", "iterations_tol1e-4");
  CHECK(std::abs(json["iterations"].get<std::int64_t>() - published) <= 2);
  CHECK(json["psnr"].get<double>() ==
        doctest::Approx(reference.real_attribute("crop0_sigma25", "psnr_denoised_tol1e-4"))
            .epsilon(1e-4));
  const auto drunet = import("drunet_small_colour.h5", "drunet", "drunet.h5");
  CHECK(drunet["certificate"] == "none");
  CHECK(drunet["channels"] == "8 16 32 64");
  CHECK(drunet["activation"] == "relu");
  CHECK(drunet["parameters"].is_number_integer());
  CHECK(expect(0, folder, {"inspect", folder / "drunet.h5"}).out.find("parameters: 144120\n") !=
        std::string::npos);
  CHECK(import("gsdrunet_small_elu.h5", "gsdrunet", "step.h5")["activation"] == "elu");
  expect_refused(folder,
                 {"import", data("reference_models/dncnn_25.h5"), "--architecture", "dncnn",
                  "--out", folder / "dncnn.h5"},
                 "state the noise level");
  expect(0, folder,
         {"import", data("reference_models/dncnn_25.h5"), "--architecture", "dncnn",
          "--noise-level", "25/255", "--out", folder / "dncnn.h5"});
  const std::string crop = data("reference_models/dncnn_25.h5") + ":/reference/crop0/";
  const auto denoised =
      expect(0, folder,
             {"denoise", crop + "noisy", "--truth", crop + "clean", "--model", folder / "dncnn.h5",
              "--sigma", "25/255", "--out", folder / "d.h5", "--json"})
          .json();
  CHECK(denoised["psnr"].get<double>() ==
        doctest::Approx(Hdf5Reader(data("reference_models/dncnn_25.h5"))
                            .real_attribute("reference/crop0", "psnr_denoised"))
            .epsilon(1e-5));
  expect_refused(folder,
                 {"import", data("reference_models/wcrr_nn.h5"), "--architecture", "lipschitz-cnn",
                  "--out", folder / "bad.h5"},
                 "wcrr_nn.h5");
}
