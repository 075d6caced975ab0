#include <fejer/operators/tomography.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <type_traits>

#include <fejer/check.hpp>
#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

#include "pieces.hpp"
#include "tomography_parallel.hpp"

namespace fejer {
namespace {

constexpr Index left_pad = 1, pad = 4;  ///< zeros around a row, so that no tap needs a check

/// Consecutive detector elements of one view whose lines are all stepped along the same axis.
struct Run {
  Index view, first, last;
  bool along_rows;
};

/// x as (rows of length W + pad) with zeros around, or its transpose (columns of length H + pad).
template <class T>
Array<T> padded_rows(ConstView<T> x, bool transposed) {
  const Index H = x.shape()[0], W = x.shape()[1];
  const Index lines = transposed ? W : H, length = transposed ? H : W, stride = length + pad;
  Array<T> out(Shape{lines, stride});
  parallel_for(lines, rows_per_piece(length), [&](Index begin, Index end) {
    if (!transposed) {
      for (Index i = begin; i < end; ++i)
        std::copy_n(x.data() + i * W, W, out.data() + i * stride + left_pad);
    } else {
      for (Index i = 0; i < H; ++i)
        for (Index j = begin; j < end; ++j) out[j * stride + left_pad + i] = x[i * W + j];
    }
  });
  return out;
}

}  // namespace

template <class T>
struct Tomography<T>::Plan {
  TomographyGeometry geometry;
  Shape image, sinogram;
  Index views, detectors, H, W;
  // The line (view, d) crosses row (or column) i at offset + slope i of a padded row.
  std::vector<double> offset, slope;
  std::vector<T> weight;  ///< length of a step
  std::vector<Run> runs;
  std::vector<std::size_t> first_run;  ///< of each view, and one past the last
  std::optional<detail::ParallelBeam> fast;

  Plan(const TomographyGeometry& g, const Shape& shape)
      : geometry(g),
        image(shape),
        sinogram{shape[0], static_cast<Index>(g.angles_rad.size()), g.detectors},
        views(sinogram[1]),
        detectors(g.detectors),
        H(shape[1]),
        W(shape[2]),
        offset(static_cast<std::size_t>(views * detectors)),
        slope(offset.size()),
        weight(offset.size()) {
    for (Index v = 0; v < views; ++v) {
      first_run.push_back(runs.size());
      for (Index d = 0; d < detectors; ++d) add_line(v, d);
    }
    first_run.push_back(runs.size());
    if (std::is_same_v<T, float> && geometry.kind == TomographyGeometry::Kind::parallel)
      fast = parallel_beam();
  }

  std::optional<detail::ParallelBeam> parallel_beam() const {
    std::vector<detail::ParallelBeam::Line> lines;
    for (const Run& run : runs) {  // one for each view
      const auto k = static_cast<std::size_t>(run.view * detectors);
      const auto last = k + static_cast<std::size_t>(detectors - 1);
      const double step =
          detectors > 1 ? (offset[last] - offset[k]) / static_cast<double>(detectors - 1) : 1;
      lines.push_back(
          {run.along_rows, offset[k] - left_pad, slope[k], step, static_cast<float>(weight[k])});
    }
    return detail::ParallelBeam::make(lines, detectors, H, W);
  }

  void add_line(Index v, Index d) {
    const TomographyRay ray = tomography_ray(geometry, v, d);
    const double px = geometry.pixel_size;
    const double cx = static_cast<double>(W - 1) / 2, cy = static_cast<double>(H - 1) / 2;
    const bool along_rows = std::abs(ray.nx) >= std::abs(ray.ny);
    const auto k = static_cast<std::size_t>(v * detectors + d);
    if (along_rows) {  // column = cx + (s/px - ny (cy - row)) / nx
      slope[k] = ray.ny / ray.nx;
      offset[k] = cx + ray.s / (px * ray.nx) - slope[k] * cy + left_pad;
      weight[k] = static_cast<T>(px / std::abs(ray.nx));
    } else {  // row = cy - (s/px - nx (column - cx)) / ny
      slope[k] = ray.nx / ray.ny;
      offset[k] = cy - ray.s / (px * ray.ny) - slope[k] * cx + left_pad;
      weight[k] = static_cast<T>(px / std::abs(ray.ny));
    }
    const bool new_view = runs.size() == first_run.back();
    if (new_view || runs.back().along_rows != along_rows) runs.push_back({v, d, d, along_rows});
    runs.back().last = d + 1;
  }

  /// The detector elements of a run that meet line i of `length` pixels: their positions, offset +
  /// slope i, are monotone in d (the source is outside the image), so these are consecutive.
  std::pair<Index, Index> meeting(const Run& run, double i, Index length) const {
    const double* o = offset.data() + run.view * detectors;
    const double* s = slope.data() + run.view * detectors;
    const bool rising = o[run.last - 1] + s[run.last - 1] * i >= o[run.first] + s[run.first] * i;
    const double low = left_pad - 1, high = static_cast<double>(left_pad + length);
    const auto first_where = [&](auto past) {
      Index a = run.first, b = run.last;
      while (a < b) {
        const Index m = a + (b - a) / 2;
        if (past(o[m] + s[m] * i)) {
          b = m;
        } else {
          a = m + 1;
        }
      }
      return a;
    };
    if (rising)
      return {first_where([=](double c) { return c > low; }),
              first_where([=](double c) { return c >= high; })};
    return {first_where([=](double c) { return c < high; }),
            first_where([=](double c) { return c <= low; })};
  }

