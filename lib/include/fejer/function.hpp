#pragma once
/// Functions with a prox and functions with a gradient. One convention each:
///   prox_{gamma g}(v) = argmin_x g(x) + ||x - v||^2 / (2 gamma),
///   the gradient is that of the stated value, 1/2 included in every squared term.
#include <limits>
#include <memory>
#include <utility>

#include <fejer/array.hpp>

namespace fejer {

/// Interval for a Lipschitz constant; the upper end is what step sizes use.
struct Interval {
  double lower = 0;
  double upper = std::numeric_limits<double>::infinity();
};

template <class G, class X>
concept Proximable = requires(const G g, ConstView<X> v, View<X> out) { g.prox(v, 1.0, out); };

/// Handle on a function with a prox. `value(x)` and `convexity()` are optional; +infinity is a value.
template <class X>
class ProxFunction {
 public:
  template <class G>
    requires(!std::is_same_v<std::remove_cvref_t<G>, ProxFunction> &&
             Proximable<std::remove_cvref_t<G>, X>)
  ProxFunction(G&& g)
      : self_(std::make_shared<const Model<std::remove_cvref_t<G>>>(std::forward<G>(g))) {}

  /// out = argmin_x g(x) + ||x - v||^2 / (2 gamma); gamma > 0; out may not alias v.
  void prox(ConstView<X> v, double gamma, View<X> out) const {
    require_shape("ProxFunction::prox output", out.shape(), v.shape());
    if (!(gamma > 0)) throw ArgumentError("ProxFunction::prox: gamma must be positive");
    self_->prox(v, gamma, out);
  }
  bool has_value() const { return self_->has_value(); }
  /// Throws ArgumentError unless has_value().
  double value(ConstView<X> x) const { return self_->value(x); }
  /// Modulus: g - convexity/2 ||.||^2 is convex (negative: weakly convex).
  double convexity() const { return self_->convexity(); }

 private:
  struct Interface {
    virtual ~Interface() = default;
    virtual void prox(ConstView<X>, double, View<X>) const = 0;
    virtual bool has_value() const = 0;
    virtual double value(ConstView<X>) const = 0;
    virtual double convexity() const = 0;
  };
  template <class G>
  struct Model final : Interface {
    G g;
    explicit Model(G value) : g(std::move(value)) {}
    void prox(ConstView<X> v, double gamma, View<X> out) const override { g.prox(v, gamma, out); }
    bool has_value() const override {
      return requires(ConstView<X> x) { g.value(x); };
    }
    double value(ConstView<X> x) const override {
      if constexpr (requires { g.value(x); }) {
        return g.value(x);
      } else {
        throw ArgumentError("ProxFunction::value: this function has a prox but no value");
      }
    }
    double convexity() const override {
      if constexpr (requires { g.convexity(); }) {
        return g.convexity();
      } else {
        return 0;
      }
    }
  };
  std::shared_ptr<const Interface> self_;
};

template <class F, class X>
concept Smooth = requires(const F f, ConstView<X> x, View<X> out) {
  { f.value(x) } -> std::convertible_to<double>;
  f.gradient(x, out);
  { f.lipschitz_interval() } -> std::convertible_to<Interval>;
};

/// Handle on a differentiable function with Lipschitz gradient.
template <class X>
class SmoothFunction {
 public:
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, SmoothFunction> &&
             Smooth<std::remove_cvref_t<F>, X>)
  SmoothFunction(F&& f)
      : self_(std::make_shared<const Model<std::remove_cvref_t<F>>>(std::forward<F>(f))) {}

  double value(ConstView<X> x) const { return self_->value(x); }
  void gradient(ConstView<X> x, View<X> out) const {
    require_shape("SmoothFunction::gradient output", out.shape(), x.shape());
    self_->gradient(x, out);
  }
  /// Value and gradient at once, where that is cheaper than both apart.
  double value_and_gradient(ConstView<X> x, View<X> out) const {
    return self_->value_and_gradient(x, out);
  }
  /// Of the gradient.
  Interval lipschitz_interval() const { return self_->lipschitz_interval(); }
  /// Strong convexity where > 0, weak convexity where < 0: f - convexity/2 ||.||^2 is convex.
  double convexity() const { return self_->convexity(); }

 private:
  struct Interface {
    virtual ~Interface() = default;
    virtual double value(ConstView<X>) const = 0;
    virtual void gradient(ConstView<X>, View<X>) const = 0;
    virtual double value_and_gradient(ConstView<X>, View<X>) const = 0;
    virtual Interval lipschitz_interval() const = 0;
    virtual double convexity() const = 0;
  };
  template <class F>
  struct Model final : Interface {
    F f;
    explicit Model(F value) : f(std::move(value)) {}
    double value(ConstView<X> x) const override { return f.value(x); }
    void gradient(ConstView<X> x, View<X> out) const override { f.gradient(x, out); }
    double value_and_gradient(ConstView<X> x, View<X> out) const override {
      if constexpr (requires { f.value_and_gradient(x, out); }) {
        return f.value_and_gradient(x, out);
      } else {
        f.gradient(x, out);
        return f.value(x);
      }
    }
    Interval lipschitz_interval() const override { return f.lipschitz_interval(); }
    double convexity() const override {
      if constexpr (requires { f.convexity(); }) {
        return f.convexity();
      } else {
        return 0;
      }
    }
  };
  std::shared_ptr<const Interface> self_;
};

/// f + weight g, e.g. a data term and a smooth prior.
template <class X>
SmoothFunction<X> sum(SmoothFunction<X> f, double weight, SmoothFunction<X> g);

}  // namespace fejer
