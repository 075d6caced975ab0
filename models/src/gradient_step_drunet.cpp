#include <fejer/models/gradient_step_drunet.hpp>

#include <cmath>

#include <fejer/error.hpp>
#include <fejer/vector.hpp>

#include "batch.hpp"

namespace fejer {

template <class T>
double GradientStepDrunet<T>::potential(ConstView<T> x, double sigma) const {
  Array<T> n(x.shape());
  network_.denoise(x, sigma, n);
  const double d = distance<T>(x, n);
  return d * d / 2;
}

template <class T>
double GradientStepDrunet<T>::potential_and_gradient(ConstView<T> x, double sigma,
                                                     View<T> gradient) const {
  require_shape("GradientStepDrunet gradient", gradient.shape(), x.shape());
  DrunetTape<T> tape;
  Array<T> r(x.shape());
  network_.forward(x, sigma, r, tape);
  combine<T>(1, x, -1, r, r);
  network_.vjp(tape, r, gradient);
  combine<T>(1, r, -1, gradient, gradient);
  return dot(r, r) / 2;
}

template <class T>
void GradientStepDrunet<T>::denoise(ConstView<T> x, double sigma, View<T> out) const {
  require_shape("GradientStepDrunet::denoise output", out.shape(), x.shape());
  const Shape images =
      detail::as_batch("Drunet input", x.shape(), network_.options().image_channels);
  for (Index n = 0; n < images[0]; ++n) {
    const ConstView<T> image = x.reshaped(images).slice(n);
    const View<T> result = out.reshaped(images).slice(n);
    potential_and_gradient(image, sigma, result);
    combine<T>(1, image, -1, result, result);
  }
}

template <class T>
Certificate GradientStepDrunet<T>::certificate() const {
  Certificate c;
  c.how = "gradient step on 1/2 ||x - N(x)||^2, N a DRUNet: no Lipschitz constant is known";
  return c;
}

template <class T>
void GradientStepDrunet<T>::vjp(ConstView<T> x, double sigma, ConstView<T> u, View<T> gx,
                                DrunetGradient<T>* gradient) const {
  require_shape("GradientStepDrunet::vjp output", gx.shape(), x.shape());
  DrunetTape<T> tape;
  Array<T> r(x.shape()), d(x.shape()), e(x.shape());
  network_.forward(x, u, sigma, r, d, tape);
  combine<T>(1, x, -1, r, r);
  combine<T>(1, u, -1, d, e);
  network_.vjp(tape, e, r, gx, gradient);
  axpy<T>(1, d, gx);
}

template <class T>
double GradientStepDrunet<T>::curvature(ConstView<T> x, double sigma, ConstView<T> v,
                                        DrunetGradient<T>* gradient, double factor) const {
  DrunetTape<T> tape;
  Array<T> r(x.shape()), d(x.shape()), second(x.shape());
  network_.forward(x, v, sigma, r, d, second, tape);
  combine<T>(1, x, -1, r, r);
  combine<T>(1, v, -1, d, d);
  const double value = dot(d, d) - dot(r, second);
  if (gradient == nullptr) return value;
  const T f = static_cast<T>(factor);
  Array<T> unused(x.shape());
  scale<T>(second, f), scale<T>(d, -2 * f), scale<T>(r, -f);
  network_.vjp(tape, second, d, r, unused, gradient);
  return value;
}

template <class T>
double GradientStepDrunet<T>::hessian_eigenvalue(ConstView<T> x, double sigma, View<T> v,
                                                 Index steps, double tolerance) const {
  const auto normalise = [](View<T> a) {
    const double length = norm<T>(a);
    if (length > 0) scale<T>(a, static_cast<T>(1 / length));
    return length > 0;
  };
  if (steps < 1 || !normalise(v))
    throw ArgumentError(
        "GradientStepDrunet::hessian_eigenvalue: expected at least one step, and a "
        "start vector other than 0");
  Array<T> product(x.shape());
  double quotient = 0;
  for (Index k = 0; k < steps; ++k) {
    vjp(x, sigma, v, product);  // (I - Hess g) v
    combine<T>(1, v, -1, product, product);
    const double before = quotient;
    quotient = dot<T>(v, product);
    if (k + 1 == steps || (k > 0 && std::abs(quotient - before) <= tolerance)) break;
    if (!normalise(product)) break;
    copy<T>(product, v);
  }
  return quotient;
}

template class GradientStepDrunet<float>;
template class GradientStepDrunet<double>;

}  // namespace fejer
