// W^T phi(W x), its value and its Hessian-vector product: by layers, or by tiles and a frame.
#include <algorithm>
#include <numeric>

#include "ridge_data.hpp"

namespace fejer {

using detail::Extent;
using detail::PaddedPlanes;
using detail::Scratch;

template <class T>
RidgeEvaluation RidgeRegulariser<T>::Data::choose(RidgeEvaluation wanted, Index planes,
                                                  Extent size) const {
  const bool by_tiles = wanted == RidgeEvaluation::tiles       ? tiles.possible(size)
                        : wanted == RidgeEvaluation::automatic ? tiles.worthwhile(planes, size)
                                                               : false;
  return by_tiles ? RidgeEvaluation::tiles : RidgeEvaluation::layers;
}

template <class T>
double RidgeRegulariser<T>::Data::run(const Job& job, Index planes, Extent size,
                                      RidgeEvaluation how) const {
  if (choose(how, planes, size) == RidgeEvaluation::tiles) return by_tiles(job, planes, size);
  double total = 0;
  Job plane = job;
  for (Index i = 0; i < planes; ++i) {
    const Index at = i * size.rows * size.columns;
    plane.x = job.x + at;
    if (job.v != nullptr) plane.v = job.v + at;
    if (job.out != nullptr) plane.out = job.out + at;
    total += by_layers(plane, size);
  }
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
void RidgeRegulariser<T>::Data::to_slopes(const Job& job, Index channel, Index n, T* row) const {
  Scratch<T> values(n);
  spline().values(channel, job.alpha[channel], n, row, values.data(), row);
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
  const auto take_slopes = [&](Index c, Index, T* row) { to_slopes(job, c, size.columns, row); };
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

template <class T>
double RidgeRegulariser<T>::Data::by_tiles(const Job& job, Index planes, Extent size) const {
  const Index pixels = size.rows * size.columns;
  Scratch<double> sums(channels());
  std::fill_n(sums.data(), channels(), 0.0);
  double* const wanted = job.want_value ? sums.data() : nullptr;
  const auto gradient = [&](Index c, Index n, T* const* z) { return finish(job, c, n, z[0]); };
  const auto hessian = [&](Index c, Index n, T* const* z) {
    to_slopes(job, c, n, z[0]);
    for (Index i = 0; i < n; ++i) z[1][i] *= z[0][i];
    return 0.0;
  };
  if (job.v == nullptr)
    tiles.run({job.x}, planes, size, gradient, job.out, wanted);
  else
    tiles.run({job.x, job.v}, planes, size, hessian, job.out, nullptr);
  double total = 0;
  for (Index c = 0; c < channels(); ++c) total += sums.data()[c];
  Job plane = job;
  for (Index i = 0; i < planes; ++i) {
    plane.x = job.x + i * pixels;
    if (job.v != nullptr) plane.v = job.v + i * pixels;
    if (job.out != nullptr) plane.out = job.out + i * pixels;
    for (int side = 0; side < 4; ++side) total += add_side(side, plane, size);
  }
  return total;
}

// ---- the frame that tiles leave out, side by side

namespace {

/// The first `rows` rows of an image that is turned so that one of its sides is above.
struct Turn {
  int side;
  Extent image;
  Index rows;
  Index columns() const { return side < 2 ? image.columns : image.rows; }
  Index pixels() const { return rows * columns(); }
  /// Where pixel (y, x) of the strip lies in the image.
  Index at(Index y, Index x) const {
    if (side == 1) y = image.rows - 1 - y;
    if (side == 3) y = image.columns - 1 - y;
    return side < 2 ? y * image.columns + x : x * image.columns + y;
  }
  template <class T>
  void take(const T* from, T* strip) const {
    for (Index y = 0; y < rows; ++y)
      for (Index x = 0; x < columns(); ++x) *strip++ = from[at(y, x)];
  }
  template <class T>
  void add(const T* strip, T* to) const {
    for (Index y = 0; y < rows; ++y)
      for (Index x = 0; x < columns(); ++x) to[at(y, x)] += *strip++;
  }
};

/// Zeros outside [left, right).
template <class T>
void cut(Index left, Index right, Index columns, T* row) {
  std::fill(row, row + left, T(0));
  std::fill(row + right, row + columns, T(0));
}

}  // namespace

template <class T>
double RidgeRegulariser<T>::Data::add_side(int side, const Job& job, Extent size) const {
  const Extent f = tiles.frame(), r = tiles.radius();
  const bool upright = side < 2;
  const Index depth = upright ? f.rows : f.columns;
  if (depth == 0) return 0;
  const Turn turn{side, size, depth + (upright ? r.rows : r.columns)};
  // The corners belong to the strips above and below.
  const Index left = upright ? 0 : f.rows, right = turn.columns() - left;
  const Extent part{turn.rows, turn.columns()};
  Scratch<T> memory(3 * turn.pixels());
  T *const x = memory.data(), *const v = x + turn.pixels(), *const out = v + turn.pixels();
  Job strip = job;
  turn.take(job.x, x);
  strip.x = x;
  if (job.v != nullptr) {
    turn.take(job.v, v);
    strip.v = v;
  }
  if (job.out != nullptr) strip.out = out;
  double value = 0;
  if (job.v == nullptr)
    value = strip_gradient(side, strip, part, depth, left, right);
  else
    strip_hessian(side, strip, part, depth, left, right);
  if (job.out != nullptr) turn.add(out, job.out);
  return value;
}

template <class T>
double RidgeRegulariser<T>::Data::strip_gradient(int side, const Job& job, Extent size, Index depth,
                                                 Index left, Index right) const {
  const Convolutions& w = *sides[static_cast<std::size_t>(side)].data_;
  const Extent last = w.radius(w.layers() - 1);
  PaddedPlanes<T> z(channels(), {depth + last.rows, size.columns}, last);
  detail::Planes<T> counted = z.window();
  counted.size.rows = depth;
  Scratch<double> sums(channels() * depth);
  double* const partial = sums.data();
  const auto finish_row = [&](Index c, Index y, T* row) {
    partial[c * depth + y] = finish(job, c, right - left, row + left);
    cut(left, right, size.columns, row);
  };
  const RowDone done(finish_row);
  w.apply_top(detail::planes<const T>(job.x, 1, size), counted, &done);
  if (job.out != nullptr) {
    detail::clear_rows(z.window(), depth);
    w.apply_top_adjoint(z.window(), detail::planes(job.out, 1, size));
  }
  return std::accumulate(partial, partial + channels() * depth, 0.0);
}

template <class T>
void RidgeRegulariser<T>::Data::strip_hessian(int side, const Job& job, Extent size, Index depth,
                                              Index left, Index right) const {
  const Convolutions& w = *sides[static_cast<std::size_t>(side)].data_;
  const Extent last = w.radius(w.layers() - 1);
  PaddedPlanes<T> slopes(channels(), {depth, size.columns}, Extent{}),
      z(channels(), {depth + last.rows, size.columns}, last);
  const auto take_slopes = [&](Index c, Index, T* row) { to_slopes(job, c, size.columns, row); };
  const RowDone keep_slopes(take_slopes);
  w.apply_top(detail::planes<const T>(job.x, 1, size), slopes.window(), &keep_slopes);
  const auto times_slopes = [&](Index c, Index y, T* row) {
    const T* s = slopes.window().at(c, y, 0);
    for (Index i = left; i < right; ++i) row[i] *= s[i];
    cut(left, right, size.columns, row);
  };
  const RowDone multiply(times_slopes);
  detail::Planes<T> counted = z.window();
  counted.size.rows = depth;
  w.apply_top(detail::planes<const T>(job.v, 1, size), counted, &multiply);
  detail::clear_rows(z.window(), depth);
  w.apply_top_adjoint(z.window(), detail::planes(job.out, 1, size));
}

template struct RidgeRegulariser<float>::Data;
template struct RidgeRegulariser<double>::Data;

}  // namespace fejer
