#pragma once
/// Figures of merit, computed before any clipping to a picture.
#include <fejer/array.hpp>

namespace fejer {

/// 10 log10(range^2 / mean |x - reference|^2) in dB; +infinity when equal.
template <class X>
double psnr(ConstView<X> x, ConstView<X> reference, double data_range);

/// Structural similarity (Wang, Bovik, Sheikh, Simoncelli 2004) of (H,W) or (C,H,W) images, the
/// mean over channels and over the pixels whose whole window lies inside the image: Gaussian
/// window 11x11, sigma 1.5, K1 = 0.01, K2 = 0.03, population variances. Images smaller than the
/// window throw ShapeError.
template <class T>
double ssim(ConstView<T> x, ConstView<T> reference, double data_range);

/// The same, and gradient = d ssim / d x (overwritten).
template <class T>
double ssim_gradient(ConstView<T> x, ConstView<T> reference, double data_range, View<T> gradient);

/// ||x - reference||^2 / ||reference||^2.
template <class X>
double nmse(ConstView<X> x, ConstView<X> reference);

// Arrays convert to views only where the element type is known; these let arrays be passed.
template <class X>
double psnr(const Array<X>& x, const Array<X>& reference, double data_range) {
  return psnr<X>(ConstView<X>(x), ConstView<X>(reference), data_range);
}
template <class T>
double ssim(const Array<T>& x, const Array<T>& reference, double data_range) {
  return ssim<T>(ConstView<T>(x), ConstView<T>(reference), data_range);
}
template <class X>
double nmse(const Array<X>& x, const Array<X>& reference) {
  return nmse<X>(ConstView<X>(x), ConstView<X>(reference));
}

}  // namespace fejer
