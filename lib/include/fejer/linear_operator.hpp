#pragma once
/// Linear operators A : X^n -> Y^m with the real inner product Re <.,.>.
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include <fejer/array.hpp>

namespace fejer {

/// Encloses an operator norm ||A|| (never squared). The upper end is rigorous (infinite where no
/// bound is known), the lower end comes from a seeded power method or a closed form.
struct NormInterval {
  double lower = 0;
  double upper = std::numeric_limits<double>::infinity();
  std::string how;  ///< how the upper end was obtained, for reports
};

/// What an author of an operator writes. Shapes are checked by the handle before each call;
/// outputs are overwritten and never alias inputs; the type is immutable after construction.
template <class A, class X, class Y = X>
concept LinearOperatorLike =
    requires(const A a, ConstView<X> x, View<Y> y, ConstView<Y> y_in, View<X> x_out) {
      { a.domain() } -> std::convertible_to<Shape>;
      { a.range() } -> std::convertible_to<Shape>;
      a.apply(x, y);
      a.apply_adjoint(y_in, x_out);
    };

template <class X, class Y>
class LinearOperator;

/// Lower end for ||A||: power method on A*A from a seeded start; never above ||A|| (to rounding).
template <class X, class Y>
double power_method_norm(const LinearOperator<X, Y>& A, int iterations = 30,
                         std::uint64_t seed = 1);

/// Shared handle on an immutable operator. Optional members of the author's type are found and
/// used: `norm_interval()` and `normal(x, out)` (out = A*A x).
template <class X, class Y = X>
class LinearOperator {
 public:
  using Domain = X;
  using Range = Y;

  template <class A>
    requires(!std::is_same_v<std::remove_cvref_t<A>, LinearOperator> &&
             LinearOperatorLike<std::remove_cvref_t<A>, X, Y>)
  LinearOperator(A&& a)
      : self_(std::make_shared<const Model<std::remove_cvref_t<A>>>(std::forward<A>(a))) {}

  const Shape& domain() const { return self_->domain; }
  const Shape& range() const { return self_->range; }

  void apply(ConstView<X> x, View<Y> y) const {
    require_shape("LinearOperator::apply input", x.shape(), domain());
    require_shape("LinearOperator::apply output", y.shape(), range());
    self_->apply(x, y);
  }
  void apply_adjoint(ConstView<Y> y, View<X> x) const {
    require_shape("LinearOperator::apply_adjoint input", y.shape(), range());
    require_shape("LinearOperator::apply_adjoint output", x.shape(), domain());
    self_->apply_adjoint(y, x);
  }
  /// out = A*A x.
  void normal(ConstView<X> x, View<X> out) const {
    require_shape("LinearOperator::normal input", x.shape(), domain());
    require_shape("LinearOperator::normal output", out.shape(), domain());
    self_->normal(x, out);
  }
  Array<Y> apply(const Array<X>& x) const {
    Array<Y> y(range());
    apply(ConstView<X>(x), View<Y>(y));
    return y;
  }
  Array<X> apply_adjoint(const Array<Y>& y) const {
    Array<X> x(domain());
    apply_adjoint(ConstView<Y>(y), View<X>(x));
    return x;
  }
  /// Computed on first use, then kept.
  const NormInterval& norm_interval() const {
    std::call_once(self_->once, [this] {
      NormInterval interval = self_->norm_interval();
      if (interval.lower <= 0) interval.lower = power_method_norm(*this);
      if (interval.lower > interval.upper) interval.lower = interval.upper;
      self_->interval = std::move(interval);
    });
    return self_->interval;
  }

 private:
  struct Interface {
    Shape domain, range;
    mutable std::once_flag once;
    mutable NormInterval interval;
    Interface(Shape d, Shape r) : domain(d), range(r) {}
    virtual ~Interface() = default;
    virtual void apply(ConstView<X>, View<Y>) const = 0;
    virtual void apply_adjoint(ConstView<Y>, View<X>) const = 0;
    virtual void normal(ConstView<X>, View<X>) const = 0;
    virtual NormInterval norm_interval() const = 0;
  };
  template <class A>
  struct Model final : Interface {
    A a;
    explicit Model(A value)
        : Interface(value.domain(), value.range()), a(std::move(value)) {}
    void apply(ConstView<X> x, View<Y> y) const override { a.apply(x, y); }
    void apply_adjoint(ConstView<Y> y, View<X> x) const override { a.apply_adjoint(y, x); }
    void normal(ConstView<X> x, View<X> out) const override {
      if constexpr (requires { a.normal(x, out); }) {
        a.normal(x, out);
      } else {
        Array<Y> y(this->range);
        a.apply(x, y);
        a.apply_adjoint(ConstView<Y>(y), out);
      }
    }
    NormInterval norm_interval() const override {
      if constexpr (requires { a.norm_interval(); }) {
        return a.norm_interval();
      } else {
        return {0, std::numeric_limits<double>::infinity(), "no bound stated by the operator"};
      }
    }
  };
  std::shared_ptr<const Interface> self_;
};

}  // namespace fejer
