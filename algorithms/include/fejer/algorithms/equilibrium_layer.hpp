#pragma once
/// What an author writes of a fixed-point iteration that is to be differentiated.
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include <fejer/array.hpp>

namespace fejer {

/// A layer x -> phi(x; theta) whose parameters, data and step sizes are its members. `forward`
/// keeps in *saved (unless null) what `vjp` needs; `vjp` overwrites xbar = (d phi/dx)^T u and adds
/// (d phi/d theta)^T u to *gradient (unless null). Gradient is any type. Optional:
/// `lipschitz_bound()`, a proven bound of Lip(phi).
template <class S>
concept EquilibriumLayer = requires(const S s, ConstView<typename S::Scalar> x,
                                    View<typename S::Scalar> out, typename S::Saved saved,
                                    typename S::Gradient gradient) {
  s.forward(x, out, &saved);
  s.vjp(saved, x, out, &gradient);
};

namespace detail {

/// Layers with numbered places for what they save.
template <class T>
class Tape {
 public:
  virtual ~Tape() = default;
  virtual Index layers() const = 0;
  virtual double lipschitz_bound() const = 0;
  virtual void forward(Index layer, ConstView<T> x, View<T> out) const = 0;
  virtual void record(Index place, Index layer, ConstView<T> x, View<T> out) = 0;
  virtual void pull_back(Index place, Index layer, ConstView<T> u, View<T> xbar,
                         bool parameters) = 0;
  virtual void forget(Index place) = 0;
};

template <EquilibriumLayer S>
class LayerTape final : public Tape<typename S::Scalar> {
  using T = typename S::Scalar;

 public:
  LayerTape(std::span<const S> layers, typename S::Gradient* gradient)
      : layers_(layers), gradient_(gradient) {}
  Index layers() const override { return static_cast<Index>(layers_.size()); }
  double lipschitz_bound() const override {
    double bound = std::numeric_limits<double>::infinity();
    if constexpr (requires(const S s) { s.lipschitz_bound(); }) {
      bound = 1;
      for (const S& layer : layers_) bound *= layer.lipschitz_bound();
    }
    return bound;
  }
  void forward(Index layer, ConstView<T> x, View<T> out) const override {
    at(layer).forward(x, out, nullptr);
  }
  void record(Index place, Index layer, ConstView<T> x, View<T> out) override {
    const auto i = static_cast<std::size_t>(place);
    if (saved_.size() <= i) saved_.resize(i + 1);
    at(layer).forward(x, out, &saved_[i].emplace());
  }
  void pull_back(Index place, Index layer, ConstView<T> u, View<T> xbar, bool parameters) override {
    at(layer).vjp(*saved_[static_cast<std::size_t>(place)], u, xbar,
                  parameters ? gradient_ : nullptr);
  }
  void forget(Index place) override { saved_[static_cast<std::size_t>(place)].reset(); }

 private:
  const S& at(Index layer) const { return layers_[static_cast<std::size_t>(layer)]; }
  std::span<const S> layers_;
  typename S::Gradient* gradient_;
  std::vector<std::optional<typename S::Saved>> saved_;
};

}  // namespace detail

}  // namespace fejer
