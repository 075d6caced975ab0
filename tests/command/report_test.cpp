#include <algorithm>

#include <fejer/files.hpp>
#include <fejer/image_io.hpp>

#include "process.hpp"

using namespace fejer;
using namespace fejer_test;

TEST_CASE("--report leaves pictures, plots and records") {
  const ScratchFolder folder;
  const std::vector<std::pair<std::string, std::string>> kinds = {
      {"blur", "measurement"}, {"mri", "zero-filled"}, {"ct", "fbp"}};
  for (const auto& entry : kinds) {
    const std::string &kind = entry.first, &start = entry.second;
    CAPTURE(kind);
    expect(0, folder,
           {"simulate", "--operator", kind, "--image", "phantom:shepp-logan:40", "--noise-level",
            "0.02", "--seed", "9", "--out", folder / "m.h5"});
    const std::string report = folder / ("report_" + kind);
    const auto json = expect(0, folder,
                             {"reconstruct", folder / "m.h5", "--prior", "tv", "--out",
                              folder / "x.png", "--report", report, "--json"})
                          .json();
    for (const std::string& name : {std::string("truth"), start, std::string("reconstruction")}) {
      const Array<float> picture = read_image(report + "/" + name + ".png");
      CHECK(picture.shape() == Shape{1, 40, 40});
      CHECK(*std::max_element(picture.begin(), picture.end()) > 0.3f);
    }
    for (const char* name : {"error", "overview", "convergence"}) {
      const Array<float> picture = read_image(report + "/" + name + ".png");
      CHECK(picture.shape()[0] == 3);
      CHECK(picture.shape()[2] > 240);
    }
    const auto record = nlohmann::json::parse(contents(report + "/run.json"));
    for (const char* key :
         {"version", "compiler", "flags", "threads", "seed", "seconds", "options", "inputs"})
      CHECK_MESSAGE(record.contains(key), key);
    CHECK(record["seed"] == 9);
    CHECK(record["psnr"] == json["psnr"]);
    CHECK(record["inputs"]["measurement"]["sha256"] == sha256_of_file(folder / "m.h5"));
    const std::string csv = contents(report + "/metrics.csv");
    CHECK(csv.starts_with("iteration,residual,objective,psnr,seconds\n1,"));
    CHECK(std::count(csv.begin(), csv.end(), '\n') == json["iterations"].get<int>() + 1);
  }
}
