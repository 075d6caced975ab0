#include <algorithm>
#include <cmath>
#include <memory>

#include <fejer/error.hpp>
#include <fejer/parallel.hpp>

#include "row.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace fejer::benchmarks {
namespace {

#if defined(__x86_64__)
/// Twelve chains hide the latency of a multiply-add (4 or 5 cycles, two at once): 192 operations a
/// turn. They start from different values, or the compiler would make one of equal ones.
__attribute__((target("avx2,fma"))) float chains(Index turns) {
  const __m256 a = _mm256_set1_ps(0.999F), b = _mm256_set1_ps(1e-3F);
  __m256 c0 = _mm256_set1_ps(0), c1 = _mm256_set1_ps(1), c2 = _mm256_set1_ps(2),
         c3 = _mm256_set1_ps(3), c4 = _mm256_set1_ps(4), c5 = _mm256_set1_ps(5),
         c6 = _mm256_set1_ps(6), c7 = _mm256_set1_ps(7), c8 = _mm256_set1_ps(8),
         c9 = _mm256_set1_ps(9), c10 = _mm256_set1_ps(10), c11 = _mm256_set1_ps(11);
  for (Index i = 0; i < turns; ++i) {
    c0 = _mm256_fmadd_ps(c0, a, b), c1 = _mm256_fmadd_ps(c1, a, b);
    c2 = _mm256_fmadd_ps(c2, a, b), c3 = _mm256_fmadd_ps(c3, a, b);
    c4 = _mm256_fmadd_ps(c4, a, b), c5 = _mm256_fmadd_ps(c5, a, b);
    c6 = _mm256_fmadd_ps(c6, a, b), c7 = _mm256_fmadd_ps(c7, a, b);
    c8 = _mm256_fmadd_ps(c8, a, b), c9 = _mm256_fmadd_ps(c9, a, b);
    c10 = _mm256_fmadd_ps(c10, a, b), c11 = _mm256_fmadd_ps(c11, a, b);
  }
  const __m256 s0 = _mm256_add_ps(_mm256_add_ps(c0, c1), _mm256_add_ps(c2, c3));
  const __m256 s1 = _mm256_add_ps(_mm256_add_ps(c4, c5), _mm256_add_ps(c6, c7));
  const __m256 s2 = _mm256_add_ps(_mm256_add_ps(c8, c9), _mm256_add_ps(c10, c11));
  return _mm256_cvtss_f32(_mm256_add_ps(_mm256_add_ps(s0, s1), s2));
}
bool has_multiply_add() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#else
float chains(Index) { return 0; }
bool has_multiply_add() { return false; }
#endif

constexpr double operations = 2e9;
constexpr Index copied = Index(1) << 25;  // floats: 128 MiB, larger than any cache

/// A copy by all threads: the bandwidth of the memory.
struct Copy {
  Array<float> from{Shape{copied}, 1.0F}, to{Shape{copied}};
  void run() {
    parallel_for(copied, Index(1) << 20, [this](Index begin, Index end) {
      std::copy(from.begin() + begin, from.begin() + end, to.begin() + begin);
    });
  }
};

}  // namespace

void multiply_add_loop(double count) {
  if (!has_multiply_add())
    throw ArgumentError(
        "benchmarks: the loop of multiply-adds needs a processor with AVX2 and FMA");
  const Index pieces = thread_count();
  const Index turns = static_cast<Index>(std::ceil(count / 192 / static_cast<double>(pieces)));
  Array<float> sums(Shape{pieces});
  parallel_for(pieces, 1, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) sums[i] = chains(turns);
  });
  volatile float kept = sums[0];
  static_cast<void>(kept);
}

void add_machine_rows(std::vector<Row>& rows) {
  rows.push_back({.name = "peak/f32",
                  .what = "multiply-adds in registers: the peak of this machine",
                  .opponents = {},
                  .ours = [](const Setting&) -> Call {
                    return {.run = [] { multiply_add_loop(operations); }};
                  },
                  .operations = operations,
                  .scales = false});
  rows.push_back({.name = "copy/128MiB",
                  .what = "a copy of an array that no cache holds: the bandwidth of the memory",
                  .opponents = {},
                  .ours = [](const Setting&) -> Call {
                    return {.run = [state = std::make_shared<Copy>()] { state->run(); }};
                  },
                  .bytes = 2.0 * static_cast<double>(copied) * sizeof(float),
                  .scales = false});
}

}  // namespace fejer::benchmarks
