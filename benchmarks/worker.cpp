// One side of the comparison, told over standard input what to do, one line a command:
//   list                  all rows
//   prepare ROW [FOLDER]  makes the inputs, and writes them to FOLDER for the other sides
//   run N                 runs the prepared row N times: CPU and wall seconds of one
//   save NAME             writes its result to FOLDER/NAME.npy (of several: NAME-1.npy, ... too)
//   memory                runs it once: bytes by which memory grew beyond what `prepare` took
// The answer is one line of JSON on standard output; {"error": "..."} where something went wrong.
#include <malloc.h>

#include <chrono>
#include <ctime>
#include <fstream>
#include <iostream>
#include <sstream>

#include <fejer/error.hpp>
#include <fejer/models/convolution.hpp>
#include <fejer/parallel.hpp>
#include <fejer/version.hpp>
#include <nlohmann/json.hpp>

#include "row.hpp"

namespace fejer::benchmarks {
namespace {

using Json = nlohmann::json;

std::vector<Row> all_rows() {
  std::vector<Row> rows;
  add_machine_rows(rows);
  add_ridge_rows(rows);
  add_training_rows(rows);
  add_denoising_rows(rows);
  add_spline_rows(rows);
  add_convolution_rows(rows);
  add_fourier_rows(rows);
  add_mri_rows(rows);
  add_tomography_rows(rows);
  return rows;
}

Json describe(const Row& row) {
  Json opponents = Json::array();
  for (const auto& o : row.opponents)
    opponents.push_back({{"side", o.side}, {"goal", o.goal}, {"goal_of_two", o.goal_of_two}});
  return {{"name", row.name},           {"what", row.what},      {"opponents", opponents},
          {"tolerance", row.tolerance}, {"units", row.units},    {"operations", row.operations},
          {"bytes", row.bytes},         {"scales", row.scales},  {"memory", row.memory},
          {"once", row.once},           {"missing", row.missing}};
}

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Bytes of a line "KEY: n kB" of /proc/self/status.
double status_bytes(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(key + ":")) return 1024 * std::stod(line.substr(key.size() + 1));
  throw Error("benchmarks: /proc/self/status has no " + key);
}

class Worker {
 public:
  Worker(std::string side, Setting setting) : side_(std::move(side)), setting_(std::move(setting)) {
    if (side_ != "fejer" && side_ != "fftw" && side_ != "peak")
      throw ArgumentError("benchmarks: side is \"" + side_ + "\", expected fejer, fftw or peak");
  }

  Json answer(const std::string& line) {
    std::istringstream words(line);
    std::string command, argument, folder;
    words >> command >> argument >> std::ws;
    std::getline(words, folder);  // may have blanks
    if (command == "list") return list();
    if (command == "prepare") return prepare(argument, folder);
    if (command == "run") return run(std::stol(argument));
    if (command == "save") return save(argument);
    if (command == "memory") return memory();
    throw ArgumentError("benchmarks: unknown command \"" + command + "\"");
  }

 private:
  Json list() const {
    Json rows = Json::array();
    for (const auto& row : rows_) rows.push_back(describe(row));
    return {{"rows", rows},
            {"version", version()},
            {"build", build_description()},
            {"kernels", kernel_name()}};
  }

  Json prepare(const std::string& name, const std::string& folder) {
    call_ = {};
    for (const auto& row : rows_) {
      if (row.name != name) continue;
      setting_.files = Exchange(folder);
      if (side_ == "peak") {
        const double operations = row.operations;
        call_.run = [operations] { multiply_add_loop(operations); };
      } else {
        const auto& make = side_ == "fftw" ? row.fftw : row.ours;
        if (!make) throw ArgumentError("benchmarks: " + side_ + " has no row " + name);
        call_ = make(setting_);
      }
      return {{"remark", call_.remark}};
    }
    throw ArgumentError("benchmarks: there is no row " + name);
  }

  Json run(long times) {
    if (!call_.run) throw ArgumentError("benchmarks: run before prepare");
    const auto start = std::chrono::steady_clock::now();
    const double cpu = cpu_seconds();
    for (long i = 0; i < times; ++i) call_.run();
    const double used = cpu_seconds() - cpu;
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
    const auto n = static_cast<double>(times);
    const auto notes = call_.notes ? call_.notes() : Notes{};
    return {{"cpu", used / n}, {"wall", passed.count() / n}, {"notes", notes}};
  }

  Json save(const std::string& name) const {
    if (call_.save) call_.save(name);
    return {{"saved", call_.save ? call_.results : 0}};
  }

  Json memory() {
    malloc_trim(0);
    if (!(std::ofstream("/proc/self/clear_refs") << "5" << std::flush))
      throw Error("benchmarks: cannot reset the peak of memory in /proc/self/clear_refs");
    const double before = status_bytes("VmRSS");
    call_.run();
    return {{"bytes", status_bytes("VmHWM") - before}};
  }

  std::vector<Row> rows_ = all_rows();
  std::string side_;
  Setting setting_;
  Call call_;
};

}  // namespace
}  // namespace fejer::benchmarks

int main(int argc, char** argv) {
  using fejer::benchmarks::Worker;
  if (argc != 6) {
    std::cerr << "usage: fejer_benchmarks SIDE THREADS PHOTO DATA CACHE (see worker.cpp)\n";
    return 2;
  }
  try {
    const fejer::ScopedThreads threads(std::stoi(argv[2]));
    Worker worker(argv[1], {.photo = argv[3], .data = argv[4], .cache = argv[5]});
    for (std::string line; std::getline(std::cin, line);) {
      nlohmann::json answer;
      try {
        answer = worker.answer(line);
      } catch (const std::exception& e) {
        answer = {{"error", e.what()}};
      }
      std::cout << answer.dump() << std::endl;
    }
  } catch (const std::exception& e) {
    std::cerr << e.what() << "\n";
    return 2;
  }
  return 0;
}
