#include "processes.hpp"

#include <exception>

#ifdef FEJER_HAVE_MPI
#define OMPI_SKIP_MPICXX 1
#include <mpi.h>

#include <cstdlib>
#endif

namespace fejer::command {

#ifdef FEJER_HAVE_MPI
namespace {

/// The length, then the bytes, from the process whose turn the part is.
void broadcast(std::vector<std::string>& parts, Index count) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const int root = static_cast<int>(static_cast<Index>(i) % count);
    auto length = static_cast<unsigned long long>(parts[i].size());
    MPI_Bcast(&length, 1, MPI_UNSIGNED_LONG_LONG, root, MPI_COMM_WORLD);
    parts[i].resize(static_cast<std::size_t>(length));
    MPI_Bcast(parts[i].data(), static_cast<int>(length), MPI_BYTE, root, MPI_COMM_WORLD);
  }
}

}  // namespace

ProcessGroup::ProcessGroup() : exceptions_(std::uncaught_exceptions()) {
  // Starting MPI takes a moment: only where a launcher of it has started this process.
  bool launched = false;
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK"})
    launched = launched || std::getenv(name) != nullptr;
  if (!launched) return;
  int provided = 0, rank = 0, count = 1;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &count);
  processes_ = {rank, count, [count](std::vector<std::string>& parts) { broadcast(parts, count); }};
}

ProcessGroup::~ProcessGroup() {
  if (processes_.share && std::uncaught_exceptions() == exceptions_) MPI_Finalize();
}
#else
ProcessGroup::ProcessGroup() : exceptions_(std::uncaught_exceptions()) {}
ProcessGroup::~ProcessGroup() = default;
#endif

}  // namespace fejer::command
