#pragma once
/// lambda R(.; sigma) as a smooth function of real or complex images, for reconstruction.
#include <complex>

#include <fejer/function.hpp>
#include <fejer/models/ridge.hpp>

namespace fejer {

/// f(x) = lambda R(x; sigma); for complex X f(x) = lambda (R(Re x) + R(Im x)).
/// sigma > 0 in the image's unit, lambda > 0. Shapes as RidgeRegulariser.
template <class X>
class RidgePrior {
 public:
  RidgePrior(RidgeRegulariser<Real<X>> model, double sigma, double lambda,
             NormRule rule = NormRule::margin);

  double value(ConstView<X> x) const;
  void gradient(ConstView<X> x, View<X> out) const;
  double value_and_gradient(ConstView<X> x, View<X> out) const;
  /// Upper end: lambda times the model's lipschitz_bound, which says its kind.
  Interval lipschitz_interval() const;
  /// -lambda times the modulus of weak convexity.
  double convexity() const;
  const RidgeRegulariser<Real<X>>& model() const { return model_; }

 private:
  RidgeRegulariser<Real<X>> model_;
  double sigma_, lambda_;
  NormRule rule_;
};

extern template class RidgePrior<float>;
extern template class RidgePrior<double>;
extern template class RidgePrior<std::complex<float>>;
extern template class RidgePrior<std::complex<double>>;

}  // namespace fejer
