#include <thread>

#include "models.hpp"
#include "process.hpp"

using namespace fejer_test;

namespace {

std::vector<std::string> arguments(const ScratchFolder& folder, const std::string& out,
                                   const std::string& state, const char* threads) {
  return {"reconstruct",      folder / "m.h5", "--prior",   "tv",   "--tolerance", "0",
          "--max-iterations", "600",           "--lambda",  "0.02", "--out",       folder / out,
          "--state",          folder / state,  "--threads", threads};
}

}  // namespace

TEST_CASE("Ctrl-C leaves no result, exit code 130 and a state from which the same bits follow") {
  const ScratchFolder folder;
  expect(0, folder,
         {"simulate", "--operator", "blur", "--image", "phantom:shepp-logan:64", "--noise-level",
          "0.02", "--out", folder / "m.h5"});
  Process process(folder, arguments(folder, "x.h5", "s.h5", "1"));
  // The state is first saved after 100 iterations: the run is then surely under way.
  while (process.running() && !std::filesystem::exists(folder / "s.h5"))
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  process.interrupt();
  const Finished stopped = process.wait();
  REQUIRE_MESSAGE(stopped.code == 130, stopped.err);
  CHECK(stopped.out.empty());
  CHECK(stopped.err.find("--resume") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(folder / "x.h5"));

  auto resume = arguments(folder, "x.h5", "s.h5", "2");
  resume.push_back("--resume");
  expect(3, folder, resume);  // tolerance 0 is never reached
  expect(3, folder, arguments(folder, "straight.h5", "t.h5", "1"));
  CHECK(contents(folder / "x.h5") == contents(folder / "straight.h5"));
}

TEST_CASE("a state is resumed only by the problem that it belongs to") {
  const ScratchFolder folder;
  expect(0, folder,
         {"simulate", "--operator", "blur", "--image", "phantom:shepp-logan:32", "--noise-level",
          "0.02", "--out", folder / "m.h5"});
  const std::vector<std::string> run = {
      "reconstruct", folder / "m.h5", "--prior",       "tv",    "--max-iterations",
      "5",           "--state",       folder / "s.h5", "--out", folder / "x.h5"};
  expect(3, folder, run);
  std::filesystem::remove(folder / "x.h5");
  auto other = run;
  other.insert(other.end(), {"--resume", "--lambda", "0.5"});
  expect_refused(folder, other, "s.h5");
  auto more = run;
  more[5] = std::string("9");
  more.push_back("--resume");
  expect(3, folder, more);
}

TEST_CASE("Ctrl-C without a state file writes nothing") {
  const ScratchFolder folder;
  expect(0, folder,
         {"simulate", "--operator", "blur", "--image", "phantom:shepp-logan:64", "--noise-level",
          "0.02", "--out", folder / "m.h5"});
  Process process(folder, {"reconstruct", folder / "m.h5", "--prior", "tv", "--tolerance", "0",
                           "--max-iterations", "100000000", "--out", folder / "x.h5", "--report",
                           folder / "report"});
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  REQUIRE(process.running());
  process.interrupt();
  CHECK(process.wait().code == 130);
  CHECK_FALSE(std::filesystem::exists(folder / "x.h5"));
  CHECK_FALSE(std::filesystem::exists(folder / "report"));
}
