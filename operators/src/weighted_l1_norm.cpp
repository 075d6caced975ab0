#include <fejer/operators/weighted_l1_norm.hpp>

#include <cmath>

#include <fejer/parallel.hpp>

#include "soft_threshold.hpp"

namespace fejer {

template <class X>
WeightedL1Norm<X>::WeightedL1Norm(Array<Real<X>> weights) : weights_(std::move(weights)) {
  for (const Real<X> w : weights_)
    if (!(w >= 0) || !std::isfinite(w))
      throw ArgumentError("WeightedL1Norm: got a weight " + std::to_string(w) +
                          ", expected finite numbers >= 0");
}

template <class X>
void WeightedL1Norm<X>::prox(ConstView<X> v, double gamma, View<X> out) const {
  using T = Real<X>;
  require_shape("WeightedL1Norm::prox input", v.shape(), weights_.shape());
  require_shape("WeightedL1Norm::prox output", out.shape(), v.shape());
  const T* w = weights_.data();
  parallel_for(v.size(), 32768, [=](Index begin, Index end) {
    for (Index i = begin; i < end; ++i)
      out[i] = detail::soft_threshold<X>(v[i], static_cast<T>(gamma) * w[i]);
  });
}

template <class X>
double WeightedL1Norm<X>::value(ConstView<X> x) const {
  require_shape("WeightedL1Norm::value", x.shape(), weights_.shape());
  return ordered_sum(x.size(), [&](Index begin, Index end) {
    double sum = 0;
    for (Index i = begin; i < end; ++i)
      sum += static_cast<double>(weights_[i]) * static_cast<double>(std::abs(x[i]));
    return sum;
  });
}

template class WeightedL1Norm<float>;
template class WeightedL1Norm<double>;
template class WeightedL1Norm<std::complex<float>>;
template class WeightedL1Norm<std::complex<double>>;

}  // namespace fejer
