#pragma once
/// Runs the built command as a user does, in a scratch folder.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "data.hpp"

namespace fejer_test {

struct Finished {
  int code = -1;
  std::string out, err;
  nlohmann::json json() const { return nlohmann::json::parse(out); }
};

inline std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// A child process whose output lands in files of the scratch folder.
class Process {
 public:
  Process(const ScratchFolder& folder, std::vector<std::string> arguments)
      : out_(folder / ".stdout"), err_(folder / ".stderr") {
    arguments.insert(arguments.begin(), command_file());
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    constexpr int flags = O_WRONLY | O_CREAT | O_TRUNC;
    posix_spawn_file_actions_addopen(&actions, 1, out_.c_str(), flags, 0600);
    posix_spawn_file_actions_addopen(&actions, 2, err_.c_str(), flags, 0600);
    const int error = posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    REQUIRE(error == 0);
  }
  void send(int signal) const { kill(pid_, signal); }
  void interrupt() const { send(SIGINT); }
  bool running() {
    if (!ended_) ended_ = waitpid(pid_, &status_, WNOHANG) == pid_;
    return !ended_;
  }
  Finished wait() {
    if (!ended_) waitpid(pid_, &status_, 0);
    ended_ = true;
    Finished finished;
    finished.code = WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
    finished.out = contents(out_);
    finished.err = contents(err_);
    return finished;
  }

 private:
  std::string out_, err_;
  pid_t pid_ = -1;
  int status_ = 0;
  bool ended_ = false;
};

inline Finished fejer_command(const ScratchFolder& folder, std::vector<std::string> arguments) {
  return Process(folder, std::move(arguments)).wait();
}

inline std::string joined(const std::vector<std::string>& parts) {
  std::string all = "fejer";
  for (const std::string& part : parts) all.append(" ").append(part);
  return all;
}

/// Runs and requires the exit code.
inline Finished expect(int code, const ScratchFolder& folder,
                       const std::vector<std::string>& arguments) {
  Finished finished = fejer_command(folder, arguments);
  REQUIRE_MESSAGE(finished.code == code, joined(arguments) << "\n" << finished.out << finished.err);
  return finished;
}

/// Exit code 2, nothing on standard output, one line on standard error that has `part`, and the
/// folder holds no other files than before.
inline void expect_refused(const ScratchFolder& folder, const std::vector<std::string>& arguments,
                           const std::string& part) {
  const auto files = [&] {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path()))
      if (const std::string name = entry.path().filename().string();
          name != ".stdout" && name != ".stderr")
        names.push_back(entry.path().string());
    std::sort(names.begin(), names.end());
    return names;
  };
  const auto before = files();
  const Finished finished = fejer_command(folder, arguments);
  INFO(joined(arguments), "\nstdout: ", finished.out, "\nstderr: ", finished.err);
  CHECK(finished.code == 2);
  CHECK(finished.out.empty());
  CHECK(std::count(finished.err.begin(), finished.err.end(), '\n') == 1);
  CHECK(finished.err.starts_with("fejer"));
  CHECK(finished.err.find(part) != std::string::npos);
  CHECK(files() == before);
}

}  // namespace fejer_test