  /// sums[d] += interpolated values of the padded row i at the lines of a run.
  void gather(const Run& run, Index i, const T* row, Index length, T* sums) const {
    const auto at = static_cast<double>(i);
    const auto [first, last] = meeting(run, at, length);
    const double* o = offset.data() + run.view * detectors;
    const double* s = slope.data() + run.view * detectors;
    for (Index d = first; d < last; ++d) {
      const double c = o[d] + s[d] * at;
      const int j = static_cast<int>(c);
      const T f = static_cast<T>(c - j);
      sums[d] += row[j] + f * (row[j + 1] - row[j]);
    }
  }
  /// The transpose: row i += values[d] spread on the two neighbours.
  void scatter(const Run& run, Index i, const T* values, Index length, T* row) const {
    const auto at = static_cast<double>(i);
    const auto [first, last] = meeting(run, at, length);
    const double* o = offset.data() + run.view * detectors;
    const double* s = slope.data() + run.view * detectors;
    for (Index d = first; d < last; ++d) {
      const double c = o[d] + s[d] * at;
      const int j = static_cast<int>(c);
      const T f = static_cast<T>(c - j);
      row[j] += values[d] - f * values[d];
      row[j + 1] += f * values[d];
    }
  }

  void project(ConstView<T> x, View<T> y) const {
    if constexpr (std::is_same_v<T, float>)
      if (fast) return fast->project(x.data(), y.data());
    const Array<T> rows = padded_rows(x, false), columns = padded_rows(x, true);
    parallel_for(views, rows_per_piece(detectors * std::min(H, W)), [&](Index begin, Index end) {
      for (Index v = begin; v < end; ++v) {
        T* sums = y.data() + v * detectors;
        std::fill_n(sums, detectors, T(0));
        const auto view = static_cast<std::size_t>(v);
        for (std::size_t r = first_run[view]; r < first_run[view + 1]; ++r) {
          const Run& run = runs[r];
          const Array<T>& lines = run.along_rows ? rows : columns;
          const Index stride = lines.shape()[1];
          for (Index i = 0; i < lines.shape()[0]; ++i)
            gather(run, i, lines.data() + i * stride, stride - pad, sums);
        }
        for (Index d = 0; d < detectors; ++d)
          sums[d] *= weight[static_cast<std::size_t>(v * detectors + d)];
      }
    });
  }

  /// Backprojection of the runs along one axis onto padded rows (or columns).
  Array<T> spread(const Array<T>& weighted, bool along_rows) const {
    const Index count = along_rows ? H : W, length = along_rows ? W : H, stride = length + pad;
    Array<T> lines(Shape{count, stride});
    // Blocks of lines, so that the positions of a view are read once for several of them.
    const Index lines_per_piece = std::max<Index>(16, rows_per_piece(views * detectors));
    parallel_for(count, lines_per_piece, [&](Index begin, Index end) {
      for (const Run& run : runs) {
        if (run.along_rows != along_rows) continue;
        const T* values = weighted.data() + run.view * detectors;
        for (Index i = begin; i < end; ++i)
          scatter(run, i, values, length, lines.data() + i * stride);
      }
    });
    return lines;
  }

  void backproject(ConstView<T> y, View<T> x) const {
    if constexpr (std::is_same_v<T, float>)
      if (fast) return fast->backproject(y.data(), x.data());
    Array<T> weighted(Shape{views, detectors});
    for (Index k = 0; k < weighted.size(); ++k)
      weighted[k] = weight[static_cast<std::size_t>(k)] * y[k];
    const Array<T> rows = spread(weighted, true), columns = spread(weighted, false);
    parallel_for(H, rows_per_piece(W), [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i)
        for (Index j = 0; j < W; ++j)
          x[i * W + j] = rows[i * (W + pad) + left_pad + j] + columns[j * (H + pad) + left_pad + i];
    });
  }
};

template <class T>
Tomography<T>::Tomography(const TomographyGeometry& geometry, const Shape& image) {
  require_valid(geometry, image);
  plan_ = std::make_shared<const Plan>(geometry, image);
}

template <class T>
const Shape& Tomography<T>::domain() const {
  return plan_->image;
}
template <class T>
const Shape& Tomography<T>::range() const {
  return plan_->sinogram;
}
template <class T>
const TomographyGeometry& Tomography<T>::geometry() const {
  return plan_->geometry;
}

template <class T>
void Tomography<T>::apply(ConstView<T> x, View<T> y) const {
  for (Index c = 0; c < x.shape()[0]; ++c) plan_->project(x.slice(c), y.slice(c));
}

template <class T>
void Tomography<T>::apply_adjoint(ConstView<T> y, View<T> x) const {
  for (Index c = 0; c < y.shape()[0]; ++c) plan_->backproject(y.slice(c), x.slice(c));
}

template <class T>
NormInterval Tomography<T>::norm_interval() const {
  // One slice stands for all.
  const Shape plane{plan_->H, plan_->W};
  Array<T> y(Shape{plan_->views, plan_->detectors});
  double rayleigh = 0;
  const auto normal = [&](ConstView<T> v, View<T> out) {
    plan_->project(v, y);
    plan_->backproject(ConstView<T>(y), out);
    rayleigh = std::max(rayleigh, norm<T>(out) / norm<T>(v));
  };
  const double upper = nonnegative_norm_bound<T>(normal, plane, 4);
  // Relative rounding of sums of non-negative terms: at most their number times epsilon.
  // Positions in the fast loops are within 16 pixels of a block's first, in T.
  const double terms = 64 + static_cast<double>(plan_->H + plan_->W + 2 * plan_->views);
  const double margin = terms * static_cast<double>(std::numeric_limits<T>::epsilon());
  return {std::sqrt(rayleigh) * (1 - margin), upper * (1 + margin), "positive-vector ratio"};
}

template class Tomography<float>;
template class Tomography<double>;

}  // namespace fejer
