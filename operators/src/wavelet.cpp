#include <fejer/operators/wavelet.hpp>

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>

#include <fejer/parallel.hpp>

#include "pieces.hpp"
#include "text.hpp"

namespace fejer {
namespace {

Index coarse_length(Index n) { return n - n / 2; }

/// x, y: n values, apart by their strides; filters as pairs of taps. Each "value" is a row of
/// `width` numbers side by side.
template <class X>
struct Axis {
  Index n, width;
  const std::vector<Real<X>>&low, &high;

  Index pairs() const { return n / 2; }
  Index taps() const { return static_cast<Index>(low.size()); }
  Real<X> h(Index j) const { return low[static_cast<std::size_t>(j)]; }
  Real<X> g(Index j) const { return high[static_cast<std::size_t>(j)]; }

  /// Coefficient k < n: coarse ones first.
  void analyse(const X* x, Index x_stride, Index k, X* out) const {
    const Index coarse = coarse_length(n), even = 2 * pairs();
    if (k < coarse && k == pairs()) {
      std::copy(x + (n - 1) * x_stride, x + (n - 1) * x_stride + width, out);
      return;
    }
    const bool detail = k >= coarse;
    const Index first = 2 * (detail ? k - coarse : k);
    std::fill(out, out + width, X(0));
    for (Index j = 0; j < taps(); ++j) {
      const Real<X> tap = detail ? g(j) : h(j);
      const X* from = x + (first + j) % even * x_stride;
      for (Index i = 0; i < width; ++i) out[i] += tap * from[i];
    }
  }

