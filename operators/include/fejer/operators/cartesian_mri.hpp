#pragma once
#include <complex>
#include <memory>

#include <fejer/linear_operator.hpp>
#include <fejer/rng.hpp>

namespace fejer {

/// Cartesian magnetic resonance measurement of one image with one or more coils,
///   y[c] = mask .* F (maps[c] .* x),  F = fftshift FFT ifftshift / sqrt(H W): centred, unitary.
/// Shapes: x (1,H,W); mask (H,W), ones where k-space is sampled and zeros elsewhere, frequency zero
/// at (floor(H/2), floor(W/2)); maps (coils,H,W); y (coils,H,W), zero where not sampled. Without
/// maps there is one coil of sensitivity 1. Cost: one complex FFT per coil; `normal`: two, or where
/// the mask samples whole lines, two transforms along one axis only. Norm: at most the largest root
/// of sum_c |maps[c]|^2 over the pixels, so 1 for normalised maps; exact where all of k-space is
/// sampled, and for a single coil without maps.
template <class T>
class CartesianMri {
 public:
  using Domain = std::complex<T>;
  using Range = std::complex<T>;
  explicit CartesianMri(const Array<T>& mask);
  CartesianMri(const Array<T>& mask, const Array<std::complex<T>>& maps);
  const Shape& domain() const;
  const Shape& range() const;
  void apply(ConstView<std::complex<T>> x, View<std::complex<T>> y) const;
  void apply_adjoint(ConstView<std::complex<T>> y, View<std::complex<T>> x) const;
  void normal(ConstView<std::complex<T>> x, View<std::complex<T>> out) const;
  NormInterval norm_interval() const;

 private:
  struct Plan;
  std::shared_ptr<const Plan> plan_;
};

/// The (H,W) mask that samples whole lines: line i (ones in `lines`) along the columns
/// (axis 1: mask[., i] = lines[i], W lines) or along the rows (axis 0: mask[i, .], H lines).
template <class T>
Array<T> expand_line_mask(const Array<T>& lines, int axis, Index H, Index W);

/// Random lines with a fully sampled centre (the random mask of fastMRI, Zbontar et al.,
/// arXiv:1811.08839): of the n lines on the axis (see expand_line_mask), round(n center_fraction)
/// around frequency zero are taken, and each other one with the probability that makes the expected
/// number of lines n / acceleration; line i uses uniform number i of the stream. Throws
/// ArgumentError where the centre alone has more than n / acceleration lines.
template <class T>
Array<T> random_column_mask(Index H, Index W, double acceleration, double center_fraction,
                            const RandomStream& stream, int axis = 1);

/// Smooth simulated sensitivities (coils,H,W) of coils evenly spaced on a circle of 1.5 half-widths
/// around the image: modulus 1 / distance to the coil, phase the direction to it, then divided by
/// the root of the sum of squares, so that sum_c |maps[c]|^2 = 1 at every pixel.
template <class T>
Array<std::complex<T>> birdcage_maps(Index coils, Index H, Index W);

}  // namespace fejer
