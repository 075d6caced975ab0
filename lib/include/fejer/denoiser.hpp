#pragma once
/// Denoisers, and the named adaptors through which they enter algorithms. A denoiser is not a prox
/// until `as_prox` says so. sigma is a standard deviation in the image's unit (25/255, not 25).
#include <memory>
#include <utility>

#include <fejer/array.hpp>
#include <fejer/certificate.hpp>
#include <fejer/function.hpp>

namespace fejer {

template <class D, class X>
concept DenoiserLike = requires(const D d, ConstView<X> x, View<X> out) {
  d.denoise(x, 0.1, out);
  { d.certificate() } -> std::convertible_to<Certificate>;
};

/// Handle on an immutable denoiser of images (C,H,W).
template <class X>
class Denoiser {
 public:
  template <class D>
  requires(!std::is_same_v<std::remove_cvref_t<D>, Denoiser> &&
           DenoiserLike<std::remove_cvref_t<D>, X>) Denoiser(D&& d)
      : self_(std::make_shared<const Model<std::remove_cvref_t<D>>>(std::forward<D>(d))) {}

  void denoise(ConstView<X> x, double sigma, View<X> out) const {
    require_shape("Denoiser::denoise output", out.shape(), x.shape());
    self_->denoise(x, sigma, out);
  }
  Certificate certificate() const { return self_->certificate(); }

 private:
  struct Interface {
    virtual ~Interface() = default;
    virtual void denoise(ConstView<X>, double, View<X>) const = 0;
    virtual Certificate certificate() const = 0;
  };
  template <class D>
  struct Model final : Interface {
    D d;
    explicit Model(D value) : d(std::move(value)) {}
    void denoise(ConstView<X> x, double sigma, View<X> out) const override {
      d.denoise(x, sigma, out);
    }
    Certificate certificate() const override { return d.certificate(); }
  };
  std::shared_ptr<const Interface> self_;
};

/// beta D + (1 - beta) I, beta in (0, 1].
template <class X>
Denoiser<X> averaged(Denoiser<X> d, double beta);

/// x -> scale D(x / scale, sigma / scale): for data whose unit is not [0,1]. Keeps the certificate.
template <class X>
Denoiser<X> rescaled(Denoiser<X> d, double scale);

/// One denoiser on the real part, one on the imaginary part, each as an image of its own; the
/// certificate is the weaker one.
template <class T>
Denoiser<std::complex<T>> on_real_and_imaginary(Denoiser<T> real, Denoiser<T> imaginary);
/// The same denoiser on both. Keeps the certificate.
template <class T>
Denoiser<std::complex<T>> on_real_and_imaginary(Denoiser<T> d) {
  return on_real_and_imaginary<T>(d, d);
}

/// D on |x|, with the phase kept. Drops the certificate: |.| is outside the theory.
template <class T>
Denoiser<std::complex<T>> on_magnitude(Denoiser<T> d);

/// A denoiser in the place of a prox: prox(v, gamma) = D(v, sigma), gamma ignored; no value.
template <class X>
class DenoiserProx {
 public:
  DenoiserProx(Denoiser<X> d, double sigma) : denoiser_(std::move(d)), sigma_(sigma) {}
  void prox(ConstView<X> v, double /*gamma*/, View<X> out) const {
    denoiser_.denoise(v, sigma_, out);
  }
  const Denoiser<X>& denoiser() const { return denoiser_; }

 private:
  Denoiser<X> denoiser_;
  double sigma_;
};
template <class X>
DenoiserProx<X> as_prox(Denoiser<X> d, double sigma) {
  return {std::move(d), sigma};
}

/// x -> x - D(x, sigma): the direction of regularisation by denoising.
template <class X>
void red_gradient(const Denoiser<X>& d, double sigma, ConstView<X> x, View<X> out);

}  // namespace fejer