  /// Sample i < n.
  void synthesise(const X* y, Index y_stride, Index i, X* out) const {
    const Index coarse = coarse_length(n), N = pairs();
    if (i == 2 * N) {
      std::copy(y + N * y_stride, y + N * y_stride + width, out);
      return;
    }
    std::fill(out, out + width, X(0));
    for (Index j = i % 2; j < taps(); j += 2) {
      const Index k = ((i - j) / 2 % N + N) % N;
      const X *a = y + k * y_stride, *d = y + (coarse + k) * y_stride;
      for (Index c = 0; c < width; ++c) out[c] += h(j) * a[c] + g(j) * d[c];
    }
  }
};

/// The even samples, the odd ones, and both again as far as filters reach, so that sums run over
/// neighbours.
template <class X>
void analyse_row(const Axis<X>& axis, const X* x, X* y, std::vector<X>& work) {
  const Index N = axis.pairs(), M = axis.taps() / 2, coarse = coarse_length(axis.n);
  if (N > 0) {
    work.resize(static_cast<std::size_t>(2 * (N + M)));
    X *even = work.data(), *odd = even + N + M;
    for (Index k = 0; k < N + M; ++k) {
      even[k] = x[2 * (k % N)];
      odd[k] = x[2 * (k % N) + 1];
    }
    std::fill(y, y + axis.n, X(0));
    for (Index m = 0; m < M; ++m) {
      const Real<X> h0 = axis.h(2 * m), h1 = axis.h(2 * m + 1), g0 = axis.g(2 * m),
                    g1 = axis.g(2 * m + 1);
      X *low = y, *high = y + coarse;
      for (Index k = 0; k < N; ++k) low[k] += h0 * even[k + m] + h1 * odd[k + m];
      for (Index k = 0; k < N; ++k) high[k] += g0 * even[k + m] + g1 * odd[k + m];
    }
  }
  if (axis.n % 2 == 1) y[N] = x[axis.n - 1];
}

template <class X>
void synthesise_row(const Axis<X>& axis, const X* y, X* x, std::vector<X>& work) {
  const Index N = axis.pairs(), M = axis.taps() / 2, coarse = coarse_length(axis.n);
  if (N > 0) {
    work.resize(static_cast<std::size_t>(2 * (N + M) + 2 * N));
    X *low = work.data(), *high = low + N + M, *even = high + N + M, *odd = even + N;
    for (Index k = 0; k < N + M; ++k) {  // low[k] holds coefficient k - M
      const Index from = ((k - M) % N + N) % N;
      low[k] = y[from];
      high[k] = y[coarse + from];
    }
    std::fill(even, even + 2 * N, X(0));
    for (Index m = 0; m < M; ++m) {
      const Real<X> h0 = axis.h(2 * m), h1 = axis.h(2 * m + 1), g0 = axis.g(2 * m),
                    g1 = axis.g(2 * m + 1);
      const X *a = low + M - m, *d = high + M - m;
      for (Index k = 0; k < N; ++k) even[k] += h0 * a[k] + g0 * d[k];
      for (Index k = 0; k < N; ++k) odd[k] += h1 * a[k] + g1 * d[k];
    }
    for (Index k = 0; k < N; ++k) {
      x[2 * k] = even[k];
      x[2 * k + 1] = odd[k];
    }
  }
  if (axis.n % 2 == 1) x[axis.n - 1] = y[N];
}

/// sum_j h_j h_(j + 2m) = [m = 0], so that shifts by two are an orthonormal system.
void require_orthonormal(const std::vector<double>& h) {
  double worst = h.empty() || h.size() % 2 == 1 ? 1 : 0;
  for (std::size_t shift = 0; shift < h.size(); shift += 2) {
    double product = shift == 0 ? -1 : 0;
    for (std::size_t j = 0; j + shift < h.size(); ++j) product += h[j] * h[j + shift];
    worst = std::max(worst, std::abs(product));
  }
  if (!(worst <= 1e-13))
    throw ArgumentError(text("Wavelet: got a filter of ", h.size(),
                             " values whose shifts by two are off an orthonormal system by ", worst,
                             ", expected an even number of values and at most 1e-13"));
}

}  // namespace

template <class X>
Wavelet<X>::Wavelet(Index moments, Index levels, const Shape& image)
    : Wavelet(daubechies_filter(moments), levels, image) {}

template <class X>
Wavelet<X>::Wavelet(const std::vector<double>& h, Index levels, const Shape& image)
    : image_(image) {
  if (image.rank() < 2 || image.rank() > 3 || image.size() == 0)
    throw ShapeError(text("Wavelet: got an image ", to_string(image),
                          ", expected (H,W) or (C,H,W) with at least one pixel"));
  if (levels < 1)
    throw ArgumentError(text("Wavelet: got ", levels, " levels, expected at least 1"));
  require_orthonormal(h);
  for (std::size_t j = 0; j < h.size(); ++j) {
    low_.push_back(static_cast<Real<X>>(h[j]));
    high_.push_back(static_cast<Real<X>>((j % 2 == 0 ? 1 : -1) * h[h.size() - 1 - j]));
  }
  Index rows = image.back(1), columns = image.back(0);
  for (Index l = 0; l < levels; ++l) {
    levels_.push_back({rows, columns});
    rows = coarse_length(rows);
    columns = coarse_length(columns);
  }
  using Kind = WaveletBand::Kind;
  bands_.push_back({levels, Kind::coarse, 0, 0, rows, columns});
  for (Index l = levels; l >= 1; --l) {
    const Level& whole = levels_[static_cast<std::size_t>(l - 1)];
    const Index r = coarse_length(whole.rows), c = coarse_length(whole.columns);
    bands_.push_back({l, Kind::columns, 0, c, r, whole.columns - c});
    bands_.push_back({l, Kind::rows, r, 0, whole.rows - r, c});
    bands_.push_back({l, Kind::diagonal, r, c, whole.rows - r, whole.columns - c});
  }
}

template <class X>
void Wavelet<X>::apply(ConstView<X> x, View<X> y) const {
  const Index H = image_.back(1), W = image_.back(0), planes = image_.size() / (H * W);
  Array<X> work(image_);
  const X* source = x.data();
  for (const Level& level : levels_) {
    const Axis<X> along{level.columns, 1, low_, high_},
        down{level.rows, level.columns, low_, high_};
    const Index lines = planes * level.rows;
    parallel_for(lines, rows_per_piece(level.columns * along.taps()), [&](Index begin, Index end) {
      std::vector<X> buffer;
      for (Index line = begin; line < end; ++line) {
        const Index at = line / level.rows * H * W + line % level.rows * W;
        analyse_row(along, source + at, work.data() + at, buffer);
      }
    });
    parallel_for(lines, rows_per_piece(level.columns * along.taps()), [&](Index begin, Index end) {
      for (Index line = begin; line < end; ++line) {
        const Index plane = line / level.rows * H * W, k = line % level.rows;
        down.analyse(work.data() + plane, W, k, y.data() + plane + k * W);
      }
    });
    source = y.data();
  }
}

template <class X>
void Wavelet<X>::apply_adjoint(ConstView<X> y, View<X> x) const {
  const Index H = image_.back(1), W = image_.back(0), planes = image_.size() / (H * W);
  Array<X> work(image_);
  std::copy(y.begin(), y.end(), x.begin());
  for (auto level = levels_.rbegin(); level != levels_.rend(); ++level) {
    const Index rows = level->rows, columns = level->columns, lines = planes * rows;
    const Axis<X> along{columns, 1, low_, high_}, down{rows, columns, low_, high_};
    parallel_for(lines, rows_per_piece(columns * along.taps()), [&](Index begin, Index end) {
      for (Index line = begin; line < end; ++line) {
        const Index plane = line / rows * H * W, i = line % rows;
        down.synthesise(x.data() + plane, W, i, work.data() + plane + i * W);
      }
    });
    parallel_for(lines, rows_per_piece(columns * along.taps()), [&](Index begin, Index end) {
      std::vector<X> buffer;
      for (Index line = begin; line < end; ++line) {
        const Index at = line / rows * H * W + line % rows * W;
        synthesise_row(along, work.data() + at, x.data() + at, buffer);
      }
    });
  }
}

template <class X>
NormInterval Wavelet<X>::norm_interval() const {
  const double margin = 32 * static_cast<double>(levels_.size()) *
                        static_cast<double>(std::numeric_limits<Real<X>>::epsilon());
  return {1 - margin, 1 + margin, "orthonormal basis"};
}

template <class X>
Array<Real<X>> Wavelet<X>::spread(ConstView<double> values) const {
  require_shape("Wavelet::spread", values.shape(), Shape{static_cast<Index>(bands_.size())});
  const Index H = image_.back(1), W = image_.back(0);
  Array<Real<X>> out(image_);
  for (Index plane = 0; plane < image_.size() / (H * W); ++plane)
    for (std::size_t b = 0; b < bands_.size(); ++b)
      for (Index r = bands_[b].row; r < bands_[b].row + bands_[b].rows; ++r) {
        Real<X>* at = out.data() + plane * H * W + r * W + bands_[b].column;
        std::fill(at, at + bands_[b].columns, static_cast<Real<X>>(values[static_cast<Index>(b)]));
      }
  return out;
}

template <class X>
Array<double> Wavelet<X>::gather(ConstView<Real<X>> coefficients) const {
  require_shape("Wavelet::gather", coefficients.shape(), image_);
  const Index H = image_.back(1), W = image_.back(0);
  Array<double> sums(Shape{static_cast<Index>(bands_.size())});
  for (Index plane = 0; plane < image_.size() / (H * W); ++plane)
    for (std::size_t b = 0; b < bands_.size(); ++b)
      for (Index r = bands_[b].row; r < bands_[b].row + bands_[b].rows; ++r) {
        const Real<X>* at = coefficients.data() + plane * H * W + r * W + bands_[b].column;
        for (Index c = 0; c < bands_[b].columns; ++c)
          sums[static_cast<Index>(b)] += static_cast<double>(at[c]);
      }
  return sums;
}

template class Wavelet<float>;
template class Wavelet<double>;
template class Wavelet<std::complex<float>>;
template class Wavelet<std::complex<double>>;

}  // namespace fejer
