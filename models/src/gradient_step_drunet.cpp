#include <fejer/models/gradient_step_drunet.hpp>

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

template class GradientStepDrunet<float>;
template class GradientStepDrunet<double>;

}  // namespace fejer
