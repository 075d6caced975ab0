#include <fejer/operators/l1_norm.hpp>

#include <cmath>

#include <fejer/parallel.hpp>

#include "soft_threshold.hpp"

namespace fejer {

template <class X>
L1Norm<X>::L1Norm(double lambda) : lambda_(lambda) {
  if (!(lambda >= 0) || !std::isfinite(lambda))
    throw ArgumentError("L1Norm: got lambda = " + std::to_string(lambda) +
                        ", expected a finite number >= 0");
}

template <class X>
void L1Norm<X>::prox(ConstView<X> v, double gamma, View<X> out) const {
  using T = Real<X>;
  require_shape("L1Norm::prox output", out.shape(), v.shape());
  const T t = static_cast<T>(gamma * lambda_);
  parallel_for(v.size(), 32768, [=](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) out[i] = detail::soft_threshold<X>(v[i], t);
  });
}

template <class X>
double L1Norm<X>::value(ConstView<X> x) const {
  return lambda_ * ordered_sum(x.size(), [=](Index begin, Index end) {
           double sum = 0;
           for (Index i = begin; i < end; ++i) sum += static_cast<double>(std::abs(x[i]));
           return sum;
         });
}

template class L1Norm<float>;
template class L1Norm<double>;
template class L1Norm<std::complex<float>>;
template class L1Norm<std::complex<double>>;

}  // namespace fejer
