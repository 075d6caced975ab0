#pragma once
#include <Eigen/Core>

#include <fejer/array.hpp>

#include "../equilibrium_closed_form/relu_network.hpp"

namespace fejer::equilibrium_learning {

/// Numbers that this thread's layers keep for the way back: now, and at most since begin().
class TapeMeter {
 public:
  static void begin() { peak_ = live_ = 0; }
  static Index peak() { return peak_; }
  static void add(Index count) {
    live_ += count;
    if (live_ > peak_) peak_ = live_;
  }

 private:
  inline static thread_local Index live_ = 0, peak_ = 0;
};

inline Index kept_numbers(const Array<double>& saved) { return saved.size(); }
inline Index kept_numbers(const Eigen::VectorXd& saved) { return saved.size(); }
inline Index kept_numbers(const equilibrium_closed_form::ReluNetwork<double>::Saved& saved) {
  return saved.first.size() + saved.second.size();
}

/// A layer whose saved values are counted.
template <class S>
struct MeteredLayer {
  using Scalar = typename S::Scalar;
  using Gradient = typename S::Gradient;
  struct Saved {
    typename S::Saved value;
    Index count = 0;
    Saved() = default;
    Saved(Saved&& other) noexcept
        : value(std::move(other.value)), count(std::exchange(other.count, 0)) {}
    Saved& operator=(Saved&&) = delete;
    ~Saved() { TapeMeter::add(-count); }
  };
  S layer;

  void forward(ConstView<Scalar> x, View<Scalar> out, Saved* saved) const {
    layer.forward(x, out, saved != nullptr ? &saved->value : nullptr);
    if (saved != nullptr) TapeMeter::add(saved->count = kept_numbers(saved->value));
  }
  void vjp(const Saved& saved, ConstView<Scalar> u, View<Scalar> xbar, Gradient* gradient) const {
    layer.vjp(saved.value, u, xbar, gradient);
  }
  double lipschitz_bound() const requires requires(const S s) { s.lipschitz_bound(); }
  { return layer.lipschitz_bound(); }
};

}  // namespace fejer::equilibrium_learning
