#pragma once
/// Threads. Everything in Fejér gives the same bits for any number of threads: loops write
/// disjoint outputs, sums add blocks of a fixed size in a fixed order.
#include <fejer/array.hpp>

namespace fejer {

/// A borrowed callable (never outlives the call that it is passed to).
template <class Signature>
class FunctionRef;
template <class R, class... Args>
class FunctionRef<R(Args...)> {
 public:
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, FunctionRef>)
  FunctionRef(F&& f)
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(f)))),
        call_([](void* object, Args... args) -> R {
          return (*static_cast<std::remove_reference_t<F>*>(object))(args...);
        }) {}
  R operator()(Args... args) const { return call_(object_, args...); }

 private:
  void* object_;
  R (*call_)(void*, Args...);
};

/// Threads that parallel loops use now (at least 1).
int thread_count();

/// Limits the number of threads while it lives; 0 means all processors.
class ScopedThreads {
 public:
  explicit ScopedThreads(int threads);
  ~ScopedThreads();
  ScopedThreads(const ScopedThreads&) = delete;
  ScopedThreads& operator=(const ScopedThreads&) = delete;

 private:
  int before_;
};

/// body(begin, end) over [0, n) cut into pieces of `grain`; pieces run in any order and must write
/// disjoint memory. Called inside another parallel loop it runs serially. The first exception
/// of a piece (in the order of the pieces) is thrown again once all have ended.
void parallel_for(Index n, Index grain, FunctionRef<void(Index, Index)> body);

/// Sum of block(begin, end) over [0, n) in blocks of 4096, added in order of the blocks.
double ordered_sum(Index n, FunctionRef<double(Index, Index)> block);

}  // namespace fejer
