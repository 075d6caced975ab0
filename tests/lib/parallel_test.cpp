#include <fejer/parallel.hpp>

#include <atomic>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace fejer;

TEST_CASE("parallel_for visits every index once, for any number of threads and any grain") {
  for (const int threads : {1, 2, 4}) {
    const ScopedThreads scope(threads);
    for (const Index n : {0, 1, 7, 100}) {
      for (const Index grain : {0, 1, 3, 1000}) {
        std::vector<int> visits(static_cast<std::size_t>(n));
        parallel_for(n, grain, [&](Index begin, Index end) {
          CHECK(end - begin <= std::max<Index>(1, grain));
          for (Index i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
        });
        for (const int count : visits) CHECK(count == 1);
      }
    }
  }
}

TEST_CASE("loops inside loops run, and visit every index") {
  const ScopedThreads scope(4);
  std::atomic<int> total = 0;
  parallel_for(8, 1, [&](Index, Index) {
    parallel_for(5, 1, [&](Index begin, Index end) { total += static_cast<int>(end - begin); });
  });
  CHECK(total == 40);
}

TEST_CASE("the first exception in the order of the pieces is thrown again") {
  for (const int threads : {1, 3}) {
    const ScopedThreads scope(threads);
    std::string caught;
    try {
      parallel_for(64, 1, [](Index begin, Index) {
        if (begin % 10 == 7) throw ArgumentError("piece " + std::to_string(begin));
      });
    } catch (const ArgumentError& error) {
      caught = error.what();
    }
    CHECK(caught == "piece 7");
  }
}

TEST_CASE("threads are limited while a scope lives") {
  const int before = thread_count();
  CHECK(before >= 1);
  {
    const ScopedThreads one(1);
    CHECK(thread_count() == 1);
  }
  CHECK(thread_count() == before);
  CHECK_THROWS_WITH_AS(ScopedThreads(-2), "threads: got -2, expected 0 (all processors) or more",
                       ArgumentError);
}

TEST_CASE("ordered_sum adds all and has the same bits for any number of threads") {
  const Index n = 300001;
  std::vector<double> values(static_cast<std::size_t>(n));
  for (Index i = 0; i < n; ++i)
    values[static_cast<std::size_t>(i)] = std::sin(static_cast<double>(i)) * 1e3;
  const auto sum = [&] {
    return ordered_sum(n, [&](Index begin, Index end) {
      return std::accumulate(values.begin() + begin, values.begin() + end, 0.0);
    });
  };
  double one = 0;
  {
    const ScopedThreads scope(1);
    one = sum();
  }
  for (const int threads : {2, 4}) {
    const ScopedThreads scope(threads);
    CHECK(sum() == one);
  }
  const double direct = std::accumulate(values.begin(), values.end(), 0.0);
  CHECK(std::abs(one - direct) < 1e-6);  // 3e5 terms of at most 1e3, eps 1e-16
  CHECK(ordered_sum(0, [](Index, Index) { return 1.0; }) == 0);
  CHECK(ordered_sum(4096, [](Index, Index) { return 1.0; }) == 1);
  CHECK(ordered_sum(4097, [](Index, Index) { return 1.0; }) == 2);
}
