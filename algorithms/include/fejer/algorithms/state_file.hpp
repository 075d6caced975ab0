#pragma once
/// The state of a run as a file: format "fejer-state". Resuming gives the bits of an uninterrupted
/// run.
#include <cstdint>
#include <string>
#include <vector>

#include <fejer/array.hpp>
#include <fejer/hdf5.hpp>

namespace fejer {

struct Iteration;

/// Writes and reads what every state file holds beside the state proper.
void write_state_header(Hdf5Writer& file, const std::string& algorithm,
                        const std::string& fingerprint, double first_objective,
                        const std::vector<Iteration>& history);
/// Throws FormatError where algorithm or fingerprint differ: the state of another problem.
void read_state_header(const Hdf5Reader& file, const std::string& algorithm,
                       const std::string& fingerprint, double& first_objective,
                       std::vector<Iteration>& history);

struct StateWriter {
  Hdf5Writer& file;
  template <class X>
  void operator()(const char* name, Array<X>& value) {
    file.write(std::string("state/") + name, value);
  }
  void operator()(const char* name, double& value) { file.attribute("state", name, value); }
  void operator()(const char* name, Index& value) {
    file.attribute("state", name, static_cast<std::int64_t>(value));
  }
};

struct StateReader {
  const Hdf5Reader& file;
  template <class X>
  void operator()(const char* name, Array<X>& value) {
    value = file.read<X>(std::string("state/") + name, value.shape());
  }
  void operator()(const char* name, double& value) { value = file.real_attribute("state", name); }
  void operator()(const char* name, Index& value) {
    value = static_cast<Index>(file.integer_attribute("state", name));
  }
};

template <class State>
void save_state(const std::string& path, const std::string& algorithm,
                const std::string& fingerprint, State& state, double first_objective,
                const std::vector<Iteration>& history) {
  Hdf5Writer file(path);
  write_state_header(file, algorithm, fingerprint, first_objective, history);
  file.group("state");
  state.visit(StateWriter{file});
  file.commit();
}

/// The state must already have its shapes (from init).
template <class State>
void load_state(const std::string& path, const std::string& algorithm,
                const std::string& fingerprint, State& state, double& first_objective,
                std::vector<Iteration>& history) {
  const Hdf5Reader file(path);
  read_state_header(file, algorithm, fingerprint, first_objective, history);
  state.visit(StateReader{file});
}

}  // namespace fejer
