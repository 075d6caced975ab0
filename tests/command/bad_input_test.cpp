#include <cmath>
#include <fstream>

#include <fejer/hdf5.hpp>
#include <fejer/image_io.hpp>
#include <fejer/operators/measurement.hpp>

#include "models.hpp"
#include "process.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

void make_measurement(const ScratchFolder& folder) {
  expect(0, folder,
         {"simulate", "--operator", "blur", "--image", "phantom:shepp-logan:32", "--noise-level",
          "0.01", "--out", folder / "m.h5"});
}

std::vector<std::string> reconstruction(const ScratchFolder& folder,
                                        const std::vector<std::string>& more = {},
                                        const std::string& file = "m.h5") {
  std::vector<std::string> arguments = {"reconstruct", folder / file, "--out", folder / "x.h5"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

void write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace

TEST_CASE("version and help go to standard output with exit code 0") {
  const ScratchFolder folder;
  CHECK(expect(0, folder, {"--version"}).out.starts_with("fejer "));
  CHECK(expect(0, folder, {"--help"}).out.find("reconstruct") != std::string::npos);
  for (const char* verb :
       {"pack", "simulate", "reconstruct", "denoise", "import", "inspect", "tune"}) {
    const Finished help = expect(0, folder, {verb, "--help"});
    CHECK(help.out.find("Example") != std::string::npos);
    CHECK(help.out.find("--threads") != std::string::npos);
    CHECK(help.out.find("--json") != std::string::npos);
    CHECK(help.err.empty());
  }
}

TEST_CASE("unknown names are refused with the nearest spelling") {
  const ScratchFolder folder;
  make_measurement(folder);
  expect_refused(folder, {}, "no verb");
  expect_refused(folder, {"reconstrct"}, "did you mean reconstruct?");
  expect_refused(folder, reconstruction(folder, {"--prior", "tvv"}), "did you mean tv?");
  expect_refused(folder, reconstruction(folder, {"--piror", "tv"}), "did you mean --prior?");
  expect_refused(folder, reconstruction(folder, {"--prior", "tv", "--algorithm", "fitsa"}),
                 "did you mean fista?");
  expect_refused(folder,
                 {"simulate", "--operator", "blurr", "--image", "phantom:shepp-logan:32",
                  "--noise-level", "0.1", "--out", folder / "x.h5"},
                 "did you mean blur?");
  expect_refused(folder,
                 {"simulate", "--operator", "blur", "--boundary", "reflct", "--image",
                  "phantom:shepp-logan:32", "--noise-level", "0.1", "--out", folder / "x.h5"},
                 "did you mean reflect?");
  expect_refused(folder,
                 {"simulate", "--operator", "blur", "--image", "phantom:shep-logan:32",
                  "--noise-level", "0.1", "--out", folder / "x.h5"},
                 "did you mean shepp-logan?");
  write_ridge(folder / "model.h5", 0);
  expect_refused(
      folder, {"import", folder / "model.h5", "--architecture", "rigde", "--out", folder / "x.h5"},
      "did you mean ridge?");
}

TEST_CASE("noise levels that cannot be meant are refused") {
  const ScratchFolder folder;
  const auto simulate = [&](const std::string& level) {
    return std::vector<std::string>{
        "simulate",      "--operator", "denoise", "--image",      "phantom:shepp-logan:32",
        "--noise-level", level,        "--out",   folder / "x.h5"};
  };
  expect_refused(folder, simulate("25"), "did you mean 25/255?");
  expect_refused(folder, simulate("-0.1"), "negative");
  expect_refused(folder, simulate("nan"), "finite");
  write_ridge(folder / "model.h5", 0);
  const Array<float> picture(Shape{16, 16}, 0.5f);
  write_png(folder / "p.png", picture);
  expect_refused(folder,
                 {"denoise", folder / "p.png", "--model", folder / "model.h5", "--sigma", "25",
                  "--out", folder / "x.png"},
                 "did you mean 25/255?");
}

TEST_CASE("noise of data that are no image may be any number, and so where the unit is stated") {
  const ScratchFolder folder;
  for (const std::string kind : {"ct", "mri"})
    expect(0, folder,
           {"simulate", "--operator", kind, "--image", "phantom:shepp-logan:32", "--noise-level",
            "2", "--out", folder / "x.h5"});
  const Array<float> picture(Shape{16, 16}, 0.5f);
  write_png(folder / "p.png", picture);
  const auto json = expect(0, folder,
                           {"pack", "--operator", "denoise", "--data", folder / "p.png", "--scale",
                            "255", "--noise-level", "25", "--out", folder / "x.h5", "--json"})
                        .json();
  CHECK(json["noise_level"] == 25);
}

TEST_CASE("an output that is also an input is refused, and the input kept") {
  const ScratchFolder folder;
  make_measurement(folder);
  write_ridge(folder / "model.h5", 0);
  const std::string m = folder / "m.h5", before = contents(m);
  const auto refused = [&](const std::vector<std::string>& arguments) {
    const Finished run = Process(folder, arguments).wait();
    CHECK(run.code == 2);
    CHECK_MESSAGE(run.err.find("is also an input") != std::string::npos, run.err);
    CHECK(contents(m) == before);
  };
  refused({"reconstruct", m, "--prior", "tv", "--out", m});
  refused({"reconstruct", m, "--prior", "tv", "--out", folder / "./m.h5"});
  refused({"reconstruct", m, "--prior", "tv", "--state", m, "--out", folder / "x.h5"});
  refused(
      {"reconstruct", m, "--prior", "tv", "--state", folder / "s.h5", "--out", folder / "s.h5"});
  refused({"denoise", m + ":/truth", "--model", folder / "model.h5", "--sigma", "0.1", "--out", m});
  refused({"import", folder / "model.h5", "--architecture", "ridge", "--out", folder / "model.h5"});
  refused({"simulate", "--operator", "denoise", "--image", m + ":/truth", "--noise-level", "0.1",
           "--out", m});
  refused({"pack", "--operator", "denoise", "--data", m + ":/truth", "--out", m});
}

TEST_CASE("geometries, seeds and kernels that make no sense are refused by the flag's name") {
  const ScratchFolder folder;
  const auto refused = [&](const std::vector<std::string>& more, const std::string& part) {
    std::vector<std::string> all = {"simulate",      "--image", "phantom:shepp-logan:32",
                                    "--noise-level", "0.1",     "--out",
                                    folder / "x.h5"};
    all.insert(all.end(), more.begin(), more.end());
    expect_refused(folder, all, part);
  };
  for (const std::string pitch : {"0", "-1", "nan", "1e-300"})
    refused({"--operator", "ct", "--pitch", pitch}, "--pitch: got ");
  for (const std::string count : {"0", "99999999999"})
    refused({"--operator", "ct", "--detectors", count}, "--detectors: got ");
  refused({"--operator", "ct", "--angle-range", "0"}, "--angle-range: got 0");
  refused({"--operator", "mri", "--coils", "1000000000"}, "--coils: got ");
  refused({"--operator", "denoise", "--seed", "99999999999999999999"}, "--seed: got ");
  {
    Hdf5Writer file(folder / "k.h5");
    file.write("k", Array<double>(Shape{3, 3}));
    file.commit();
  }
  refused({"--operator", "blur", "--kernel", folder / "k.h5:/k"}, "is zero everywhere");
}

TEST_CASE("missing, damaged, foreign and newer files are refused") {
  const ScratchFolder folder;
  make_measurement(folder);
  const auto refused = [&](const std::string& file, const std::string& part) {
    expect_refused(folder, reconstruction(folder, {"--prior", "tv"}, file), part);
    expect_refused(folder, {"inspect", folder / file}, file);
  };
  const std::string whole = contents(folder / "m.h5");
  refused("absent.h5", "no such file");
  write(folder / "cut.h5", whole.substr(0, whole.size() / 2));
  refused("cut.h5", "cut.h5");
  std::string flipped = whole;
  flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 1);
  write(folder / "flipped.h5", flipped);
  refused("flipped.h5", "flipped.h5");
  write(folder / "text.h5", "this is no HDF5 file");
  refused("text.h5", "text.h5");
  {
    Hdf5Writer file(folder / "foreign.h5");
    file.write("kspace", Array<float>(Shape{8, 8}, 1));
    file.commit();
  }
  expect_refused(folder, reconstruction(folder, {"--prior", "tv"}, "foreign.h5"),
                 "fejer-measurement");
  {
    Hdf5Writer file(folder / "newer.h5");
    file.format("fejer-measurement", 99);
    file.commit();
  }
  refused("newer.h5", "newer");
  // The same of models.
  write_ridge(folder / "model.h5", 0);
  const Array<float> picture(Shape{16, 16}, 0.5f);
  write_png(folder / "noisy.png", picture);
  const std::string model = contents(folder / "model.h5");
  std::string changed = model;
  changed[changed.size() / 2] = static_cast<char>(changed[changed.size() / 2] ^ 1);
  write(folder / "cut_model.h5", model.substr(0, model.size() / 2));
  write(folder / "changed_model.h5", changed);
  {
    Hdf5Writer file(folder / "newer_model.h5");
    file.format("fejer-model", 99);
    file.commit();
  }
  for (const std::string file : {"absent.h5", "cut_model.h5", "changed_model.h5", "newer_model.h5",
                                 "text.h5", "foreign.h5", "m.h5"})
    expect_refused(folder,
                   {"denoise", folder / "noisy.png", "--model", folder / file, "--sigma", "0.1",
                    "--out", folder / "x.png"},
                   file);
  write(folder / "p.png", "\x89PNG\r\n\x1a\n broken");
  expect_refused(folder,
                 {"simulate", "--operator", "denoise", "--image", folder / "p.png", "--noise-level",
                  "0.1", "--out", folder / "x.h5"},
                 "p.png");
  expect_refused(folder, reconstruction(folder, {"--prior", "model", "--model", folder / "m.h5"}),
                 "fejer-model");
}

TEST_CASE("wrong shapes and pixels that are not finite are refused") {
  const ScratchFolder folder;
  make_measurement(folder);
  Array<float> pixels(Shape{32, 32}, 0.5f);
  {
    Hdf5Writer file(folder / "images.h5");
    file.write("small", Array<float>(Shape{16, 16}, 0.5f));
    pixels[7] = std::nanf("");
    file.write("nan", pixels);
    file.write("stack", Array<float>(Shape{4, 8, 8}));
    file.commit();
  }
  expect_refused(folder,
                 reconstruction(folder, {"--prior", "tv", "--truth", folder / "images.h5:/small"}),
                 "(1,16,16)");
  expect_refused(folder,
                 reconstruction(folder, {"--prior", "tv", "--init", folder / "images.h5:/small"}),
                 "(1,16,16)");
  expect_refused(folder,
                 reconstruction(folder, {"--prior", "tv", "--truth", folder / "images.h5:/nan"}),
                 "not finite");
  expect_refused(folder,
                 reconstruction(folder, {"--prior", "tv", "--truth", folder / "images.h5:/nun"}),
                 "did you mean");
  const auto simulate = [&](const std::string& image) {
    return std::vector<std::string>{"simulate", "--operator",   "denoise",
                                    "--image",  folder / image, "--noise-level",
                                    "0.1",      "--out",        folder / "x.h5"};
  };
  expect_refused(folder, simulate("images.h5:/nan"), "not finite");
  expect_refused(folder, simulate("images.h5:/stack"), "[0]");
  expect_refused(folder, simulate("images.h5:/stack[4]"), "outside");
  expect_refused(folder, simulate("images.h5"), "name the dataset");
}

TEST_CASE("places that cannot be written to are refused before the work") {
  const ScratchFolder folder;
  make_measurement(folder);
  expect_refused(folder,
                 {"reconstruct", folder / "m.h5", "--prior", "tv", "--out", folder / "absent/x.h5"},
                 "absent");
  expect_refused(folder,
                 {"reconstruct", folder / "m.h5", "--prior", "tv", "--out", folder / "x.tiff"},
                 ".png");
  expect_refused(folder,
                 {"simulate", "--operator", "denoise", "--image", "phantom:shepp-logan:32",
                  "--noise-level", "0.1", "--out", "/proc/x.h5"},
                 "/proc/x.h5");
  expect_refused(folder, reconstruction(folder, {"--prior", "tv", "--report", folder / "m.h5"}),
                 "folder");
  expect_refused(folder,
                 reconstruction(folder, {"--prior", "tv", "--state", folder / "absent/s.h5"}),
                 "absent");
  expect_refused(folder,
                 reconstruction(folder, {"--prior", "tv", "--state", folder / "s.h5", "--resume"}),
                 "no such file");
}

TEST_CASE("flags that make no sense together are refused") {
  const ScratchFolder folder;
  make_measurement(folder);
  write_ridge(folder / "weak.h5", 0.5);
  write_cnn(folder / "cnn.h5", 1.5);
  const auto refused = [&](const std::vector<std::string>& flags, const std::string& part) {
    expect_refused(folder, reconstruction(folder, flags), part);
  };
  refused({"--prior", "pnp"}, "--model");
  refused({"--prior", "tv", "--model", folder / "weak.h5"}, "--model");
  refused({"--prior", "none", "--lambda", "1"}, "--lambda");
  refused({"--prior", "tv", "--lambda", "-1"}, "--lambda");
  refused({"--prior", "tv", "--lambda", "0"}, "--lambda");
  refused({"--prior", "tv", "--algorithm", "cg"}, "cg");
  refused({"--prior", "tv", "--algorithm", "pnp-fbs"}, "pnp");
  refused({"--prior", "none", "--positivity", "--algorithm", "cg"}, "cg");
  refused({"--prior", "tv", "--resume"}, "--state");
  refused({"--prior", "tv", "--scale", "0"}, "--scale");
  refused({"--prior", "tv", "--max-iterations", "1.5"}, "--max-iterations");
  refused({"--prior", "tv", "--tolerance", "-1"}, "--tolerance");
  refused({"--prior", "tv", "--threads", "-1"}, "--threads");
  refused({"--prior", "tv", "--threads", "two"}, "--threads");
  refused({"--prior", "model", "--model", folder / "weak.h5", "--algorithm", "fista"},
          "not convex");
  refused({"--prior", "pnp", "--model", folder / "cnn.h5"}, "--certify");
  refused({"--prior", "pnp", "--model", folder / "weak.h5"}, "certif");
  refused({"--prior", "pnp", "--model", folder / "cnn.h5", "--certify", "--lambda", "2"}, "(0,1]");
  refused({"--prior", "pnp", "--model", folder / "cnn.h5", "--certify", "--sigma", "0.2"},
          "trained for");
  refused({"--prior", "model", "--model", folder / "cnn.h5"}, "regulariser");
  expect_refused(folder,
                 {"simulate", "--operator", "denoise", "--keep", "0.5", "--image",
                  "phantom:shepp-logan:32", "--noise-level", "0.1", "--out", folder / "x.h5"},
                 "--keep");
}
