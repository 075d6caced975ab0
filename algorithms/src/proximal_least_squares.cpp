#include <fejer/algorithms/proximal_least_squares.hpp>

#include <cmath>
#include <string>

#include <fejer/algorithms/conjugate_gradient.hpp>

namespace fejer {

template <class X, class Y>
ProximalLeastSquares<X, Y>::ProximalLeastSquares(LinearOperator<X, Y> A, Array<Y> y,
                                                 const Options& options)
    : A_(std::move(A)), y_(std::move(y)), options_(options) {
  require_shape("ProximalLeastSquares data", y_.shape(), A_.range());
  if (!(options.tolerance > 0 && options.tolerance < 1) || options.max_products < 1)
    throw ArgumentError("ProximalLeastSquares: got a tolerance of " +
                        std::to_string(options.tolerance) + " and " +
                        std::to_string(options.max_products) +
                        " products, expected a tolerance in (0, 1) and at least one product");
}

template <class X, class Y>
void ProximalLeastSquares<X, Y>::prox(ConstView<X> v, double gamma, View<X> out) const {
  Array<Y> misfit(A_.range());
  A_.apply(v, misfit);
  combine<Y>(1, y_, -1, misfit, misfit);
  const ConjugateGradient<X, Y> solver(A_, std::move(misfit), 1 / gamma);
  auto s = solver.init(Array<X>(v.shape()));
  const double enough = options_.tolerance * options_.tolerance * s.rr;
  for (Index k = 0; k < options_.max_products && s.rr > enough; ++k) solver.step(s);
  combine<X>(1, v, 1, s.x, out);
}

template <class X, class Y>
double ProximalLeastSquares<X, Y>::value(ConstView<X> x) const {
  Array<Y> fitted(A_.range());
  A_.apply(x, fitted);
  const double misfit = distance<Y>(fitted, y_);
  return misfit * misfit / 2;
}

template class ProximalLeastSquares<float>;
template class ProximalLeastSquares<double>;
template class ProximalLeastSquares<std::complex<float>>;
template class ProximalLeastSquares<std::complex<double>>;

}  // namespace fejer
