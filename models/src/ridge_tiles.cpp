#include "ridge_tiles.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

#include <fejer/fft.hpp>

namespace fejer::detail {
namespace {

constexpr Index N = tile_size;

/// The frequency at a place of the transforms' order: base-4 digits reversed.
Index frequency(Index place) { return place / 16 + 4 * (place / 4 % 4) + 16 * (place % 4); }

/// sum_d (a + i b)[d + radius] exp(2 pi i k d / N) / N^2 at all frequencies k.
Array<std::complex<double>> spectrum(const Array<double>& kernel, Index a, Index channels) {
  const Index rows = kernel.shape()[2], columns = kernel.shape()[3];
  Array<std::complex<double>> tile(Shape{N, N});
  for (Index r = 0; r < rows; ++r)
    for (Index c = 0; c < columns; ++c) {
      const double re = kernel[(a * rows + r) * columns + c];
      const double im = a + 1 < channels ? kernel[((a + 1) * rows + r) * columns + c] : 0;
      // exp(+...): the inverse transform, so the pixel is d itself, modulo N.
      const Index y = (r - rows / 2 + N) % N, x = (c - columns / 2 + N) % N;
      tile[y * N + x] = std::complex<double>(re, im) / static_cast<double>(N);
    }
  Array<std::complex<double>> result(tile.shape());
  ComplexFft<double>(tile.shape()).inverse(tile, result);
  return result;
}

/// One cache line more than a power of two: the values of a column fall on different cache sets.
template <class T>
constexpr Index line_stride(Index lanes) {
  return 2 * N * lanes + 64 / static_cast<Index>(sizeof(T));
}

/// exp(-2 pi i j m / 64), j = 0..15, m = 1..3.
template <class T>
Array<T> make_twiddles() {
  Array<T> result(Shape{16, 3, 2});
  for (Index i = 0; i < 48; ++i) {
    const double angle = -2 * std::numbers::pi * static_cast<double>(i / 3 * (i % 3 + 1)) / N;
    result[2 * i] = static_cast<T>(std::cos(angle));
    result[2 * i + 1] = static_cast<T>(std::sin(angle));
  }
  return result;
}

}  // namespace

template <class T>
RidgeTiles<T>::RidgeTiles(const std::vector<Array<T>>& kernels, Borders borders) {
  Extent first;
  std::vector<Array<double>> exact;
  for (const auto& k : kernels) {
    const Extent r{k.shape()[2] / 2, k.shape()[3] / 2};
    if (exact.empty()) first = r;
    radius_ = radius_ + r;
    multiplications_ += k.size();
    exact.emplace_back(k.shape());
    for (Index i = 0; i < k.size(); ++i) exact.back()[i] = static_cast<double>(k[i]);
  }
  channels_ = kernels.back().shape()[0];
  if (borders == Borders::zero_every_layer) frame_ = radius_ - first;
  if (2 * radius_.rows > N / 2 || 2 * radius_.columns > N / 2) return;
  const Array<double> kernel = collapse(exact);
  const Index pairs = (channels_ + 1) / 2;
  spectra_ = Array<T>(Shape{pairs, N, N, 2});
  for (Index p = 0; p < pairs; ++p) {
    const auto values = spectrum(kernel, 2 * p, channels_);
    T* h = spectra_.data() + p * N * N * 2;
    for (Index x = 0; x < N; ++x)
      for (Index y = 0; y < N; ++y, h += 2) {
        const std::complex<double> v = values[frequency(y) * N + frequency(x)];
        h[0] = static_cast<T>(v.real());
        h[1] = static_cast<T>(v.imag());
      }
  }
  twiddles_ = make_twiddles<T>();
  exact_twiddles_ = make_twiddles<double>();
}

/// Tiles cover the image without its frame, row by row, plane by plane.
template <class T>
struct RidgeTiles<T>::Layout {
  Index planes;
  Extent size, frame, radius;
  Extent inner, count;  ///< pixels that a tile is for; number of tiles
  Index tiles() const { return planes * count.rows * count.columns; }

