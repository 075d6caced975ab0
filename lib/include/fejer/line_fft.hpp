#pragma once
/// Complex transforms of single lines and of the columns of a plane, unscaled: the parts that
/// transforms of several axes, and operators fused with them, are made of.
#include <memory>

#include <fejer/array.hpp>

namespace fejer {

/// out[k] = sum_j in[j] exp(-+ 2 pi i j k / n): minus for `forward`, plus for `inverse`; so
/// inverse(forward(x)) = n x. Objects are cheap handles, may be used from several threads at once,
/// and a line gets the same bits wherever it lies. Planned as `set_fft_planning` says.
template <class T>
class LineFft {
 public:
  using C = std::complex<T>;
  /// 1 <= n <= INT_MAX, or ShapeError.
  explicit LineFft(Index n);
  Index length() const;
  /// n elements each, any alignment (fastest: 64 bytes); in may be out.
  void forward(const C* in, C* out) const;
  void inverse(const C* in, C* out) const;

  /// Columns first..last-1 of a row-major plane of n rows, `stride` elements apart, in place:
  /// transform times factor. Several columns at a time go through a cached copy, so that the cost
  /// per line is close to that of contiguous ones, powers of two included.
  void forward_columns(C* plane, Index stride, Index first, Index last, T factor) const;
  void inverse_columns(C* plane, Index stride, Index first, Index last, T factor) const;
  /// The same with inverse(factor multiplier .* forward(column)), or with the conjugate of the
  /// multiplier; M is T or C. The multiplier is stored by columns: value k of column c at
  /// multiplier[c n + k].
  template <class M>
  void filter_columns(C* plane, Index stride, Index first, Index last, const M* multiplier,
                      T factor, bool conjugate = false) const;

 private:
  struct Plans;
  std::shared_ptr<const Plans> plans_;
};

}  // namespace fejer
