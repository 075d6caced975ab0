#pragma once
/// Training in several processes: mpirun -n 2 fejer train …, where built with FEJER_MPI.
#include <fejer/models/training/trainer.hpp>

namespace fejer::command {

/// This process among those that mpirun started; alone without mpirun or FEJER_MPI. While it lives
/// messages can be exchanged. A process that ends by an exception leaves without a word, and mpirun
/// then ends the others.
class ProcessGroup {
 public:
  ProcessGroup();
  ~ProcessGroup();
  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;
  const Processes& processes() const { return processes_; }
  bool first() const { return processes_.rank == 0; }

 private:
  Processes processes_;
  [[maybe_unused]] int exceptions_;  // of a build with MPI
};

}  // namespace fejer::command
