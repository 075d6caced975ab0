#include <fejer/models/linear_spline.hpp>

#include <algorithm>
#include <cmath>

#include <fejer/parallel.hpp>

#include "linear_spline_data.hpp"
#include "scratch.hpp"

namespace fejer {

using detail::Scratch;

namespace {

constexpr Index chunk = 8192;

void check_coefficients(const Array<double>& a, double x_min, double x_max) {
  if (a.shape().rank() != 2 || a.shape()[0] < 1 || a.shape()[1] < 2)
    throw ShapeError("LinearSpline coefficients: got " + to_string(a.shape()) +
                     ", expected (channels, knots) with at least 2 knots");
  if (!(x_min < x_max) || !std::isfinite(x_min) || !std::isfinite(x_max))
    throw ArgumentError("LinearSpline: the knots must span a finite interval, got [" +
                        std::to_string(x_min) + ", " + std::to_string(x_max) + "]");
  for (const double v : a)
    if (!std::isfinite(v)) throw ArgumentError("LinearSpline: a coefficient is not finite");
}

}  // namespace

template <class T>
Index LinearSpline<T>::Data::cell(double t) const {
  const double u = (t - x_min) / step + 1, last = static_cast<double>(knots());
  return u > 0 ? static_cast<Index>(u < last ? u : last) : 0;  // 0 for NaN
}

template <class T>
LinearSpline<T>::LinearSpline(const Array<double>& coefficients, double x_min, double x_max,
                              Extrapolation extrapolation) {
  check_coefficients(coefficients, x_min, x_max);
  const Index channels = coefficients.shape()[0], n = coefficients.shape()[1];
  auto data = std::make_shared<Data>();
  Data& d = *data;
  d.coefficients = coefficients;
  d.x_min = x_min;
  d.x_max = x_max;
  d.step = (x_max - x_min) / static_cast<double>(n - 1);
  d.extrapolation = extrapolation;
  const Shape table{channels, n + 1};
  d.line_offset = d.line_slope = d.constant = d.half_slope = Array<double>(table);
  d.offset = d.slope = Array<T>(table);
  d.pairs = Array<T>(Shape{channels, n + 1, 2});
  const auto knot = [&](Index k) { return x_min + static_cast<double>(k) * d.step; };
  for (Index c = 0; c < channels; ++c) {
    const double* a = coefficients.data() + c * n;
    double* offset = d.line_offset.data() + c * (n + 1);
    double* slope = d.line_slope.data() + c * (n + 1);
    double* constant = d.constant.data() + c * (n + 1);
    for (Index k = 1; k < n; ++k) {
      slope[k] = (a[k] - a[k - 1]) / d.step;
      offset[k] = a[k] - slope[k] * knot(k);
    }
    const bool linear = extrapolation == Extrapolation::linear;
    slope[0] = linear ? slope[1] : 0;
    offset[0] = linear ? offset[1] : a[0];
    slope[n] = linear ? slope[n - 1] : 0;
    offset[n] = linear ? offset[n - 1] : a[n - 1];
    // Continuity of psi at the knots, from the cell of 0 outwards.
    const auto jump = [&](Index k) {  // psi of cell k minus psi of cell k + 1 at knot k
      const double t = knot(k);
      return (offset[k] - offset[k + 1]) * t + (slope[k] - slope[k + 1]) * t * t / 2;
    };
    const Index zero = d.cell(0);
    constant[zero] = 0;
    for (Index k = zero; k < n; ++k) constant[k + 1] = constant[k] + jump(k);
    for (Index k = zero; k > 0; --k) constant[k - 1] = constant[k] - jump(k - 1);
  }
  for (Index i = 0; i < table.size(); ++i) {
    d.half_slope[i] = d.line_slope[i] / 2;
    d.offset[i] = static_cast<T>(d.line_offset[i]);
    d.slope[i] = static_cast<T>(d.line_slope[i]);
    d.pairs[2 * i] = d.offset[i];
    d.pairs[2 * i + 1] = d.slope[i];
  }
  d.find_pieces();
  data_ = std::move(data);
}

/// Neighbouring cells whose slopes agree to rounding are one piece. The line of its middle cell
/// stands for all of them.
template <class T>
void LinearSpline<T>::Data::find_pieces() {
  const Index cells = knots() + 1;
  pieces.resize(static_cast<std::size_t>(channels()));
  for (Index c = 0; c < channels(); ++c) {
    const double* slopes = line_slope.data() + c * cells;
    double steepest = 0;
    for (Index k = 0; k < cells; ++k) steepest = std::max(steepest, std::abs(slopes[k]));
    Pieces p;
    for (Index k = 0, end = 0; k < cells; k = end) {
      for (end = k + 1; end < cells && std::abs(slopes[end] - slopes[k]) <= 1e-12 * steepest;)
        ++end;
      if (++p.count > detail::most_pieces) break;
      const Index i = c * cells + (k + end) / 2;
      p.constant.push_back(constant[i]);
      p.line_offset.push_back(line_offset[i]);
      p.half_slope.push_back(half_slope[i]);
      p.offset.push_back(offset[i]);
      p.slope.push_back(slope[i]);
      if (end == cells) continue;
      p.breaks.push_back(x_min + static_cast<double>(end - 1) * step);
      p.breaks_t.push_back(static_cast<T>(p.breaks.back()));
    }
    if (p.count >= 2 && p.count <= detail::most_pieces)
      pieces[static_cast<std::size_t>(c)] = std::move(p);
  }
}

template <class T>
detail::SplineTask<T> LinearSpline<T>::Data::task(Index channel, double alpha,
                                                  T offset_scale) const {
  const Index r = row(channel);
  return {offset.data() + r,
          slope.data() + r,
          pairs.data() + 2 * r,
          static_cast<T>(alpha / step),
          static_cast<T>(1 - x_min / step),
          static_cast<T>(knots()),
          offset_scale};
}

template <class T>
void LinearSpline<T>::Data::values(Index channel, double alpha, Index n, const T* x, T* y,
                                   T* s) const {
  const auto& run = detail::kernels<T>();
  const T shrink = static_cast<T>(1 / alpha);
  const Pieces& p = pieces[static_cast<std::size_t>(channels() == 1 ? 0 : channel)];
  if (p.count > 0)
    return run.pieces({p.count, p.breaks_t.data(), p.offset.data(), p.slope.data(),
                       static_cast<T>(alpha), shrink},
                      n, x, y, s);
  run.spline(task(channel, alpha, shrink), n, x, y, s);
}

template <class T>
double LinearSpline<T>::Data::potentials(Index channel, double alpha, Index n, const T* x) const {
  const auto& run = detail::kernels<T>();
  const Pieces& p = pieces[static_cast<std::size_t>(channels() == 1 ? 0 : channel)];
  if (p.count > 0)
    return run.potential_pieces({p.count, p.breaks.data(), p.constant.data(), p.line_offset.data(),
                                 p.half_slope.data(), alpha},
                                n, x);
  const Index r = row(channel);
  return run.potential({constant.data() + r, line_offset.data() + r, half_slope.data() + r,
                        static_cast<T>(alpha / step), static_cast<T>(1 - x_min / step),
                        static_cast<T>(knots()), alpha},
                       n, x);
}

template <class T>
Index LinearSpline<T>::channels() const {
  return data_->channels();
}
template <class T>
Index LinearSpline<T>::knots() const {
  return data_->knots();
}
template <class T>
double LinearSpline<T>::x_min() const {
  return data_->x_min;
}
template <class T>
double LinearSpline<T>::x_max() const {
  return data_->x_max;
}
template <class T>
double LinearSpline<T>::step() const {
  return data_->step;
}
template <class T>
Extrapolation LinearSpline<T>::extrapolation() const {
  return data_->extrapolation;
}
template <class T>
const Array<double>& LinearSpline<T>::coefficients() const {
  return data_->coefficients;
}

template <class T>
double LinearSpline<T>::value(Index channel, double t) const {
  const Index i = data_->row(channel) + data_->cell(t);
  return data_->line_offset[i] + data_->line_slope[i] * t;
}
template <class T>
double LinearSpline<T>::slope(Index channel, double t) const {
  return data_->line_slope[data_->row(channel) + data_->cell(t)];
}
template <class T>
double LinearSpline<T>::potential(Index channel, double t) const {
  const Index i = data_->row(channel) + data_->cell(t);
  return data_->constant[i] + t * (data_->line_offset[i] + t * data_->half_slope[i]);
}

template <class T>
void LinearSpline<T>::values(ConstView<T> x, View<T> y) const {
  values_and_slopes(x, y, View<T>(nullptr, x.shape()));
}

template <class T>
void LinearSpline<T>::values_and_slopes(ConstView<T> x, View<T> y, View<T> s) const {
  require_shape("LinearSpline output", y.shape(), x.shape());
  require_shape("LinearSpline slopes", s.shape(), x.shape());
  const Index rows = channels() == 1 ? 1 : channels();
  if (x.shape().rank() < 1 || (rows > 1 && x.shape()[0] != rows))
    throw ShapeError("LinearSpline input: got " + to_string(x.shape()) +
                     ", expected the first axis to be " + std::to_string(rows));
  const Index length = x.size() / rows, pieces = (length + chunk - 1) / chunk;
  parallel_for(rows * pieces, 1, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      const Index c = i / pieces, from = i % pieces * chunk, at = c * length + from;
      T* slopes = s.data() == nullptr ? nullptr : s.data() + at;
      data_->values(c, 1, std::min(chunk, length - from), x.data() + at, y.data() + at, slopes);
    }
  });
}

