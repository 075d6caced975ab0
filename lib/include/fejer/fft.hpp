#pragma once
/// Orthonormal FFTs (adjoint = inverse) over the last axes of an array; leading axes are a batch.
/// Objects are cheap handles on plans that are shared by all transforms of the same kind and size,
/// may be used from several threads, and give the same bits for any number of threads.
#include <memory>
#include <string>

#include <fejer/array.hpp>

namespace fejer {

/// How FFTW chooses its plans of single lines, in transforms made from now on in the whole process:
/// `estimate` (default: the same choice, and so the same bits, in every process) or `measure` (up
/// to a quarter faster, after some milliseconds for each new length; the choice may differ from run
/// to run). Transforms of two and three axes are put together from lines in a fixed way, which for
/// complex powers of two takes about as long as FFTW's measured plans of the whole.
enum class FftPlanning { estimate, measure };
void set_fft_planning(FftPlanning planning);
FftPlanning fft_planning();
/// FFTW wisdom of one scalar type as text, to record a measured choice with a run and to reuse it:
/// import it, then set `measure`. Throws FormatError for text of another version or precision.
template <class T>
std::string export_fft_wisdom();
template <class T>
void import_fft_wisdom(const std::string& wisdom);

/// y = F x, F unitary, over the last dims.rank() axes (1 to 3).
template <class T>
class ComplexFft {
 public:
  explicit ComplexFft(const Shape& dims);
  const Shape& dims() const;
  /// x, y of shape (..., dims).
  void forward(ConstView<std::complex<T>> x, View<std::complex<T>> y) const;
  void inverse(ConstView<std::complex<T>> y, View<std::complex<T>> x) const;

 private:
  struct Plans;
  std::shared_ptr<const Plans> plans_;
};

/// Real x to the half spectrum (last axis n/2 + 1), scaled as the unitary transform.
template <class T>
class RealFft {
 public:
  explicit RealFft(const Shape& dims);
  const Shape& dims() const;
  /// dims with the last axis replaced by n/2 + 1.
  Shape spectrum_dims() const;
  void forward(ConstView<T> x, View<std::complex<T>> y) const;
  /// The real signal of the Hermitian spectrum whose half is y. Destroys y.
  void inverse(View<std::complex<T>> y, View<T> x) const;
  /// y = F^-1 (m .* F x) for two axes: a circular convolution in two passes over memory less than
  /// the transforms by themselves. m, or its conjugate, is given transposed: the value of frequency
  /// (k, l) at (l, k), shape (W/2 + 1, H), M being T or complex. y may be x.
  template <class M>
  void filter(ConstView<T> x, ConstView<M> multiplier, View<T> y, bool conjugate = false) const;

 private:
  struct Plans;
  std::shared_ptr<const Plans> plans_;
};

/// Cyclic shifts of the last two axes: ifftshift moves the centre (index floor(n/2)) to index 0.
template <class X>
void fftshift2(ConstView<X> x, View<X> y);
template <class X>
void ifftshift2(ConstView<X> x, View<X> y);

}  // namespace fejer
