#include <fejer/denoiser.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

namespace fejer {
namespace {

constexpr Index grain = 32768;

template <class X>
struct Averaged {
  Denoiser<X> d;
  double beta;
  void denoise(ConstView<X> x, double sigma, View<X> out) const {
    d.denoise(x, sigma, out);
    combine<X>(static_cast<Real<X>>(beta), out, static_cast<Real<X>>(1 - beta), x, out);
  }
  Certificate certificate() const {
    Certificate c = d.certificate();
    if (c.lipschitz <= 1) c.averagedness = std::min(c.averagedness, 1.0);
    c.lipschitz = beta * c.lipschitz + (1 - beta);
    c.averagedness =
        c.averagedness <= 1 ? beta * c.averagedness : std::numeric_limits<double>::infinity();
    if (beta != 1) c.weak_convexity = std::numeric_limits<double>::infinity();
    c.how += (c.how.empty() ? "" : "; ");
    c.how += "averaged with beta = " + std::to_string(beta);
    return c;
  }
};

template <class X>
struct Rescaled {
  Denoiser<X> d;
  double factor;
  void denoise(ConstView<X> x, double sigma, View<X> out) const {
    Array<X> scaled(x);
    scale<X>(scaled, static_cast<Real<X>>(1 / factor));
    d.denoise(scaled, sigma / factor, out);
    scale<X>(out, static_cast<Real<X>>(factor));
  }
  Certificate certificate() const { return d.certificate(); }
};

template <class T>
struct OnRealAndImaginary {
  Denoiser<T> on_real, on_imaginary;
  void denoise(ConstView<std::complex<T>> x, double sigma, View<std::complex<T>> out) const {
    const Array<T> real = real_part<T>(x), imaginary = imaginary_part<T>(x);
    Array<T> real_out(x.shape()), imaginary_out(x.shape());
    on_real.denoise(real, sigma, real_out);
    on_imaginary.denoise(imaginary, sigma, imaginary_out);
    const T *re = real_out.data(), *im = imaginary_out.data();
    parallel_for(out.size(), grain, [=](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) out[i] = {re[i], im[i]};
    });
  }
  Certificate certificate() const {
    Certificate c = on_real.certificate();
    const Certificate other = on_imaginary.certificate();
    c.kind = std::min(c.kind, other.kind);
    c.lipschitz = std::max(c.lipschitz, other.lipschitz);
    c.averagedness = std::max(c.averagedness, other.averagedness);
    c.weak_convexity = std::max(c.weak_convexity, other.weak_convexity);
    if (other.how != c.how) c.how += "; imaginary part: " + other.how;
    return c;
  }
};

template <class T>
struct OnMagnitude {
  Denoiser<T> d;
  void denoise(ConstView<std::complex<T>> x, double sigma, View<std::complex<T>> out) const {
    const Array<T> magnitude = modulus<T>(x);
    Array<T> denoised(x.shape());
    d.denoise(magnitude, sigma, denoised);
    const T *before = magnitude.data(), *after = denoised.data();
    parallel_for(out.size(), grain, [=](Index begin, Index end) {
      for (Index i = begin; i < end; ++i)
        out[i] = before[i] > 0 ? x[i] / before[i] * after[i] : std::complex<T>(after[i]);
    });
  }
  Certificate certificate() const {
    Certificate c;
    c.how = "none: a denoiser of the modulus is outside the theory";
    return c;
  }
};

}  // namespace

template <class X>
Denoiser<X> averaged(Denoiser<X> d, double beta) {
  if (!(beta > 0 && beta <= 1))
    throw ArgumentError("averaged: got beta = " + std::to_string(beta) +
                        ", expected a number in (0, 1]");
  return Averaged<X>{std::move(d), beta};
}

template <class X>
Denoiser<X> rescaled(Denoiser<X> d, double scale) {
  if (!(scale > 0) || !std::isfinite(scale))
    throw ArgumentError("rescaled: got a scale of " + std::to_string(scale) +
                        ", expected a finite positive number");
  return Rescaled<X>{std::move(d), scale};
}

template <class T>
Denoiser<std::complex<T>> on_real_and_imaginary(Denoiser<T> real, Denoiser<T> imaginary) {
  return OnRealAndImaginary<T>{std::move(real), std::move(imaginary)};
}

template <class T>
Denoiser<std::complex<T>> on_magnitude(Denoiser<T> d) {
  return OnMagnitude<T>{std::move(d)};
}

template <class X>
void red_gradient(const Denoiser<X>& d, double sigma, ConstView<X> x, View<X> out) {
  d.denoise(x, sigma, out);
  combine<X>(1, x, -1, out, out);
}

template Denoiser<float> averaged(Denoiser<float>, double);
template Denoiser<float> rescaled(Denoiser<float>, double);
template void red_gradient(const Denoiser<float>&, double, ConstView<float>, View<float>);
template Denoiser<double> averaged(Denoiser<double>, double);
template Denoiser<double> rescaled(Denoiser<double>, double);
template void red_gradient(const Denoiser<double>&, double, ConstView<double>, View<double>);
template Denoiser<std::complex<float>> averaged(Denoiser<std::complex<float>>, double);
template Denoiser<std::complex<float>> rescaled(Denoiser<std::complex<float>>, double);
template void red_gradient(const Denoiser<std::complex<float>>&, double,
                           ConstView<std::complex<float>>, View<std::complex<float>>);
template Denoiser<std::complex<double>> averaged(Denoiser<std::complex<double>>, double);
template Denoiser<std::complex<double>> rescaled(Denoiser<std::complex<double>>, double);
template void red_gradient(const Denoiser<std::complex<double>>&, double,
                           ConstView<std::complex<double>>, View<std::complex<double>>);
template Denoiser<std::complex<float>> on_real_and_imaginary(Denoiser<float>, Denoiser<float>);
template Denoiser<std::complex<float>> on_magnitude(Denoiser<float>);
template Denoiser<std::complex<double>> on_real_and_imaginary(Denoiser<double>, Denoiser<double>);
template Denoiser<std::complex<double>> on_magnitude(Denoiser<double>);

}  // namespace fejer
