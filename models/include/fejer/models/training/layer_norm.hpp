#pragma once
/// Norms of convolutions with their gradients, to divide by in a forward pass.
#include <fejer/models/convolution.hpp>

namespace fejer {

struct NormGradient {
  double value;
  Array<double> gradient;  ///< for the kernel (out, in, kh, kw)
};

/// The upper end of frequency_norm(kernel), and Re(conj(u) v e^{i <w, q>}) times its inflation, u,
/// v the singular vectors at the frequency w of the largest singular value. The maximum over that
/// function's grid is found by climbing from the three best points of a coarser one, a twentieth of
/// the work; a peak that is missed there makes the value too small, and is found when a model is
/// made, which runs frequency_norm itself.
NormGradient frequency_norm_gradient(const Array<double>& kernel);

/// <u, W v> = ||W v|| after `iterations` steps of the power method on images of `rows` x `columns`
/// from a fixed start, and its gradient for fixed u, v: that of ||W|| in the limit.
NormGradient power_norm_gradient(const Array<double>& kernel, Padding padding, Index rows,
                                 Index columns, int iterations);

/// The gradient of <g, w / norm(w)> for w.
Array<double> normalised_vjp(const Array<double>& w, const NormGradient& norm,
                             const Array<double>& g);

}  // namespace fejer
