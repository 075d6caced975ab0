#include <fejer/models/ridge_prior.hpp>

#include <cmath>

#include <fejer/vector.hpp>

namespace fejer {

template <class X>
RidgePrior<X>::RidgePrior(RidgeRegulariser<Real<X>> model, double sigma, double lambda,
                          NormRule rule)
    : model_(std::move(model)), sigma_(sigma), lambda_(lambda), rule_(rule) {
  if (!(lambda > 0) || !std::isfinite(lambda))
    throw ArgumentError("RidgePrior: lambda must be positive and finite, got " +
                        std::to_string(lambda));
  model_.scaling(sigma);  // refuses an impossible sigma
}

namespace {

/// f on an array of reals, or on the real and on the imaginary part.
template <class X, class OfReal>
double on_parts(ConstView<X> x, View<X> out, const OfReal& of_real) {
  if constexpr (!is_complex<X>) {
    return of_real(x, out);
  } else {
    using T = Real<X>;
    const Array<T> re = real_part<T>(x), im = imaginary_part<T>(x);
    Array<T> re_out(x.shape()), im_out(x.shape());
    const double value = of_real(ConstView<T>(re), View<T>(re_out));
    const double sum = value + of_real(ConstView<T>(im), View<T>(im_out));
    for (Index i = 0; i < out.size(); ++i) out[i] = X(re_out[i], im_out[i]);
    return sum;
  }
}

}  // namespace

template <class X>
double RidgePrior<X>::value(ConstView<X> x) const {
  if constexpr (!is_complex<X>) {
    return lambda_ * model_.value(x, sigma_);
  } else {
    const Array<Real<X>> re = real_part<Real<X>>(x), im = imaginary_part<Real<X>>(x);
    return lambda_ * (model_.value(re, sigma_) + model_.value(im, sigma_));
  }
}

template <class X>
void RidgePrior<X>::gradient(ConstView<X> x, View<X> out) const {
  require_shape("RidgePrior::gradient output", out.shape(), x.shape());
  using T = Real<X>;
  on_parts<X>(x, out, [&](ConstView<T> part, View<T> part_out) {
    model_.gradient(part, sigma_, part_out);
    return 0.0;
  });
  scale<X>(out, static_cast<T>(lambda_));
}

template <class X>
double RidgePrior<X>::value_and_gradient(ConstView<X> x, View<X> out) const {
  require_shape("RidgePrior::value_and_gradient output", out.shape(), x.shape());
  using T = Real<X>;
  const double value = on_parts<X>(x, out, [&](ConstView<T> part, View<T> part_out) {
    return model_.value_and_gradient(part, sigma_, part_out);
  });
  scale<X>(out, static_cast<T>(lambda_));
  return lambda_ * value;
}

template <class X>
Interval RidgePrior<X>::lipschitz_interval() const {
  return {0, lambda_ * model_.lipschitz_bound(rule_).value};
}

template <class X>
double RidgePrior<X>::convexity() const {
  return -lambda_ * model_.weak_convexity().value;
}

template class RidgePrior<float>;
template class RidgePrior<double>;
template class RidgePrior<std::complex<float>>;
template class RidgePrior<std::complex<double>>;

}  // namespace fejer
