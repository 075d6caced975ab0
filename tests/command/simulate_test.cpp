#include <cmath>

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
