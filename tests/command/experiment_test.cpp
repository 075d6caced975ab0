#include "process.hpp"

using namespace fejer_test;

TEST_CASE("experiment: each that is listed runs with --smoke and leaves a report and a record") {
  const ScratchFolder folder;
  const auto list = expect(0, folder, {"experiment", "list", "--json"}).json();
  REQUIRE(list.size() > 3);
  if (!have_data()) return;
  for (const auto& e : list) {
    const std::string name = e["name"], out = folder / name;
    // Below, since they need no data.
    if (name.starts_with("equilibrium_") || name == "ialm_synthetic") continue;
    CAPTURE(name);
    expect(0, folder, {"experiment", "run", name, "--smoke", "--out", out});
    CHECK(contents(out + "/report.md").starts_with("# "));
    const auto record = nlohmann::json::parse(contents(out + "/record.json"));
    CHECK(record["smoke"] == true);
    if (name != "ialm_mnist" && name != "ialm_fashion_mnist")  // their pictures are fetched
      CHECK_FALSE(record.contains("skipped"));
  }
}

TEST_CASE("experiment: unknown names and settings are refused, with the nearest spelling") {
  const ScratchFolder folder;
  const auto refused = [&](const std::vector<std::string>& arguments, const std::string& part) {
    const Finished run = Process(folder, arguments).wait();
    CHECK(run.code == 2);
    CHECK(run.err.find(part) != std::string::npos);
  };
  refused({"experiment", "run", "denoisin", "--out", folder / "x"}, "did you mean denoising?");
  refused({"experiment", "run", "trained_ridges", "--set", "model=wcrr", "--out", folder / "x"},
          "did you mean models?");
}

TEST_CASE("experiment ialm_synthetic: what its record holds of method and Adam") {
  const ScratchFolder folder;
  const auto record =
      expect(0, folder,
             {"experiment", "run", "ialm_synthetic", "--smoke", "--out", folder / "out", "--json"})
          .json();
  CHECK(record["smoke"] == true);
  CHECK(contents(folder / "out/report.md").starts_with("# "));
  CHECK(nlohmann::json::parse(contents(folder / "out/record.json")) == record);
  for (const char* way : {"ialm", "adam"}) {
    CAPTURE(way);
    REQUIRE(record.contains(way));
    const double objective = record[way].at("objective");
    CHECK(objective > 0);
    CHECK(objective < record["cases"][0]["start_objective"].get<double>());
  }
  const auto& ialm = record["ialm"];
  CHECK(ialm.at("feasibility").get<double>() >= 0);
  CHECK(ialm.at("feasibility").get<double>() < 1);
  CHECK(ialm.at("kkt_residual").get<double>() >= 0);
  REQUIRE(ialm.at("zero_columns").size() == 2);  // 20-20-1 has two layers
  for (const auto& share : ialm["zero_columns"]) {
    CHECK(share.get<double>() >= 0);
    CHECK(share.get<double>() <= 1);
  }
}

TEST_CASE("experiments on equilibria: every check passes") {
  const ScratchFolder folder;
  for (const std::string name : {"equilibrium_closed_form", "equilibrium_learning"}) {
    CAPTURE(name);
    const auto record =
        expect(0, folder, {"experiment", "run", name, "--smoke", "--out", folder / name, "--json"})
            .json();
    CHECK(record["smoke"] == true);
    CHECK(record["checks"].size() > 100);
    for (const auto& check : record["checks"]) CHECK_MESSAGE(check["pass"] == true, check.dump());
    const std::string report = contents(folder / name + "/report.md");
    CHECK(report.starts_with("# "));
    CHECK(report.find("0 failed") != std::string::npos);
  }
}
