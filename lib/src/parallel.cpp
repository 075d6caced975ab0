#include <fejer/parallel.hpp>

#include <algorithm>
#include <exception>
#include <mutex>
#include <vector>

#ifdef FEJER_HAVE_OPENMP
#include <omp.h>
#else
#include <atomic>
#include <system_error>
#include <thread>
#endif

namespace fejer {
namespace {

thread_local int limit = 0;  // 0: all processors

#ifdef FEJER_HAVE_OPENMP
int hardware_threads() { return omp_get_num_procs(); }
bool in_parallel() { return omp_in_parallel() != 0; }

void share_out(Index pieces, int team, FunctionRef<void(Index)> piece) {
#pragma omp parallel for schedule(dynamic, 1) num_threads(team)
  for (Index p = 0; p < pieces; ++p) piece(p);
}
#else
// Threads that live as long as the loop: slower, but every sanitizer sees them.
thread_local bool inside = false;

int hardware_threads() {
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}
bool in_parallel() { return inside; }

void share_out(Index pieces, int team, FunctionRef<void(Index)> piece) {
  std::atomic<Index> next = 0;
  const auto work = [&] {
    inside = true;
    for (Index p = next++; p < pieces; p = next++) piece(p);
    inside = false;
  };
  std::vector<std::jthread> others;
  try {
    for (int i = 1; i < team; ++i) others.emplace_back(work);
  } catch (const std::system_error&) {
    // No more threads are to be had: those that run do all.
  }
  work();
}
#endif

}  // namespace

int thread_count() { return limit > 0 ? limit : hardware_threads(); }

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
  const int team = static_cast<int>(std::min<Index>(thread_count(), pieces));
  share_out(pieces, team, [&](Index p) {
    try {
      body(p * grain, std::min(n, (p + 1) * grain));
    } catch (...) {
      const std::lock_guard guard(lock);
      if (p < failed) {
        failed = p;
        error = std::current_exception();
      }
    }
  });
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
