#pragma once
/// Scratch memory that each thread keeps, so that iterations do not allocate.
#include <utility>
#include <vector>

#include <fejer/array.hpp>

namespace fejer::detail {

/// At least `size` elements with unspecified values, handed back on destruction. Taken and handed
/// back like a stack: the same sequence of sizes meets the same memory again.
template <class T>
class Scratch {
 public:
  explicit Scratch(Index size) {
    auto& free = pool();
    if (!free.empty()) {
      memory_ = std::move(free.back());
      free.pop_back();
    }
    if (memory_.size() < size) memory_ = Array<T>(Shape{size});
  }
  ~Scratch() { pool().push_back(std::move(memory_)); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  T* data() { return memory_.data(); }

 private:
  static std::vector<Array<T>>& pool() {
    static thread_local std::vector<Array<T>> free = [] {
      std::vector<Array<T>> list;
      list.reserve(32);  // the destructor does not allocate
      return list;
    }();
    return free;
  }
  Array<T> memory_;
};

}  // namespace fejer::detail
