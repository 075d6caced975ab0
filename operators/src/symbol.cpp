#include "symbol.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

#include <fejer/fft.hpp>

namespace fejer {
namespace {

// Twenty times the worst error that a transform of 2^24 points can make.
constexpr double rounding_margin = 1e-10;

/// Points per coefficient on each axis: many for small kernels, never fewer than four.
Index oversampling(const Shape& kernel) {
  const double budget = 1 << 21;
  const double factor = std::sqrt(budget / static_cast<double>(kernel.size()));
  return std::clamp<Index>(static_cast<Index>(factor), 4, 64);
}

/// 1 / cos(pi d / N): sup / grid maximum of a trigonometric polynomial of degree d = k - 1.
double ehlich_zeller(Index k, Index n) {
  return 1 / std::cos(std::numbers::pi * static_cast<double>(k - 1) / static_cast<double>(n));
}

}  // namespace

Index fast_fft_length(Index n) {
  const Index step = n < 64 ? 1 : 16;
  for (Index length = (std::max<Index>(1, n) + step - 1) / step * step;; length += step) {
    Index rest = length;
    for (const Index p : {2, 3, 5, 7})
      while (rest % p == 0) rest /= p;
    if (rest == 1) return length;
  }
}

double symbol_supremum(ConstView<double> kernel) {
  const Index kh = kernel.shape()[0], kw = kernel.shape()[1];
  double sum = 0;
  bool positive = true, negative = true;
  for (const double h : kernel) {
    sum += std::abs(h);
    positive = positive && h >= 0;
    negative = negative && h <= 0;
  }
  if (positive || negative) return sum * (1 + rounding_margin);  // attained at frequency zero
  const Index factor = oversampling(kernel.shape());
  const Shape grid{kh == 1 ? 1 : fast_fft_length(factor * kh),
                   kw == 1 ? 1 : fast_fft_length(factor * kw)};
  Array<double> padded(grid);
  for (Index i = 0; i < kh; ++i)
    std::copy_n(kernel.data() + i * kw, kw, padded.data() + i * grid[1]);
  const RealFft<double> fft(grid);
  Array<std::complex<double>> spectrum(fft.spectrum_dims());
  fft.forward(padded, spectrum);
  double largest = 0;
  for (const auto& value : spectrum) largest = std::max(largest, std::norm(value));
  largest *= static_cast<double>(grid.size());  // the transform is unitary
  const double square = largest * ehlich_zeller(kh, grid[0]) * ehlich_zeller(kw, grid[1]);
  return std::min(sum, std::sqrt(square)) * (1 + rounding_margin);
}

}  // namespace fejer
