#pragma once
/// The inner loops of the models as plain functions over raw memory. They are compiled three times
/// from kernels_body.hpp (generic, with AVX2 and FMA, with AVX-512) and chosen when the program
/// runs. Nothing here may include a header with inline functions: the linker could keep the AVX2
/// copy of one.
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
  const T* bias;  ///< null: the sums in `out` go on
  T* out;
  std::ptrdiff_t out_row, out_plane;
  std::ptrdiff_t rows, columns;
  int block;
};

/// A spline as a table of lines over cells 0..last (the first and the last are the tails):
/// k = floor(clamp(x * inverse_step + origin, 0, last)),  y = offset[k] * offset_scale + slope[k] *
/// x. The same once more as pairs (offset[k], slope[k]), which one load brings.
template <class T>
struct SplineTask {
  const T* offset;
  const T* slope;
  const T* pairs;
  T inverse_step, origin, last, offset_scale;
};

/// Element i goes to part i modulo this, so that additions to one cell need not wait for the last.
constexpr int sum_parts = 8;

/// Quadratic potentials over the same cells, in double: q0[k] + q1[k] t + q2[k] t^2, t = scale * x.
template <class T>
struct PotentialTask {
  const double* q0;
  const double* q1;
  const double* q2;
  T inverse_step, origin, last;
  double scale;
};

/// A spline of 2 to most_pieces pieces: piece k where k of the breaks are at most t = scale x,
/// y = offset[k] + slope[k] x. A potential as above, in double, with its own breaks.
constexpr int most_pieces = 8;
template <class T>
struct PiecesTask {
  int pieces;
  const T* breaks;
  const T* offset;
  const T* slope;
  T scale, offset_scale;
};
struct PotentialPiecesTask {
  int pieces;
  const double* breaks;
  const double* q0;
  const double* q1;
  const double* q2;
  double scale;
};

/// result[o][i][r][c] += sum_{y,x} weights[o][y][x] in[i][y + r][x + c]: what a kernel's gradient
/// is. Rows of `weights` go on with zeros up to a whole number of 64 bytes; `in` can be read
/// there.
template <class T>
struct CorrelationTask {
  const T* weights;
  std::ptrdiff_t weights_row, weights_plane;
  const T* in;  ///< the window of pixel (0,0)
  std::ptrdiff_t in_row, in_plane;
  std::ptrdiff_t out_channels, in_channels, kernel_rows, kernel_columns, rows, columns;
  T* result;
};

/// See columns_to_gradient.
template <class T>
struct TileGradientTask {
  const T* twiddles;
  const T* s;
  const T* t;
  std::ptrdiff_t stride;
  const T* h;
  const T* u;
  const T* x;
  T* spectrum;
  T* gradient;
};

/// Fourier transforms of `lanes` tiles of size x size complex values at once. A line holds the real
/// parts of its points (`lanes` values each), then the imaginary parts; a spectrum holds point
/// (column, row) as a pair of `lanes` values, in the order of the transforms; h has one complex
/// weight for every point of a spectrum. `lanes` divides `sum_parts`.
template <class T>
struct TileKernels {
  std::ptrdiff_t size, lanes;
  void (*forward_line)(const T* twiddles, T* line);
  void (*inverse_line)(const T* twiddles, T* line);
  /// spectrum = F(columns), or spectrum += conj(h) F(columns).
  void (*columns_to_spectrum)(const T* twiddles, const T* lines, std::ptrdiff_t stride, const T* h,
                              T* spectrum);
  /// columns = size F^-1(spectrum), or of h spectrum.
  void (*spectrum_to_columns)(const T* twiddles, const T* spectrum, const T* h, T* lines,
                              std::ptrdiff_t stride);
  /// spectrum += conj(h) F(t); gradient[point] = sum over lanes of conj(u) F(s) + conj(x) F(t).
  void (*columns_to_gradient)(const TileGradientTask<T>&);
};

template <class T>
struct Kernels {
  const char* name;
  void (*convolve)(const ConvolutionTask<T>&);
  /// y may be x; slopes go to s unless it is null.
  void (*spline)(const SplineTask<T>&, std::ptrdiff_t n, const T* x, T* y, T* s);
  double (*potential)(const PotentialTask<T>&, std::ptrdiff_t n, const T* x);
  void (*pieces)(const PiecesTask<T>&, std::ptrdiff_t n, const T* x, T* y, T* s);
  double (*potential_pieces)(const PotentialPiecesTask&, std::ptrdiff_t n, const T* x);
  void (*correlate)(const CorrelationTask<T>&);
  /// gx = g f'(x) (gx may be g), and for each cell k, in parts that the caller adds up,
  /// sums[sum_parts][cells][2] += (g, g x).
  void (*spline_sums)(const SplineTask<T>&, std::ptrdiff_t n, const T* x, const T* g, T* gx,
                      double* sums);
  /// row[i] *= factors[i % lanes], i < columns * lanes.
  void (*scale_lanes)(const T* factors, std::ptrdiff_t columns, T* row);
  /// row[i] *= factors[i], n a multiple of `lanes`.
  void (*multiply)(const T* factors, std::ptrdiff_t n, T* row);
  TileKernels<T> tiles[2];  ///< of 48 x 48 and of 64 x 64
};

template <class T>
const Kernels<T>& generic_kernels();
/// Only to be called where the processor has AVX2 and FMA, or AVX-512 (F, VL, BW, DQ).
template <class T>
const Kernels<T>& avx2_kernels();
template <class T>
const Kernels<T>& avx512_kernels();
/// Null where the build or the processor has none.
template <class T>
const Kernels<T>* avx2_kernels_if_supported();
template <class T>
const Kernels<T>* avx512_kernels_if_supported();
/// Those that run in this process; see kernel_name().
template <class T>
const Kernels<T>& kernels();

}  // namespace fejer::detail
