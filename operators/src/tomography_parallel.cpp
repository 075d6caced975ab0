#include "tomography_parallel.hpp"

#include <algorithm>
#include <cmath>

#include <fejer/parallel.hpp>
#include <fejer/scratch.hpp>

#include "tomography_kernels.hpp"

namespace fejer::detail {

namespace {

constexpr Index pad = projection_pad;
constexpr Index views_per_piece = 4;   ///< share the lines in the cache
constexpr Index lines_per_strip = 64;  ///< of the image, kept in the cache
constexpr Index lines_per_piece = 32;  ///< of the adjoint

#ifdef FEJER_HAVE_AVX2
bool supported() {
  static const bool result =
      __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  return result;
}
#else
bool supported() { return false; }
#endif

Index blocks(Index n) { return (n + 7) / 8; }

/// Lines with zeros around from an image (H,W), or from its transpose.
void pad_lines(const float* x, Index H, Index W, bool transposed, Index stride, float* out) {
  const Index lines = transposed ? W : H, length = transposed ? H : W;
  parallel_for(lines, 16, [=](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      float* line = out + i * stride;
      std::fill_n(line, pad, 0.0F);
      if (!transposed) std::copy_n(x + i * W, W, line + pad);
      std::fill(line + pad + length, line + stride, 0.0F);
    }
    for (Index j = 0; transposed && j < H; ++j)
      for (Index i = begin; i < end; ++i) out[i * stride + pad + j] = x[j * W + i];
  });
}

}  // namespace

#ifndef FEJER_HAVE_AVX2
// Never called: `make` makes nothing.
void project_avx2(const ForwardTask&) {}
void backproject_avx2(const AdjointTask&) {}
#endif

Index ParallelBeam::Axis::stride() const { return pad + 8 * blocks(length) + pad; }

ParallelBeam::ParallelBeam(Index detectors, Index H, Index W)
    : detectors_(detectors), H_(H), W_(W) {
  rows_.lines = columns_.length = H;
  rows_.length = columns_.lines = W;
}

std::optional<ParallelBeam> ParallelBeam::make(const std::vector<Line>& views, Index detectors,
                                               Index H, Index W) {
  if (!supported()) return {};
  ParallelBeam beam(detectors, H, W);
  for (std::size_t v = 0; v < views.size(); ++v) {
    const double step = std::abs(views[v].step);
    if (!(step >= 1 - 1e-9 && step <= 1.9)) return {};
    beam.add(static_cast<Index>(v), views[v]);
  }
  for (Axis* axis : {&beam.rows_, &beam.columns_})
    for (auto* list : {&axis->origin, &axis->per_line, &axis->per_pixel})
      list->resize(list->size() + 4);
  return beam;
}

void ParallelBeam::add(Index view, const Line& line) {
  Axis& axis = line.along_rows ? rows_ : columns_;
  const bool reversed = line.step < 0;
  const double step = std::abs(line.step);
  const double offset =
      reversed ? line.offset + line.step * static_cast<double>(detectors_ - 1) : line.offset;
  axis.view.push_back(view);
  axis.reversed.push_back(reversed ? 1 : 0);
  axis.offset.push_back(offset);
  axis.slope.push_back(line.slope);
  axis.step.push_back(step);
  axis.origin.push_back(-offset / step);
  axis.per_line.push_back(-line.slope / step);
  axis.per_pixel.push_back(1 / step);
  axis.narrow_per_pixel.push_back(static_cast<float>(std::min(1.0, 1 / step)));
  axis.narrow_step.push_back(static_cast<float>(step));
  axis.weight.push_back(line.weight);
}

/// Views [first, last) of an axis, strip by strip.
void ParallelBeam::project_axis(const Axis& axis, const float* lines, Index first, Index last,
                                float* y) const {
  const Index width = 8 * blocks(detectors_);
  Scratch<float> memory((last - first) * width);
  std::fill_n(memory.data(), (last - first) * width, 0.0F);
  for (Index i = 0; i < axis.lines; i += lines_per_strip)
    for (Index k = first; k < last; ++k) {
      const auto v = static_cast<std::size_t>(k);
      project_avx2({lines + pad, axis.stride(), axis.length, i,
                    std::min(axis.lines, i + lines_per_strip), axis.offset[v], axis.slope[v],
                    axis.step[v], memory.data() + (k - first) * width, blocks(detectors_)});
    }
  for (Index k = first; k < last; ++k) {
    const auto v = static_cast<std::size_t>(k);
    const float* sums = memory.data() + (k - first) * width;
    float* out = y + axis.view[v] * detectors_;
    for (Index d = 0; d < detectors_; ++d)
      out[d] = axis.weight[v] * sums[axis.reversed[v] ? detectors_ - 1 - d : d];
  }
}

void ParallelBeam::project(const float* x, float* y) const {
  for (const Axis* axis : {&rows_, &columns_}) {
    if (axis->size() == 0) continue;
    Scratch<float> lines(axis->lines * axis->stride());
    pad_lines(x, H_, W_, axis == &columns_, axis->stride(), lines.data());
    parallel_for(axis->size(), views_per_piece,
                 [&](Index begin, Index end) { project_axis(*axis, lines.data(), begin, end, y); });
  }
}

/// Pixels by lines of the axis, `8 blocks(length)` apart.
void ParallelBeam::backproject_axis(const Axis& axis, const float* y, float* out) const {
  const Index stride = pad + detectors_ + 2 * pad, tiles = blocks(axis.length);
  Scratch<float> memory(axis.size() * stride);
  float* const values = memory.data();
  parallel_for(axis.size(), 16, [&](Index begin, Index end) {
    for (Index k = begin; k < end; ++k) {
      const auto v = static_cast<std::size_t>(k);
      const float* from = y + axis.view[v] * detectors_;
      float* to = values + k * stride;
      std::fill_n(to, stride, 0.0F);
      for (Index d = 0; d < detectors_; ++d)
        to[pad + d] = axis.weight[v] * from[axis.reversed[v] ? detectors_ - 1 - d : d];
    }
  });
  parallel_for(axis.lines, lines_per_piece, [&](Index begin, Index end) {
    for (Index tile = 0; tile < tiles; ++tile)
      for (Index i = begin; i < end; ++i)
        backproject_avx2({values + pad, stride, detectors_, axis.size(), axis.origin.data(),
                          axis.per_line.data(), axis.per_pixel.data(), axis.narrow_per_pixel.data(),
                          axis.narrow_step.data(), i, 8 * tile, out + (i * tiles + tile) * 8});
  });
}

void ParallelBeam::backproject(const float* y, float* x) const {
  const Index across = 8 * blocks(W_), down = 8 * blocks(H_);
  Scratch<float> by_row(H_ * across), by_column(W_ * down);
  backproject_axis(rows_, y, by_row.data());
  backproject_axis(columns_, y, by_column.data());
  parallel_for(H_, 16, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i)
      for (Index j = 0; j < W_; ++j)
        x[i * W_ + j] = by_row.data()[i * across + j] + by_column.data()[j * down + i];
  });
}

}  // namespace fejer::detail