  struct Place {
    Index plane, top, left;  ///< of the pixel at the tile's first corner
  };
  Place place(Index tile) const {
    const Index x = tile % count.columns, y = tile / count.columns % count.rows;
    return {tile / (count.rows * count.columns), frame.rows - radius.rows + y * inner.rows,
            frame.columns - radius.columns + x * inner.columns};
  }
  /// Rows [top, bottom) and columns [left, right).
  struct Window {
    Index top, left, bottom, right;
  };
  /// Where W x counts, in the tile's own coordinates.
  Window counted(const Place& p) const {
    return {radius.rows, radius.columns,
            std::min(radius.rows + inner.rows, size.rows - frame.rows - p.top),
            std::min(radius.columns + inner.columns, size.columns - frame.columns - p.left)};
  }
};

template <class T>
auto RidgeTiles<T>::layout(Index planes, Extent size) const -> Layout {
  // As few tiles as can be, and all of about the same size.
  const auto up = [](Index a, Index b) { return (a + b - 1) / b; };
  const Extent covered = size - frame_ - frame_;
  const Extent count{up(covered.rows, N - 2 * radius_.rows),
                     up(covered.columns, N - 2 * radius_.columns)};
  const Extent inner{up(covered.rows, count.rows), up(covered.columns, count.columns)};
  return {planes, size, frame_, radius_, inner, count};
}

template <class T>
bool RidgeTiles<T>::possible(Extent size) const {
  const Extent least = frame_ + frame_ + radius_ + radius_;
  return spectra_.size() > 0 && size.rows > least.rows && size.columns > least.columns;
}

template <class T>
bool RidgeTiles<T>::worthwhile(Index planes, Extent size) const {
  if (!possible(size)) return false;
  constexpr Index lanes = 32 / sizeof(T);
  // In multiplications of the direct kernels: those of a pair of channels of a batch cost as much
  // as about a million; strips along the frame are done layer by layer.
  const double batches = std::ceil(static_cast<double>(layout(planes, size).tiles()) / lanes);
  const double pairs = static_cast<double>((channels_ + 1) / 2);
  const auto pixels = [&](Extent s) { return static_cast<double>(planes * s.rows * s.columns); };
  const double direct = 2.0 * static_cast<double>(multiplications_);
  const Extent strip = frame_ + radius_;
  const double strips =
      frame_.rows + frame_.columns == 0
          ? 0
          : 2 * pixels({strip.rows, size.columns}) + 2 * pixels({size.rows, strip.columns});
  return batches * pairs * 1.2e6 * lanes / 8 + strips * direct < pixels(size) * direct;
}

/// `lanes` tiles through all channels.
template <class T>
class RidgeTiles<T>::Batch {
 public:
  Batch(const RidgeTiles& plan, const Layout& layout, Index first, std::size_t inputs)
      : plan_(plan),
        layout_(layout),
        run_(kernels<T>().tile),
        lanes_(run_.lanes),
        first_(first),
        stride_(line_stride<T>(lanes_)),
        inputs_(static_cast<Index>(inputs)),
        memory_(inputs_ * (N * stride_ + spectrum_size()) + spectrum_size()),
        masks_(2 * N * lanes_) {
    T* at = memory_.data();
    for (Index i = 0; i < inputs_; ++i, at += N * stride_) lines_[i] = at;
    for (Index i = 0; i < inputs_; ++i, at += spectrum_size()) spectra_[i] = at;
    sum_ = at;
    make_masks();
  }

  void load(const std::vector<const T*>& inputs) {
    for (Index i = 0; i < inputs_; ++i) load(inputs[static_cast<std::size_t>(i)], spectra_[i]);
    std::fill_n(sum_, spectrum_size(), T(0));
  }

