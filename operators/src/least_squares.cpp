#include <fejer/operators/least_squares.hpp>

#include <cmath>
#include <utility>

#include <fejer/vector.hpp>

namespace fejer {

template <class X, class Y>
LeastSquares<X, Y>::LeastSquares(LinearOperator<X, Y> A, Array<Y> y, double convexity)
    : operator_(std::move(A)), data_(std::move(y)), convexity_(convexity) {
  require_shape("LeastSquares data", data_.shape(), operator_.range());
  if (!(convexity >= 0) || !std::isfinite(convexity))
    throw ArgumentError("LeastSquares: got a convexity of " + std::to_string(convexity) +
                        ", expected a finite number >= 0");
  adjoint_data_ = operator_.apply_adjoint(data_);
}

template <class X, class Y>
double LeastSquares<X, Y>::value(ConstView<X> x) const {
  Array<Y> residual(operator_.range());
  operator_.apply(x, residual);
  axpy<Y>(-1, data_, residual);
  return 0.5 * dot(residual, residual);
}

template <class X, class Y>
void LeastSquares<X, Y>::gradient(ConstView<X> x, View<X> out) const {
  operator_.normal(x, out);
  axpy<X>(-1, adjoint_data_, out);
}

template <class X, class Y>
double LeastSquares<X, Y>::value_and_gradient(ConstView<X> x, View<X> out) const {
  Array<Y> residual(operator_.range());
  operator_.apply(x, residual);
  axpy<Y>(-1, data_, residual);
  operator_.apply_adjoint(residual, out);
  return 0.5 * dot(residual, residual);
}

template <class X, class Y>
Interval LeastSquares<X, Y>::lipschitz_interval() const {
  const NormInterval& norm = operator_.norm_interval();
  return {norm.lower * norm.lower, norm.upper * norm.upper};
}

template class LeastSquares<float>;
template class LeastSquares<double>;
template class LeastSquares<std::complex<float>>;
template class LeastSquares<std::complex<double>>;
template class LeastSquares<float, std::complex<float>>;
template class LeastSquares<double, std::complex<double>>;
template class LeastSquares<std::complex<float>, float>;
template class LeastSquares<std::complex<double>, double>;

}  // namespace fejer
