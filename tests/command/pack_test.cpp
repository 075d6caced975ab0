#include <cmath>

#include <fejer/hdf5.hpp>
#include <fejer/image_io.hpp>
#include <fejer/operators/measurement.hpp>
#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

#include "process.hpp"

using namespace fejer;
using namespace fejer_test;
using Complex = std::complex<float>;

namespace {

/// A file such as other programs leave: k-space, maps, masks, sinograms.
void write_raw_data(const std::string& path) {
  Array<Complex> kspace(Shape{2, 16, 20}), maps(Shape{2, 16, 20});
  fill_normal(View<Complex>(kspace), Rng(1).stream("kspace"));
  fill_normal(View<Complex>(maps), Rng(1).stream("maps"));
  Array<std::uint8_t> columns(Shape{20}, 1), rows(Shape{16}, 1);
  columns[0] = columns[3] = 0;
  rows[1] = 0;
  Array<float> sinogram(Shape{2, 6, 15});
  fill_normal(View<float>(sinogram), Rng(1).stream("sinogram"));
  Array<double> angles(Shape{6});
  for (Index k = 0; k < 6; ++k) angles[k] = 0.5 * static_cast<double>(k);
  Hdf5Writer file(path);
  file.write("kspace", kspace);
  file.write("maps", maps);
  file.write("columns", columns);
  file.write("rows", rows);
  file.write("sinogram", sinogram);
  file.write("angles_rad", angles);
  file.commit();
}

}  // namespace

