#include <cmath>

#include <fejer/hdf5.hpp>
#include <fejer/image_io.hpp>
#include <fejer/operators/measurement.hpp>
#include <fejer/vector.hpp>

#include "process.hpp"

using namespace fejer;
using namespace fejer_test;
using Complex = std::complex<float>;

namespace {

/// Deviation of data - A truth, over the measured components.
template <class X>
double noise_of(const Measurement& m, double components) {
  const auto clean = make_operator<X>(m).apply(elements_as<X>(*m.truth));
  return distance(elements_as<X>(m.data), clean) / std::sqrt(components);
}

}  // namespace

TEST_CASE("simulate: every operator, with the noise that was asked for") {
  const ScratchFolder folder;
  const auto simulate = [&](const std::string& kind, const std::vector<std::string>& flags) {
    std::vector<std::string> arguments = {
        "simulate", "--operator", kind, "--image", "phantom:shepp-logan:64", "--noise-level",
        "0.02",     "--seed",     "5",  "--out",   folder / "m.h5",          "--json"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const auto json = expect(0, folder, arguments).json();
    CHECK(json["operator"] == kind);
    CHECK(json["noise_level"] == 0.02);
    CHECK(json["seed"] == 5);
    return load_measurement(folder / "m.h5");
  };
  // 64^2 normal numbers: their deviation is within 4 % of 0.02 at 3.6 standard errors.
  const auto near = [](double value) { return doctest::Approx(value).epsilon(0.04); };
  Measurement m = simulate("denoise", {});
  CHECK(noise_of<float>(m, 64 * 64) == near(0.02));
  CHECK(m.seed == 5);
  m = simulate("blur", {"--kernel", "gaussian:1.2", "--boundary", "reflect"});
  CHECK(noise_of<float>(m, 64 * 64) == near(0.02));
  CHECK(std::get<BlurSetup>(m.setup).boundary == Boundary::reflect);
  m = simulate("inpaint", {"--keep", "0.7"});
  const Array<float> mask = std::get<InpaintSetup>(m.setup).mask;
  CHECK(dot(mask, mask) == doctest::Approx(0.7 * 64 * 64).epsilon(0.05));
  CHECK(noise_of<float>(m, dot(mask, mask)) == near(0.02));
  m = simulate("mri", {"--acceleration", "2", "--center-fraction", "0.1", "--coils", "3"});
  const Array<float> sampled = std::get<MriSetup>(m.setup).mask;
  CHECK(noise_of<Complex>(m, 2 * 3 * dot(sampled, sampled)) == near(0.02));
  m = simulate("ct", {"--angles", "30", "--geometry", "fan", "--source-distance", "200",
                      "--detector-distance", "50"});
  CHECK(std::get<CtSetup>(m.setup).geometry.angles_rad.size() == 30);
  CHECK(noise_of<float>(m, static_cast<double>(elements_as<float>(m.data).size())) == near(0.02));
}

TEST_CASE("simulate: a kernel and a noise level for each colour, read back by reconstruct") {
  const ScratchFolder folder;
  Array<float> picture(Shape{3, 48, 40});
  for (Index i = 0; i < picture.size(); ++i) picture[i] = static_cast<float>(i % 37) / 37;
  write_png(folder / "p.png", picture);
  Hdf5Writer kernels(folder / "k.h5");
  Array<double> lines(Shape{3, 3, 3});
  for (Index i = 0; i < 3; ++i)
    lines[1 + 3 * i] = lines[9 + 3 + i] = lines[18 + 4 * i] =
        1.0 / 3;  // a column, a row, a diagonal
  kernels.write("h", lines);
  kernels.commit();
  const std::vector<std::string> flags = {
      "simulate",      "--operator",       "blur",    "--boundary",     "reflect",
      "--kernel",      folder / "k.h5:/h", "--image", folder / "p.png", "--out",
      folder / "m.h5", "--noise-level"};
  const auto with = [&](const std::string& level, const std::vector<std::string>& more) {
    std::vector<std::string> all = flags;
    all.push_back(level);
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  expect(0, folder, with("0.1,0.05,0.02", {"--colour"}));
  const Measurement m = load_measurement(folder / "m.h5");
  CHECK(m.channel_noise == std::vector<double>{0.1, 0.05, 0.02});
  const auto clean = make_operator<float>(m).apply(elements_as<float>(*m.truth));
  const auto data = elements_as<float>(m.data);
  for (Index c = 0; c < 3; ++c)  // 1920 numbers: five standard errors are 8 %
    CHECK(distance<float>(data.slice(c), clean.slice(c)) / std::sqrt(1920.0) ==
          doctest::Approx(m.channel_noise[static_cast<std::size_t>(c)]).epsilon(0.08));
  const auto found = expect(0, folder, {"inspect", folder / "m.h5", "--json"}).json();
  CHECK(found["noise_levels"][1] == 0.05);
  expect(0, folder,
         {"reconstruct", folder / "m.h5", "--prior", "tv", "--out", folder / "x.png", "--json"});
  const auto refused = [&](const std::vector<std::string>& arguments, const char* what) {
    const auto result = expect(2, folder, arguments);
    CHECK_MESSAGE(result.err.find(what) != std::string::npos, result.err);
  };
  refused(with("0.1,0.05", {"--colour"}), "got 2 levels, expected one, or 3");
  refused(with("0.1,,0.05", {"--colour"}), "--noise-level");
  refused(with("0.1", {}), "(1, rows, columns)");  // luma has one channel
}

TEST_CASE("simulate: a seed gives the same bits, another seed another draw") {
  const ScratchFolder folder;
  const auto data = [&](const char* seed, const char* threads) {
    expect(0, folder,
           {"simulate", "--operator", "mri", "--image", "phantom:shepp-logan:33", "--noise-level",
            "0.1", "--seed", seed, "--threads", threads, "--out", folder / "m.h5"});
    return elements_as<Complex>(load_measurement(folder / "m.h5").data);
  };
  const auto a = data("1", "1"), b = data("1", "4"), c = data("2", "1");
  CHECK(distance(a, b) == 0);
  CHECK(distance(a, c) > 0);
}

TEST_CASE("simulate: a share of the largest datum as noise level, a window of the image") {
  const ScratchFolder folder;
  const auto json = expect(0, folder,
                           {"simulate", "--operator", "ct", "--angles", "10", "--image",
                            "phantom:shepp-logan:64", "--shrink", "2", "--crop", "2,3,20,24",
                            "--noise-level", "1%", "--out", folder / "m.h5", "--json"})
                        .json();
  const Measurement m = load_measurement(folder / "m.h5");
  CHECK(image_shape(m) == Shape{1, 20, 24});
  const auto clean = make_operator<float>(m).apply(elements_as<float>(*m.truth));
  CHECK(m.noise_level == doctest::Approx(0.01 * max_abs(ConstView<float>(clean))));
  CHECK(json["noise_level"] == doctest::Approx(m.noise_level));
}
