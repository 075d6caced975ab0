#pragma once
/// Norms of convolutions from their symbols A(w)_{o,i} = sum_q w_{o,i}[q] exp(i <w, q>).
#include <vector>

#include <fejer/array.hpp>
#include <fejer/linear_operator.hpp>

namespace fejer {

/// sup_w ||A(w)||_2, the norm of the convolution on an unbounded image; by truncation an upper
/// bound for zero padding and for `valid` at every image size. Kernel (out, in, kh, kw).
/// lower: the maximum over a grid of N_y x N_x frequencies. upper: proven. For a unit vector u,
/// ||A(w) u||^2 is a non-negative trigonometric polynomial of degree k - 1 in each variable, so
/// that sup <= max over the grid / cos(pi (k - 1) / N) for each axis (Ehlich, Zeller, Math.
/// Zeitschrift 86 (1964) 41). N is chosen so that upper / lower < 1.005.
/// Cost: N_y N_x / 2 Hermitian matrices of order min(out, in), most settled by one Cholesky
/// factorisation; below 0.1 s for 60 x 8 x 5 x 5 and for 32 x 32 x 3 x 3.
NormInterval frequency_norm(const Array<double>& kernel);

/// max |FFT| of the response of W^T W to an impulse on a grid x grid torus, for one input channel
/// and kernels in the order of application: the published training-time value of ||W||^2
/// (`grid` = 267 for three 5 x 5 layers).
double impulse_norm_squared(const std::vector<Array<double>>& kernels, Index grid = 267);

}  // namespace fejer
