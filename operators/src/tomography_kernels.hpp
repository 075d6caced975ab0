#pragma once
/// The inner loops of parallel projections for processors with AVX2 and FMA. Nothing here may
/// include a header with inline functions: the linker could keep the AVX2 copy of one.
#include <cstddef>

namespace fejer::detail {

/// Elements of zero that the loops may read before and behind every padded line.
constexpr std::ptrdiff_t projection_pad = 16;

/// Detector element d of one view crosses line i at offset + slope i + step d, 1 <= step <= 1.9,
/// counted in pixels of the line; lines are padded and `stride` apart, `pixels` points at pixel 0
/// of line 0.
struct ForwardTask {
  const float* pixels;
  std::ptrdiff_t stride, length;
  std::ptrdiff_t first, last;  ///< lines to step through
  double offset, slope, step;
  float* sums;  ///< eight for each block, added to
  std::ptrdiff_t blocks;
};
void project_avx2(const ForwardTask& task);

/// The transpose, gathered: eight pixels from position `position` of line `line`, overwritten, get
/// sum over views of value[d] max(0, 1 - |position of d - pixel|), of which at most two elements d
/// = floor(p), floor(p) + 1 count in each view, p = (pixel - offset - slope line) / step.
struct AdjointTask {
  const float* values;  ///< element 0 of view 0; padded, `stride` apart
  std::ptrdiff_t stride, detectors, views;
  const double* origin;     ///< -offset / step of each view
  const double* per_line;   ///< -slope / step
  const double* per_pixel;  ///< 1 / step
  const float* narrow;      ///< the same in float
  const float* step;
  std::ptrdiff_t line, position;
  float* out;
};
void backproject_avx2(const AdjointTask& task);

}  // namespace fejer::detail
