#pragma once
/// The Hessian of a ridge regulariser at a fixed point, for many products.
#include <memory>

#include <fejer/models/ridge.hpp>

namespace fejer {

/// v -> Hess R(x; sigma) v = weight * W^T [phi'(alpha W x) * W v]. The slopes phi'(alpha W x) are
/// computed once and kept, a T for each pixel and channel (by tiles up to twice as many), so a
/// product costs no more than a gradient: about two thirds of
/// RidgeRegulariser::hessian_vector_product, which it equals to rounding. Which way it goes and
/// what x, sigma may be: as in RidgeRegulariser. Immutable, cheap to copy, safe to share between
/// threads.
template <class T>
class RidgeHessian {
 public:
  RidgeHessian(const RidgeRegulariser<T>& model, ConstView<T> x, const NoiseLevels& sigma);

  void apply(ConstView<T> v, View<T> out) const;

 private:
  struct Data;
  std::shared_ptr<const Data> data_;
};

extern template class RidgeHessian<float>;
extern template class RidgeHessian<double>;

}  // namespace fejer
