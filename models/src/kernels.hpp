#pragma once
/// The inner loops of the models as plain functions over raw memory. They are compiled twice from
/// kernels_body.hpp (generic, and with AVX2 and FMA) and chosen when the program runs. Nothing here
/// may include a header with inline functions: the linker could keep the AVX2 copy of one.
#include <cstddef>

namespace fejer::detail {

/// One block of 1, 2, 3, 4 or 6 output planes:
/// out[b][y][x] = bias[b] + sum_{i,r,c} weights[i][r][c][b] in[i][y + r][x + c].
template <class T>
struct ConvolutionTask {
  const T* in;  ///< the window of output pixel (0,0)
  std::ptrdiff_t in_row, in_plane;
  std::ptrdiff_t in_channels, kernel_rows, kernel_columns;
  const T* weights;
  const T* bias;
  T* out;
  std::ptrdiff_t out_row, out_plane;
  std::ptrdiff_t rows, columns;
  int block;
};

/// A spline as a table of lines over cells 0..last (the first and the last are the tails):
/// k = floor(clamp(x * inverse_step + origin, 0, last)),  y = offset[k] * offset_scale + slope[k] *
/// x.
template <class T>
struct SplineTask {
  const T* offset;
  const T* slope;
  T inverse_step, origin, last, offset_scale;
};

/// Quadratic potentials over the same cells, in double: q0[k] + q1[k] t + q2[k] t^2, t = scale * x.
template <class T>
struct PotentialTask {
  const double* q0;
  const double* q1;
  const double* q2;
  T inverse_step, origin, last;
  double scale;
};

template <class T>
struct Kernels {
  const char* name;
  void (*convolve)(const ConvolutionTask<T>&);
  /// y may be x; slopes go to s unless it is null.
  void (*spline)(const SplineTask<T>&, std::ptrdiff_t n, const T* x, T* y, T* s);
  double (*potential)(const PotentialTask<T>&, std::ptrdiff_t n, const T* x);
};

template <class T>
const Kernels<T>& generic_kernels();
/// Only to be called where the processor has AVX2 and FMA.
template <class T>
const Kernels<T>& avx2_kernels();
/// Null where the build or the processor has no AVX2 and FMA.
template <class T>
const Kernels<T>* avx2_kernels_if_supported();
/// The best ones for this processor.
template <class T>
const Kernels<T>& kernels();

}  // namespace fejer::detail
