#include <fejer/parallel.hpp>

#include <algorithm>
#include <exception>
#include <mutex>
#include <vector>

#ifdef FEJER_HAVE_OPENMP
#include <omp.h>
#endif

namespace fejer {
namespace {

#ifdef FEJER_HAVE_OPENMP
int hardware_threads() { return omp_get_num_procs(); }
bool in_parallel() { return omp_in_parallel() != 0; }
#else
bool in_parallel() { return true; }
#endif

thread_local int limit = 0;  // 0: all processors

}  // namespace

int thread_count() {
#ifdef FEJER_HAVE_OPENMP
  return limit > 0 ? limit : hardware_threads();
#else
  return 1;
#endif
}

ScopedThreads::ScopedThreads(int threads) : before_(limit) {
  if (threads < 0)
    throw ArgumentError("threads: got " + std::to_string(threads) +
                        ", expected 0 (all processors) or more");
  limit = threads;
}
ScopedThreads::~ScopedThreads() { limit = before_; }

void parallel_for(Index n, Index grain, FunctionRef<void(Index, Index)> body) {
  if (n <= 0) return;
  grain = std::max<Index>(1, grain);
  const Index pieces = (n + grain - 1) / grain;
  if (pieces == 1 || in_parallel() || thread_count() == 1) {
    for (Index p = 0; p < pieces; ++p) body(p * grain, std::min(n, (p + 1) * grain));
    return;
  }
  Index failed = pieces;
  std::exception_ptr error;
  std::mutex lock;
  [[maybe_unused]] const int team = static_cast<int>(std::min<Index>(thread_count(), pieces));
#ifdef FEJER_HAVE_OPENMP
#pragma omp parallel for schedule(dynamic, 1) num_threads(team)
#endif
  for (Index p = 0; p < pieces; ++p) {
    try {
      body(p * grain, std::min(n, (p + 1) * grain));
    } catch (...) {
      const std::lock_guard guard(lock);
      if (p < failed) {
        failed = p;
        error = std::current_exception();
      }
    }
  }
  if (error) std::rethrow_exception(error);
}

double ordered_sum(Index n, FunctionRef<double(Index, Index)> block) {
  constexpr Index size = 4096;
  const Index blocks = (n + size - 1) / size;
  if (blocks <= 1) return n > 0 ? block(0, n) : 0.0;
  std::vector<double> sums(static_cast<std::size_t>(blocks));
  parallel_for(blocks, 16, [&](Index begin, Index end) {
    for (Index b = begin; b < end; ++b)
      sums[static_cast<std::size_t>(b)] = block(b * size, std::min(n, (b + 1) * size));
  });
  double total = 0;
  for (const double s : sums) total += s;
  return total;
}

}  // namespace fejer