template <class T>
void LinearSpline<T>::Data::add_sums(Index channel, double alpha, Index n, const T* x, const T* g,
                                     T* gx, double* sums) const {
  detail::kernels<T>().spline_sums(task(channel, alpha, T(1)), n, x, g, gx, sums);
}

template <class T>
void LinearSpline<T>::Data::add_gradient(double alpha, const double* sums, double* row_sums) const {
  const Index n = knots(), part = 2 * (n + 1);
  for (Index k = 0; k <= n; ++k) {
    double weight = 0, moment = 0;  // sum g, sum g alpha x
    for (Index j = 0; j < detail::sum_parts; ++j) {
      weight += sums[j * part + 2 * k];
      moment += sums[j * part + 2 * k + 1] * alpha;
    }
    const bool tail = k == 0 || k == n;
    if (tail && extrapolation == Extrapolation::constant) {
      row_sums[k == 0 ? 0 : n - 1] += weight;
      continue;
    }
    const Index left = std::clamp<Index>(k - 1, 0, n - 2);
    const double u = (moment - weight * (x_min + static_cast<double>(left) * step)) / step;
    row_sums[left] += weight - u;
    row_sums[left + 1] += u;
  }
}

template <class T>
void LinearSpline<T>::vjp(ConstView<T> x, ConstView<T> g, View<T> gx,
                          View<double> coefficients) const {
  require_shape("LinearSpline::vjp cotangent", g.shape(), x.shape());
  require_shape("LinearSpline::vjp output", gx.shape(), x.shape());
  require_shape("LinearSpline::vjp coefficients", coefficients.shape(),
                data_->coefficients.shape());
  const Index rows = channels() == 1 ? 1 : channels();
  if (x.shape().rank() < 1 || (rows > 1 && x.shape()[0] != rows))
    throw ShapeError("LinearSpline::vjp input: got " + to_string(x.shape()) +
                     ", expected the first axis to be " + std::to_string(rows));
  // Each row in parts, about 32 of all rows together.
  const Index length = x.size() / rows, pieces = (length + chunk - 1) / chunk;
  const Index parts = std::clamp<Index>(32 / rows, 1, std::max<Index>(1, pieces));
  const Index part = (pieces + parts - 1) / parts * chunk, count = data_->sums_size();
  Scratch<double> memory(rows * parts * count);
  double* const sums = memory.data();
  std::fill_n(sums, rows * parts * count, 0.0);
  parallel_for(rows * parts, 1, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      const Index from = std::min(length, i % parts * part), at = i / parts * length + from;
      data_->add_sums(i / parts, 1, std::min(part, length - from), x.data() + at, g.data() + at,
                      gx.data() + at, sums + i * count);
    }
  });
  for (Index i = 0; i < rows * parts; ++i)
    data_->add_gradient(1, sums + i * count, coefficients.data() + i / parts * knots());
}

template <class T>
double LinearSpline<T>::min_slope(Index channel) const {
  const auto& s = data_->line_slope;
  if (channel < 0) return *std::min_element(s.begin(), s.end());
  const double* row = s.data() + data_->row(channel);
  return *std::min_element(row, row + knots() + 1);
}
template <class T>
double LinearSpline<T>::max_slope(Index channel) const {
  const auto& s = data_->line_slope;
  if (channel < 0) return *std::max_element(s.begin(), s.end());
  const double* row = s.data() + data_->row(channel);
  return *std::max_element(row, row + knots() + 1);
}

template <class T>
double LinearSpline<T>::tv2() const {
  double total = 0;
  for (Index c = 0; c < channels(); ++c)
    for (Index k = 0; k < knots(); ++k) {
      const Index i = data_->row(c) + k;
      total += std::abs(data_->line_slope[i + 1] - data_->line_slope[i]);
    }
  return total;
}

template class LinearSpline<float>;
template class LinearSpline<double>;

}  // namespace fejer