TEST_CASE("pack: k-space with maps and a mask of lines, which is applied") {
  const ScratchFolder folder;
  const std::string raw = folder / "raw.h5";
  write_raw_data(raw);
  const auto pack = [&](const std::vector<std::string>& flags) {
    std::vector<std::string> arguments = {
        "pack",         "--operator",    "mri", "--data", raw + ":/kspace", "--maps",
        raw + ":/maps", "--noise-level", "0.1", "--out",  folder / "m.h5"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    expect(0, folder, arguments);
    return load_measurement(folder / "m.h5");
  };
  const auto kspace = Hdf5Reader(raw).read<Complex>("kspace");
  Measurement m = pack({"--mask", raw + ":/columns", "--mask-axis", "2"});
  auto data = elements_as<Complex>(m.data);
  CHECK(data[20 + 3] == Complex(0));
  CHECK(data[20 + 4] == kspace[20 + 4]);
  CHECK(std::get<MriSetup>(m.setup).mask[20 + 3] == 0);
  m = pack({"--mask", raw + ":/rows", "--mask-axis", "1"});
  data = elements_as<Complex>(m.data);
  CHECK(data[20 + 4] == Complex(0));
  CHECK(data[4] == kspace[4]);
  m = pack({});
  CHECK(distance(elements_as<Complex>(m.data), kspace) == 0);
  expect_refused(folder,
                 {"pack", "--operator", "mri", "--data", raw + ":/kspace", "--maps", raw + ":/maps",
                  "--mask", raw + ":/rows", "--out", folder / "n.h5"},
                 "(16)");
  expect_refused(
      folder, {"pack", "--operator", "mri", "--data", raw + ":/kspace", "--out", folder / "n.h5"},
      "maps");
  expect_refused(
      folder, {"pack", "--operator", "mri", "--data", raw + ":/sinogram", "--out", folder / "n.h5"},
      "complex");
}

TEST_CASE("pack: one detector row and every second view of a sinogram") {
  const ScratchFolder folder;
  const std::string raw = folder / "raw.h5";
  write_raw_data(raw);
  expect(0, folder,
         {"pack", "--operator", "ct", "--data", raw + ":/sinogram[1]", "--angles",
          raw + ":/angles_rad", "--every", "2", "--centre", "6.5", "--image-size", "12x10",
          "--noise-level", "0.1", "--out", folder / "m.h5"});
  const Measurement m = load_measurement(folder / "m.h5");
  const auto& ct = std::get<CtSetup>(m.setup);
  CHECK(ct.geometry.angles_rad == std::vector<double>{0, 1, 2});
  CHECK(ct.geometry.centre_index() == 6.5);
  CHECK(image_shape(m) == Shape{1, 12, 10});
  const auto sinogram = Hdf5Reader(raw).read<float>("sinogram");
  const auto data = elements_as<float>(m.data);
  REQUIRE(data.shape() == Shape{1, 3, 15});
  CHECK(data[15 + 4] == sinogram[(6 + 2) * 15 + 4]);
  expect_refused(
      folder, {"pack", "--operator", "ct", "--data", raw + ":/sinogram", "--out", folder / "n.h5"},
      "--angles");
  expect_refused(folder,
                 {"pack", "--operator", "ct", "--data", raw + ":/sinogram[1]", "--angles",
                  raw + ":/rows", "--out", folder / "n.h5"},
                 "--angles");
}

TEST_CASE("pack: a picture; its noise level is estimated when it is not known") {
  const ScratchFolder folder;
  Array<float> picture(Shape{1, 64, 64});
  fill_normal(View<float>(picture), Rng(4).stream("noise"));
  for (Index i = 0; i < picture.size(); ++i)
    picture[i] = 0.05f * picture[i] + 0.5f + 0.3f * std::sin(0.05f * static_cast<float>(i % 64));
  write_png(folder / "p.png", picture, 16);
  const auto json = expect(0, folder,
                           {"pack", "--operator", "blur", "--kernel", "gaussian:1", "--data",
                            folder / "p.png", "--out", folder / "m.h5", "--json"})
                        .json();
  CHECK(json["noise_level_estimated"] == true);
  // The median of 1024 moduli has a standard error of about 4 %.
  CHECK(json["noise_level"].get<double>() == doctest::Approx(0.05).epsilon(0.15));
  expect_refused(
      folder, {"pack", "--operator", "blur", "--data", folder / "p.png", "--out", folder / "n.h5"},
      "--kernel");
}

TEST_CASE("a measurement written by h5py is reconstructed") {
  const ScratchFolder folder;
  const std::string foreign = fejer_test::source_folder() + "/tests/command/h5py_blur.h5";
  const auto json =
      expect(0, folder,
             {"reconstruct", foreign, "--prior", "tv", "--out", folder / "x.h5", "--json"})
          .json();
  CHECK(json["status"] == "converged");
  CHECK(Hdf5Reader(folder / "x.h5").read<float>("image").shape() == Shape{24, 20});
}

TEST_CASE("pack: the measured sets") {
  if (!have_data()) return;
  const ScratchFolder folder;
  const std::string brain = data("mri/brain16_96.h5"),
                    brain8 = data("mri/brain8_230x180_undersampled.h5"),
                    tooth = data("ct/tooth_sinogram.h5");
  const std::vector<std::vector<std::string>> sets = {
      {"mri", "--data", brain + ":/kspace", "--maps", brain + ":/maps", "--truth",
       brain + ":/image"},
      {"mri", "--data", brain + ":/kspace", "--maps", brain + ":/maps", "--truth",
       brain + ":/image", "--mask", brain + ":/mask_lines_r4", "--mask-axis", "2"},
      {"mri", "--data", brain + ":/kspace", "--maps", brain + ":/maps", "--truth",
       brain + ":/image", "--mask", brain + ":/mask_2d"},
      {"mri", "--data", brain8 + ":/kspace", "--maps", brain8 + ":/maps", "--mask",
       brain8 + ":/mask"},
      {"ct", "--data", tooth + ":/sinogram[0]", "--angles", tooth + ":/angles_rad", "--centre",
       "295.5", "--every", "3", "--truth", tooth + ":/fbp[0]"}};
  for (const auto& flags : sets) {
    std::vector<std::string> arguments = {"pack", "--out", folder / "m.h5", "--json", "--operator"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const auto json = expect(0, folder, arguments).json();
    CHECK(json["noise_level"].get<double>() > 0);
    CHECK(load_measurement(folder / "m.h5").noise_level == json["noise_level"]);
  }
}
