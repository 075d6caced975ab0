#include <fejer/operators/compose.hpp>

#include <cmath>

#include <fejer/vector.hpp>

#include "text.hpp"

namespace fejer {
namespace {

/// Product of two norms, where a zero operator makes even an unbounded one zero.
double product(double a, double b) { return a == 0 || b == 0 ? 0 : a * b; }

}  // namespace

template <class X, class Y, class Z>
Composed<X, Y, Z>::Composed(LinearOperator<Y, Z> a, LinearOperator<X, Y> b)
    : a_(std::move(a)), b_(std::move(b)) {
  if (a_.domain() != b_.range())
    throw ShapeError(text("A * B: got A with domain ", to_string(a_.domain()),
                          ", expected the range of B, ", to_string(b_.range())));
}

template <class X, class Y, class Z>
void Composed<X, Y, Z>::apply(ConstView<X> x, View<Z> y) const {
  Array<Y> between(b_.range());
  b_.apply(x, between);
  a_.apply(ConstView<Y>(between), y);
}

template <class X, class Y, class Z>
void Composed<X, Y, Z>::apply_adjoint(ConstView<Z> y, View<X> x) const {
  Array<Y> between(b_.range());
  a_.apply_adjoint(y, between);
  b_.apply_adjoint(ConstView<Y>(between), x);
}

template <class X, class Y, class Z>
void Composed<X, Y, Z>::normal(ConstView<X> x, View<X> out) const {
  Array<Y> inner(b_.range()), outer(b_.range());
  b_.apply(x, inner);
  a_.normal(ConstView<Y>(inner), outer);
  b_.apply_adjoint(ConstView<Y>(outer), out);
}

template <class X, class Y, class Z>
NormInterval Composed<X, Y, Z>::norm_interval() const {
  const NormInterval &a = a_.norm_interval(), &b = b_.norm_interval();
  return {0, product(a.upper, b.upper), text("product of (", a.how, ") and (", b.how, ")")};
}

template <class X, class Y>
NormInterval Adjoint<X, Y>::norm_interval() const {
  return a_.norm_interval();
}

template <class X, class Y>
Sum<X, Y>::Sum(LinearOperator<X, Y> a, LinearOperator<X, Y> b)
    : a_(std::move(a)), b_(std::move(b)) {
  require_shape("A + B, domain of B", b_.domain(), a_.domain());
  require_shape("A + B, range of B", b_.range(), a_.range());
}

template <class X, class Y>
void Sum<X, Y>::apply(ConstView<X> x, View<Y> y) const {
  Array<Y> other(range());
  a_.apply(x, y);
  b_.apply(x, other);
  axpy<Y>(1, other, y);
}

template <class X, class Y>
void Sum<X, Y>::apply_adjoint(ConstView<Y> y, View<X> x) const {
  Array<X> other(domain());
  a_.apply_adjoint(y, x);
  b_.apply_adjoint(y, other);
  axpy<X>(1, other, x);
}

template <class X, class Y>
NormInterval Sum<X, Y>::norm_interval() const {
  const NormInterval &a = a_.norm_interval(), &b = b_.norm_interval();
  return {0, a.upper + b.upper, text("sum of (", a.how, ") and (", b.how, ")")};
}

template <class X, class Y>
Scaled<X, Y>::Scaled(double factor, LinearOperator<X, Y> a) : factor_(factor), a_(std::move(a)) {
  if (!std::isfinite(factor))
    throw ArgumentError(text("scaled: got factor ", factor, ", expected a finite number"));
}

template <class X, class Y>
void Scaled<X, Y>::apply(ConstView<X> x, View<Y> y) const {
  a_.apply(x, y);
  scale<Y>(y, static_cast<Real<Y>>(factor_));
}

template <class X, class Y>
void Scaled<X, Y>::apply_adjoint(ConstView<Y> y, View<X> x) const {
  a_.apply_adjoint(y, x);
  scale<X>(x, static_cast<Real<X>>(factor_));
}

template <class X, class Y>
void Scaled<X, Y>::normal(ConstView<X> x, View<X> out) const {
  a_.normal(x, out);
  scale<X>(out, static_cast<Real<X>>(factor_ * factor_));
}

template <class X, class Y>
NormInterval Scaled<X, Y>::norm_interval() const {
  const NormInterval& a = a_.norm_interval();
  const double size = std::abs(factor_);
  return {product(size, a.lower), product(size, a.upper), text(size, " times (", a.how, ")")};
}

template <class X, class Y>
Stack<X, Y>::Stack(std::vector<LinearOperator<X, Y>> parts) : parts_(std::move(parts)) {
  if (parts_.empty()) throw ArgumentError("stack: got no operator, expected at least one");
  bool equal = true;
  Index elements = 0;
  for (const auto& part : parts_) {
    require_shape("stack, domain", part.domain(), domain());
    equal = equal && part.range() == parts_.front().range();
    elements += part.range().size();
  }
  const Shape& first = parts_.front().range();
  range_ = Shape{elements};
  if (equal && first.rank() < Shape::max_rank) {
    range_ = Shape{static_cast<Index>(parts_.size())};
    for (const Index length : first) range_.push_back(length);
  }
}

template <class X, class Y>
void Stack<X, Y>::apply(ConstView<X> x, View<Y> y) const {
  Y* next = y.data();
  for (const auto& part : parts_) {
    part.apply(x, View<Y>(next, part.range()));
    next += part.range().size();
  }
}

template <class X, class Y>
void Stack<X, Y>::apply_adjoint(ConstView<Y> y, View<X> x) const {
  Array<X> term(domain());
  const Y* next = y.data();
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const ConstView<Y> slice(next, parts_[i].range());
    parts_[i].apply_adjoint(slice, i == 0 ? x : View<X>(term));
    if (i > 0) axpy<X>(1, term, x);
    next += slice.size();
  }
}

template <class X, class Y>
void Stack<X, Y>::normal(ConstView<X> x, View<X> out) const {
  Array<X> term(domain());
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    parts_[i].normal(x, i == 0 ? out : View<X>(term));
    if (i > 0) axpy<X>(1, term, out);
  }
}

template <class X, class Y>
NormInterval Stack<X, Y>::norm_interval() const {
  double squares = 0;
  std::string how = "root of the sum of the squares of";
  for (const auto& part : parts_) {
    const NormInterval& interval = part.norm_interval();
    squares += interval.upper * interval.upper;
    how += text(" (", interval.how, ")");
  }
  return {0, std::sqrt(squares), how};
}

// Every mixture of a real type and its complex type.
#define FEJER_PAIR(X, Y)        \
  template class Adjoint<X, Y>; \
  template class Sum<X, Y>;     \
  template class Scaled<X, Y>;  \
  template class Stack<X, Y>;   \
  template class Composed<X, X, Y>;
#define FEJER_FAMILY(T, C)          \
  FEJER_PAIR(T, T)                  \
  FEJER_PAIR(T, C)                  \
  FEJER_PAIR(C, T)                  \
  FEJER_PAIR(C, C)                  \
  template class Composed<T, C, T>; \
  template class Composed<T, C, C>; \
  template class Composed<C, T, T>; \
  template class Composed<C, T, C>;
FEJER_FAMILY(float, std::complex<float>)
FEJER_FAMILY(double, std::complex<double>)
#undef FEJER_FAMILY
#undef FEJER_PAIR

}  // namespace fejer
