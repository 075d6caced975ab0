// W^T phi(W x), its value and its Hessian-vector product: by layers, or by tiles.
#include <algorithm>
#include <numeric>

#include "ridge_data.hpp"

namespace fejer {

using detail::Extent;
using detail::PaddedPlanes;
using detail::Scratch;

template <class T>
RidgeEvaluation RidgeRegulariser<T>::Data::choose(RidgeEvaluation wanted, Extent size) const {
  const bool by_tiles = wanted == RidgeEvaluation::tiles       ? tiles.possible(size)
                        : wanted == RidgeEvaluation::automatic ? tiles.worthwhile(size)
                                                               : false;
  return by_tiles ? RidgeEvaluation::tiles : RidgeEvaluation::layers;
}

template <class T>
double RidgeRegulariser<T>::Data::run(const Job& job, Index planes, Extent size,
                                      RidgeEvaluation how) const {
  if (choose(how, size) == RidgeEvaluation::tiles) return by_tiles(job, planes, size);
  double total = 0;
  for (Index i = 0; i < planes; ++i)
    total += by_layers(job.from(i, channels(), size.rows * size.columns), size);
  return total;
}

template <class T>
double RidgeRegulariser<T>::Data::finish(const Job& job, Index channel, Index n, T* row) const {
  const double alpha = job.alpha[channel];
  double value = 0;
  if (job.want_value) value = spline().potentials(channel, alpha, n, row) / (alpha * alpha);
  if (job.out != nullptr) spline().values(channel, alpha, n, row, row, nullptr);
  return value;
}

template <class T>
void RidgeRegulariser<T>::Data::to_slopes(Index channel, double alpha, Index n, T* row) const {
  Scratch<T> values(n);
  spline().values(channel, alpha, n, row, values.data(), row);
}

template <class T>
void RidgeRegulariser<T>::Data::scale_to_slopes(const detail::TileRow<T>& row, T* slopes) const {
  const Index n = row.columns * row.lanes;
  Scratch<T> values(n);
  detail::kernels<T>().scale_lanes(row.alpha, row.columns, row.z);
  spline().values(row.channel, 1, n, row.z, values.data(), slopes);
}

// ---- layer by layer

template <class T>
double RidgeRegulariser<T>::Data::by_layers(const Job& job, Extent size) const {
  if (job.v != nullptr) {
    hessian_by_layers(job, size);
    return 0;
  }
  const Convolutions& w = convolutions();
  const Index count = channels();
  PaddedPlanes<T> z(count, size, w.adjoint_border(w.layers()));
  Scratch<double> sums(count * size.rows);
  double* const partial = sums.data();
  const auto finish_row = [&](Index c, Index y, T* row) {
    partial[c * size.rows + y] = finish(job, c, size.columns, row);
  };
  const RowDone done(finish_row);
  w.apply(detail::planes<const T>(job.x, 1, size), z.window(), &done);
  if (job.out != nullptr) w.apply_adjoint(z.window(), detail::planes(job.out, 1, size));
  return std::accumulate(partial, partial + count * size.rows, 0.0);
}

template <class T>
void RidgeRegulariser<T>::Data::hessian_by_layers(const Job& job, Extent size) const {
  const Convolutions& w = convolutions();
  PaddedPlanes<T> slopes(channels(), size, Extent{}),
      z(channels(), size, w.adjoint_border(w.layers()));
  const auto take_slopes = [&](Index c, Index, T* row) {
    to_slopes(c, job.alpha[c], size.columns, row);
  };
  const RowDone keep_slopes(take_slopes);
  w.apply(detail::planes<const T>(job.x, 1, size), slopes.window(), &keep_slopes);
  const auto times_slopes = [&](Index c, Index y, T* row) {
    const T* s = slopes.window().at(c, y, 0);
    for (Index i = 0; i < size.columns; ++i) row[i] *= s[i];
  };
  const RowDone multiply(times_slopes);
  w.apply(detail::planes<const T>(job.v, 1, size), z.window(), &multiply);
  w.apply_adjoint(z.window(), detail::planes(job.out, 1, size));
}

// ---- by tiles

/// Lane by lane: each may have its own scaling.
template <class T>
void RidgeRegulariser<T>::Data::add_potentials(const Job& job, const detail::TileRow<T>& row,
                                               Index tiles_per_plane, double* values) const {
  Scratch<T> memory(row.columns);
  T* const lane_row = memory.data();
  for (Index lane = 0; lane < row.used; ++lane) {
    const Index tile = row.first_tile + lane;
    const double alpha = job.alpha[tile / tiles_per_plane * channels() + row.channel];
    for (Index x = 0; x < row.columns; ++x) lane_row[x] = row.z[x * row.lanes + lane];
    values[tile] +=
        spline().potentials(row.channel, alpha, row.columns, lane_row) / (alpha * alpha);
  }
}

template <class T>
double RidgeRegulariser<T>::Data::by_tiles(const Job& job, Index planes, Extent size) const {
  const auto& run = detail::kernels<T>();
  const auto cut = tiles.cut(planes, size);
  const Index count = planes * cut.tiles_per_plane;
  Scratch<double> sums(count);
  double* const values = sums.data();
  std::fill_n(values, count, 0.0);
  const auto gradient = [&](const detail::TileRow<T>& r) {
    if (job.want_value) add_potentials(job, r, cut.tiles_per_plane, values);
    if (job.out == nullptr) return;
    run.scale_lanes(r.alpha, r.columns, r.z);
    spline().values(r.channel, 1, r.columns * r.lanes, r.z, r.z, nullptr);
    run.scale_lanes(r.inverse_alpha, r.columns, r.z);
  };
  const auto hessian = [&](const detail::TileRow<T>& r) {
    scale_to_slopes(r, r.z);
    run.multiply(r.z, r.columns * r.lanes, r.w);
  };
  if (job.v == nullptr)
    tiles.run(
        {.x = job.x, .alpha = job.alpha, .row = gradient, .out = job.out, .masked = job.want_value},
        planes, size);
  else
    tiles.run({.x = job.x, .v = job.v, .alpha = job.alpha, .row = hessian, .out = job.out}, planes,
              size);
  return std::accumulate(values, values + count, 0.0);
}

template struct RidgeRegulariser<float>::Data;
template struct RidgeRegulariser<double>::Data;

}  // namespace fejer
