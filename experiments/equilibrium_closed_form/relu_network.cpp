#include "relu_network.hpp"

#include <algorithm>

#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

namespace fejer::equilibrium_closed_form {
namespace {

template <class T>
Convolution<T> random_convolution(Index out, Index in, const char* name) {
  Array<T> w(Shape{out, in, 3, 3});
  fill_normal<T>(w, Rng(13).stream(name));
  scale<T>(w, static_cast<T>(0.3));
  return Convolution<T>(w);
}

template <class T>
Array<T> positive_part(const Array<T>& x) {
  Array<T> y = x;
  for (T& t : y) t = std::max(t, T(0));
  return y;
}

/// W^T u where the unit was on.
template <class T>
Array<T> back(const Convolution<T>& layer, ConstView<T> u, const Array<T>& before) {
  Array<T> v(before.shape());
  layer.apply_adjoint(u, v);
  for (Index i = 0; i < v.size(); ++i)
    if (!(before[i] > 0)) v[i] = 0;
  return v;
}

}  // namespace

template <class T>
ReluNetwork<T>::ReluNetwork()
    : one(random_convolution<T>(8, 2, "one")),
      two(random_convolution<T>(8, 8, "two")),
      three(random_convolution<T>(1, 8, "three")) {}

template <class T>
ReluNetwork<T> ReluNetwork<T>::moved(Index, double by) const {
  ReluNetwork other = *this;
  other.sigma += by;
  return other;
}

template <class T>
void ReluNetwork<T>::forward(ConstView<T> x, View<T> out, Saved* saved) const {
  Array<T> both(Shape{2, x.shape()[1], x.shape()[2]}, static_cast<T>(sigma));
  std::copy(x.begin(), x.end(), both.begin());
  Array<T> first(one.output_shape(both.shape())), second(first.shape());
  one.apply(both, first);
  const Array<T> on_first = positive_part(first);
  two.apply(on_first, second);
  const Array<T> on_second = positive_part(second);
  three.apply(on_second, out);
  if (saved != nullptr) *saved = {std::move(first), std::move(second)};
}

template <class T>
void ReluNetwork<T>::vjp(const Saved& saved, ConstView<T> u, View<T> xbar,
                         Gradient* gradient) const {
  const Array<T> second = back(three, u, saved.second), first = back<T>(two, second, saved.first);
  Array<T> both(Shape{2, u.shape()[1], u.shape()[2]});
  one.apply_adjoint(first, both);
  copy<T>(both.slice(0).reshaped(xbar.shape()), xbar);
  if (gradient != nullptr)
    for (const T t : both.slice(1)) (*gradient)[0] += static_cast<double>(t);
}

template struct ReluNetwork<float>;
template struct ReluNetwork<double>;

}  // namespace fejer::equilibrium_closed_form
