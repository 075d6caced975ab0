#pragma once
/// The algebra of linear operators: A * B, A + B, a * A, adjoint(A), stack(A, B, ...). Operands are
/// handles or concrete types such as Blur<float>; results are handles. Norm intervals follow from
/// those of the operands: ||AB|| <= ||A|| ||B||, ||A + B|| <= ||A|| + ||B||, ||aA|| = |a| ||A||,
/// ||stack||^2 <= sum of ||A_i||^2. Cost: that of the operands and one intermediate array.
#include <fejer/linear_operator.hpp>
#include <initializer_list>
#include <type_traits>
#include <utility>
#include <vector>

namespace fejer {

/// y = A (B x), A : Y -> Z, B : X -> Y.
template <class X, class Y, class Z>
class Composed {
 public:
  using Domain = X;
  using Range = Z;
  Composed(LinearOperator<Y, Z> a, LinearOperator<X, Y> b);
  const Shape& domain() const { return b_.domain(); }
  const Shape& range() const { return a_.range(); }
  void apply(ConstView<X> x, View<Z> y) const;
  void apply_adjoint(ConstView<Z> y, View<X> x) const;
  /// B* (A*A) B, with the fast A*A where A has one.
  void normal(ConstView<X> x, View<X> out) const;
  NormInterval norm_interval() const;

 private:
  LinearOperator<Y, Z> a_;
  LinearOperator<X, Y> b_;
};

/// x = A* y.
template <class X, class Y>
class Adjoint {
 public:
  using Domain = Y;
  using Range = X;
  explicit Adjoint(LinearOperator<X, Y> a) : a_(std::move(a)) {}
  const Shape& domain() const { return a_.range(); }
  const Shape& range() const { return a_.domain(); }
  void apply(ConstView<Y> y, View<X> x) const { a_.apply_adjoint(y, x); }
  void apply_adjoint(ConstView<X> x, View<Y> y) const { a_.apply(x, y); }
  NormInterval norm_interval() const;

 private:
  LinearOperator<X, Y> a_;
};

/// y = A x + B x; domains and ranges are equal.
template <class X, class Y>
class Sum {
 public:
  using Domain = X;
  using Range = Y;
  Sum(LinearOperator<X, Y> a, LinearOperator<X, Y> b);
  const Shape& domain() const { return a_.domain(); }
  const Shape& range() const { return a_.range(); }
  void apply(ConstView<X> x, View<Y> y) const;
  void apply_adjoint(ConstView<Y> y, View<X> x) const;
  NormInterval norm_interval() const;

 private:
  LinearOperator<X, Y> a_, b_;
};

/// y = a A x, a real and finite.
template <class X, class Y>
class Scaled {
 public:
  using Domain = X;
  using Range = Y;
  Scaled(double factor, LinearOperator<X, Y> a);
  const Shape& domain() const { return a_.domain(); }
  const Shape& range() const { return a_.range(); }
  void apply(ConstView<X> x, View<Y> y) const;
  void apply_adjoint(ConstView<Y> y, View<X> x) const;
  void normal(ConstView<X> x, View<X> out) const;
  NormInterval norm_interval() const;

 private:
  double factor_;
  LinearOperator<X, Y> a_;
};

/// y = (A_1 x, A_2 x, ...), all of one domain. The range is (n, range...) where the n ranges are
/// equal, otherwise a vector with their elements one operator after the other.
template <class X, class Y>
class Stack {
 public:
  using Domain = X;
  using Range = Y;
  explicit Stack(std::vector<LinearOperator<X, Y>> parts);
  const Shape& domain() const { return parts_.front().domain(); }
  const Shape& range() const { return range_; }
  void apply(ConstView<X> x, View<Y> y) const;
  void apply_adjoint(ConstView<Y> y, View<X> x) const;
  void normal(ConstView<X> x, View<X> out) const;
  NormInterval norm_interval() const;

 private:
  std::vector<LinearOperator<X, Y>> parts_;
  Shape range_;
};
/// An operator that names its element types: a handle, or a type with `Domain` and `Range`.
template <class A>
concept TypedOperator = requires {
  typename A::Domain;
  typename A::Range;
}
&&LinearOperatorLike<A, typename A::Domain, typename A::Range>;
template <TypedOperator A>
using HandleOf = LinearOperator<typename A::Domain, typename A::Range>;
template <TypedOperator A, TypedOperator B>
requires std::is_same_v<typename A::Domain, typename B::Range>
    LinearOperator<typename B::Domain, typename A::Range>
operator*(A a, B b) {
  using Result = Composed<typename B::Domain, typename B::Range, typename A::Range>;
  return Result(HandleOf<A>(std::move(a)), HandleOf<B>(std::move(b)));
}
template <TypedOperator A, TypedOperator B>
requires std::is_same_v<HandleOf<A>, HandleOf<B>> HandleOf<A>
operator+(A a, B b) {
  return Sum<typename A::Domain, typename A::Range>(HandleOf<A>(std::move(a)),
                                                    HandleOf<B>(std::move(b)));
}
template <TypedOperator A>
HandleOf<A> scaled(double factor, A a) {
  return Scaled<typename A::Domain, typename A::Range>(factor, HandleOf<A>(std::move(a)));
}
template <TypedOperator A>
HandleOf<A> operator*(double factor, A a) {
  return scaled(factor, std::move(a));
}
template <TypedOperator A>
LinearOperator<typename A::Range, typename A::Domain> adjoint(A a) {
  return Adjoint<typename A::Domain, typename A::Range>(HandleOf<A>(std::move(a)));
}
template <class X, class Y>
LinearOperator<X, Y> stack(std::initializer_list<LinearOperator<X, Y>> parts) {
  return Stack<X, Y>(std::vector<LinearOperator<X, Y>>(parts));
}
template <TypedOperator A, TypedOperator... More>
requires(std::is_same_v<HandleOf<A>, HandleOf<More>>&&...) HandleOf<A> stack(A a, More... more) {
  return stack({HandleOf<A>(std::move(a)), HandleOf<A>(std::move(more))...});
}

}  // namespace fejer