  /// Adds the pair's share to the sum; the values of its two channels go to `values`.
  void add_pair(Index pair, const Combine& combine, bool adjoint, double* values) {
    const T* h = plan_.spectra_.data() + pair * N * N * 2;
    for (Index i = 0; i < inputs_; ++i)
      run_.spectrum_to_columns(twiddles(), spectra_[i], h, lines_[i], stride_);
    T* const result = lines_[inputs_ - 1];
    const Index top = layout_.radius.rows, bottom = top + layout_.inner.rows;
    std::fill_n(result, top * stride_, T(0));
    std::fill_n(result + bottom * stride_, (N - bottom) * stride_, T(0));
    for (Index y = top; y < bottom; ++y) {
      for (Index i = 0; i < inputs_; ++i) run_.inverse_line(twiddles(), lines_[i] + y * stride_);
      for (Index part = 0; part < 2; ++part) finish(y, part, 2 * pair + part, combine, values);
      if (adjoint) run_.forward_line(twiddles(), result + y * stride_);
    }
    if (!adjoint) return;
    run_.columns_to_spectrum(twiddles(), result, stride_, h, sum_);
  }

  /// The real parts of the sum's tiles.
  void store(T* tiles) {
    T* const lines = lines_[0];
    run_.spectrum_to_columns(twiddles(), sum_, nullptr, lines, stride_);
    for (Index y = 0; y < N; ++y) run_.inverse_line(twiddles(), lines + y * stride_);
    for (Index lane = 0; lane < used(); ++lane) {
      T* const tile = tiles + (first_ + lane) * N * N;
      for (Index y = 0; y < N; ++y)
        for (Index x = 0; x < N; ++x) tile[y * N + x] = lines[y * stride_ + x * lanes_ + lane];
    }
  }

 private:
  Index spectrum_size() const { return N * N * 2 * lanes_; }
  Index used() const { return std::min(lanes_, layout_.tiles() - first_); }
  const T* twiddles() const { return plan_.twiddles_.data(); }

  /// Always in double: filters take away all but the finest of an image, which would drown in the
  /// rounding of what they take away.
  void load(const T* images, T* spectrum) const {
    const TileKernels<double>& exact = kernels<double>().tile;
    const Index few = exact.lanes, stride = line_stride<double>(few);
    Scratch<double> memory(N * stride + N * N * 2 * few);
    double *const lines = memory.data(), *const values = lines + N * stride;
    const double* const twiddles = plan_.exact_twiddles_.data();
    for (Index from = 0; from < lanes_; from += few) {
      std::fill_n(lines, N * stride, 0.0);
      const Index count = std::clamp<Index>(used() - from, 0, few);
      for (Index lane = 0; lane < count; ++lane)
        copy_tile(images, first_ + from + lane, stride, few, lines + lane);
      for (Index y = 0; y < N; ++y) exact.forward_line(twiddles, lines + y * stride);
      exact.columns_to_spectrum(twiddles, lines, stride, nullptr, values);
      for (Index k = 0; k < 2 * N * N; ++k)
        for (Index lane = 0; lane < std::min(few, lanes_); ++lane)
          spectrum[k * lanes_ + from + lane] = static_cast<T>(values[k * few + lane]);
    }
  }

  void copy_tile(const T* images, Index tile, Index stride, Index step, double* lines) const {
    const auto place = layout_.place(tile);
    const Extent size = layout_.size;
    const T* const image = images + place.plane * size.rows * size.columns;
    const Index left = std::max<Index>(0, -place.left);
    const Index right = std::min(N, size.columns - place.left);
    for (Index y = std::max<Index>(0, -place.top); y < std::min(N, size.rows - place.top); ++y)
      for (Index x = left; x < right; ++x)
        lines[y * stride + x * step] =
            static_cast<double>(image[(place.top + y) * size.columns + place.left + x]);
  }

  /// Rows above full_.rows and columns left of full_.columns count in every tile.
  void make_masks() {
    full_ = layout_.radius + layout_.inner;
    std::fill_n(masks_.data(), 2 * N * lanes_, T(0));
    for (Index lane = 0; lane < used(); ++lane) {
      const auto w = layout_.counted(layout_.place(first_ + lane));
      full_ = smaller(full_, {w.bottom, w.right});
      for (Index y = w.top; y < w.bottom; ++y) masks_.data()[y * lanes_ + lane] = 1;
      for (Index x = w.left; x < w.right; ++x) masks_.data()[(N + x) * lanes_ + lane] = 1;
    }
  }

