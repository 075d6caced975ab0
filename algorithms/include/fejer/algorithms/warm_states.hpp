#pragma once
#include <cstdint>
#include <map>
#include <mutex>

#include <fejer/array.hpp>

namespace fejer {

/// The last state of each sample, from which its next iteration starts. The key names image, crop
/// and noise draw: another draw is another sample, and starts cold. Safe to call from several
/// threads for different keys.
template <class T>
class WarmStates {
 public:
  /// What was kept under `key`, or `cold` where there is nothing, or something of another shape.
  Array<T> start(std::uint64_t key, ConstView<T> cold) const {
    const std::lock_guard lock(mutex_);
    const auto at = states_.find(key);
    return at != states_.end() && at->second.shape() == cold.shape() ? at->second : Array<T>(cold);
  }
  bool holds(std::uint64_t key) const {
    const std::lock_guard lock(mutex_);
    return states_.contains(key);
  }
  void keep(std::uint64_t key, Array<T> state) {
    const std::lock_guard lock(mutex_);
    states_[key] = std::move(state);
  }
  /// By key, in rising order.
  const std::map<std::uint64_t, Array<T>>& states() const { return states_; }

 private:
  mutable std::mutex mutex_;
  std::map<std::uint64_t, Array<T>> states_;
};

}  // namespace fejer
