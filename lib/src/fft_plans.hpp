#pragma once
/// FFTW's plans of single lines, made once and shared. Everything larger is put together from them:
/// FFTW estimates plans of several axes badly (c2c of powers of two 5 to 7 times slower than
/// measured ones), and those of one line well.
#include <complex>

#include <fejer/array.hpp>

namespace fejer::detail {

enum class LineKind { forward, inverse, real_forward, real_inverse };

/// An unscaled transform of n points, from one memory to another; both must be aligned.
template <class T>
class LinePlan {
 public:
  using C = std::complex<T>;
  /// Made as `set_fft_planning` asks for now.
  LinePlan(LineKind kind, Index n);
  Index length() const { return length_; }
  void forward_or_inverse(const C* in, C* out) const;
  void real_forward(const T* in, C* out) const;
  /// Destroys its input.
  void real_inverse(C* in, T* out) const;

 private:
  Index length_;
  void* plan_;  // owned by a cache that lives as long as the process
};

template <class T>
bool aligned_for_fft(const void* p);

}  // namespace fejer::detail