  void mask(Index y, T* row) {
    const T* const rows = masks_.data() + y * lanes_;
    const T* const columns = masks_.data() + N * lanes_;
    const Index side = layout_.radius.columns, end = side + layout_.inner.columns;
    for (Index x = y < full_.rows ? full_.columns : side; x < end; ++x)
      for (Index lane = 0; lane < lanes_; ++lane)
        row[(x - side) * lanes_ + lane] *= rows[lane] * columns[x * lanes_ + lane];
  }

  /// A row of one channel: W x becomes phi(W x), 0 where it does not count.
  void finish(Index y, Index part, Index channel, const Combine& combine, double* values) {
    const Index side = layout_.radius.columns * lanes_, count = layout_.inner.columns * lanes_;
    T* z[2];
    for (Index i = 0; i < inputs_; ++i) z[i] = lines_[i] + y * stride_ + part * N * lanes_ + side;
    T* const result = z[inputs_ - 1];
    std::fill_n(result - side, side, T(0));
    std::fill_n(result + count, N * lanes_ - side - count, T(0));
    if (channel >= plan_.channels_) {
      std::fill_n(result, count, T(0));
      return;
    }
    if (values != nullptr) mask(y, z[0]);  // psi(0) = 0
    const double value = combine(channel, count, z);
    if (values != nullptr) values[part] += value;
    mask(y, result);
  }

  const RidgeTiles& plan_;
  const Layout& layout_;
  const TileKernels<T>& run_;
  Index lanes_, first_, stride_, inputs_;
  Scratch<T> memory_, masks_;
  T *lines_[2] = {}, *spectra_[2] = {}, *sum_ = nullptr;
  Extent full_;
};

template <class T>
void RidgeTiles<T>::run(const std::vector<const T*>& inputs, Index planes, Extent size,
                        const Combine& combine, T* out, double* sums) const {
  const Layout where = layout(planes, size);
  const Index lanes = kernels<T>().tile.lanes, batches = (where.tiles() + lanes - 1) / lanes;
  const Index pairs = (channels_ + 1) / 2;
  Scratch<T> tiles(out != nullptr ? where.tiles() * N * N : 1);
  Scratch<double> values(batches * 2 * pairs);
  T* const results = tiles.data();
  double* const shares = values.data();
  std::fill_n(shares, batches * 2 * pairs, 0.0);
  parallel_for(batches, 1, [&](Index begin, Index end) {
    for (Index b = begin; b < end; ++b) {
      Batch batch(*this, where, b * lanes, inputs.size());
      batch.load(inputs);
      for (Index p = 0; p < pairs; ++p)
        batch.add_pair(p, combine, out != nullptr,
                       sums == nullptr ? nullptr : shares + (b * pairs + p) * 2);
      if (out != nullptr) batch.store(results);
    }
  });
  for (Index c = 0; sums != nullptr && c < channels_; ++c) {
    sums[c] = 0;
    for (Index b = 0; b < batches; ++b) sums[c] += shares[b * 2 * pairs + c];
  }
  if (out != nullptr) gather(where, results, out);
}

/// Every pixel is the sum of the tiles that it lies in, in their order.
template <class T>
void RidgeTiles<T>::gather(const Layout& where, const T* tiles, T* out) const {
  const Extent size = where.size;
  parallel_for(where.planes * size.rows, 16, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      T* const row = out + i * size.columns;
      const Index plane = i / size.rows, y = i % size.rows;
      std::fill_n(row, size.columns, T(0));
      for (Index t = 0; t < where.count.rows * where.count.columns; ++t) {
        const Index tile = plane * where.count.rows * where.count.columns + t;
        const auto place = where.place(tile);
        if (y < place.top || y >= place.top + N) continue;
        const T* const from = tiles + (tile * N + y - place.top) * N - place.left;
        const Index right = std::min(size.columns, place.left + N);
        for (Index x = std::max<Index>(0, place.left); x < right; ++x) row[x] += from[x];
      }
    }
  });
}

template class RidgeTiles<float>;
template class RidgeTiles<double>;

}  // namespace fejer::detail
