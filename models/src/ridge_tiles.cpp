#include "ridge_tiles.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>

#include <fejer/vector.hpp>

namespace fejer::detail {
namespace {

/// One cache line more than a power of two: the values of a column fall on different cache sets.
template <class T>
Index line_stride(const TileKernels<T>& run) {
  return 2 * run.size * run.lanes + 64 / static_cast<Index>(sizeof(T));
}

/// See tile_body.hpp.
template <class T>
Array<T> make_twiddles(Index n) {
  const Index radix = n / 16;
  Array<T> result(Shape{16 * (radix - 1) + 12, 2});
  T* to = result.data();
  const auto add = [&](Index product, Index period) {
    const double angle =
        -2 * std::numbers::pi * static_cast<double>(product) / static_cast<double>(period);
    *to++ = static_cast<T>(std::cos(angle));
    *to++ = static_cast<T>(std::sin(angle));
  };
  for (Index j = 0; j < 16; ++j)
    for (Index m = 1; m < radix; ++m) add(j * m, n);
  for (Index j = 0; j < 4; ++j)
    for (Index m = 1; m < 4; ++m) add(j * m, 16);
  return result;
}

/// sum_d (a + i b)[d + radius] exp(2 pi i k d / N) / N^2 for all pairs of channels, in the order of
/// the transforms: those of the reversed kernels.
template <class T>
void make_spectra(const Array<double>& kernel, const TileKernels<double>& run,
                  const double* twiddles, T* spectra) {
  const Index channels = kernel.shape()[0], rows = kernel.shape()[2], columns = kernel.shape()[3];
  const Index n = run.size, lanes = run.lanes, stride = line_stride(run);
  Scratch<double> memory(n * stride + 2 * n * n * lanes);
  double *const lines = memory.data(), *const values = lines + n * stride;
  for (Index first = 0; first < channels; first += 2 * lanes) {
    std::fill_n(lines, n * stride, 0.0);
    const Index count = std::min(2 * lanes, channels - first);
    for (Index c = 0; c < count; ++c)
      for (Index i = 0; i < rows * columns; ++i) {
        const Index y = (n + rows / 2 - i / columns) % n, x = (n + columns / 2 - i % columns) % n;
        lines[y * stride + (c % 2 * n + x) * lanes + c / 2] =
            kernel[(first + c) * rows * columns + i] / static_cast<double>(n * n);
      }
    for (Index y = 0; y < n; ++y) run.forward_line(twiddles, lines + y * stride);
    run.columns_to_spectrum(twiddles, lines, stride, nullptr, values);
    for (Index c = 0; c < count; c += 2)
      for (Index k = 0; k < 2 * n * n; ++k)
        spectra[(first + c) * n * n + k] = static_cast<T>(values[k * lanes + c / 2]);
  }
}

}  // namespace

template <class T>
RidgeTiles<T>::RidgeTiles(const MultiConvolution<T>& layers)
    : border_(layers), channels_(layers.out_channels()) {
  for (const auto& k : layers.kernels()) {
    radius_ = radius_ + Extent{k.shape()[2] / 2, k.shape()[3] / 2};
    multiplications_ += k.size();
    layers_.emplace_back(k.shape());
    for (Index i = 0; i < k.size(); ++i) layers_.back()[i] = static_cast<double>(k[i]);
  }
  small_ = radius_.rows <= 16 && radius_.columns <= 16;
}

/// Made when first used: models whose parameters are learned live for one step.
template <class T>
auto RidgeTiles<T>::prepared(std::size_t plan) const -> const Plan& {
  Plan& p = plans_[plan];
  std::call_once(p.once, [&] {
    const TileKernels<double>& exact = kernels<double>().tiles[plan];
    p.twiddles = make_twiddles<T>(exact.size);
    p.exact_twiddles = make_twiddles<double>(exact.size);
    p.spectra = Array<T>(Shape{pairs(), exact.size, exact.size, 2});
    make_spectra(collapsed().kernel(), exact, p.exact_twiddles.data(), p.spectra.data());
  });
  return p;
}

template <class T>
const CollapsedKernel& RidgeTiles<T>::collapsed() const {
  std::call_once(once_, [&] { collapsed_ = std::make_unique<CollapsedKernel>(layers_); });
  return *collapsed_;
}

template <class T>
auto RidgeTiles<T>::no_gradient() const -> Gradient {
  return {Array<double>(Shape{channels_, 2 * radius_.rows + 1, 2 * radius_.columns + 1}),
          border_.no_gradient()};
}

template <class T>
void RidgeTiles<T>::Gradient::add(double factor, const Gradient& other) {
  axpy<double>(factor, other.once, once);
  for (std::size_t k = 0; k < border_pieces; ++k) axpy<double>(factor, other.border[k], border[k]);
}

template <class T>
void RidgeTiles<T>::add_to_layers(Gradient gradient, std::vector<Array<double>>& layers) const {
  border_.add_to_layers(std::move(gradient.border), gradient.once.data(), layers);
  collapsed().add_to_layers(gradient.once.data(), layers);
}

template <class T>
TileLayout RidgeTiles<T>::layout(Index planes, Extent size, std::size_t plan) const {
  return TileLayout(planes, size, kernels<T>().tiles[plan].size, radius_);
}

template <class T>
bool RidgeTiles<T>::possible(Extent size) const {
  return small_ && border_.possible(size);
}

/// Of an image, in lines of 64 points that are transformed for every pair of channels.
template <class T>
double RidgeTiles<T>::cost(Extent size, std::size_t plan) const {
  const TileLayout l = layout(1, size, plan);
  // Of tiles side by side, the outermost has all that lies near the image's side.
  const Extent least{size.rows / l.count.rows, size.columns / l.count.columns};
  const Extent reach = border_.reach_out();
  if (least.rows < reach.rows || least.columns < reach.columns)
    return std::numeric_limits<double>::infinity();
  return static_cast<double>(l.tiles_per_plane() * (l.tile + l.inner.rows)) *
         (l.tile == 64 ? 1.0 : 0.7);
}

template <class T>
std::size_t RidgeTiles<T>::best_plan(Extent size) const {
  return cost(size, 0) < cost(size, 1) ? 0 : 1;
}

template <class T>
bool RidgeTiles<T>::worthwhile(Extent size) const {
  if (!possible(size)) return false;
  // In multiplications of the direct kernels: a line there and back for a pair of channels of one
  // tile costs as much as about 1300.
  const double transforms = 1300 * static_cast<double>(pairs()) * cost(size, best_plan(size));
  const double direct = 2.0 * static_cast<double>(multiplications_ * size.rows * size.columns);
  return transforms + border_.multiplications(size) < direct;
}

template <class T>
auto RidgeTiles<T>::cut(Index planes, Extent size) const -> Cut {
  const std::size_t plan = best_plan(size);
  const TileLayout l = layout(planes, size, plan);
  const Index lanes = kernels<T>().tiles[plan].lanes;
  return {plan, l.inner, l.tiles_per_plane(), (l.tiles() + lanes - 1) / lanes, lanes};
}

/// `lanes` tiles through all channels.
template <class T>
class RidgeTiles<T>::Batch {
 public:
  Batch(const RidgeTiles& tiles, std::size_t plan, const TileLayout& layout, const Work& work,
        Index batch)
      : tiles_(tiles),
        plan_(tiles.prepared(plan)),
        exact_(kernels<double>().tiles[plan]),
        run_(kernels<T>().tiles[plan]),
        layout_(layout),
        work_(work),
        n_(run_.size),
        lanes_(run_.lanes),
        batch_(batch),
        first_(batch * lanes_),
        stride_(line_stride(run_)),
        inputs_(work.v != nullptr ? 2 : 1),
        memory_(inputs_ * (n_ * stride_ + spectrum_size()) +
                (work.kernel != nullptr ? 2 : 1) * spectrum_size()),
        masks_((2 * n_ + 4) * lanes_) {
    T* at = memory_.data();
    for (Index i = 0; i < inputs_; ++i, at += n_ * stride_) lines_[i] = at;
    for (Index i = 0; i < inputs_; ++i, at += spectrum_size()) spectra_[i] = at;
    sum_ = at;
    gradients_ = at + spectrum_size();
    make_masks();
    if (!tiles.border_.none())
      strips_.emplace(tiles.border_, layout_.borders(first_, used(), lanes_), inputs_);
    load(0, work.x);
    if (work.v != nullptr) load(1, work.v);
    std::fill_n(sum_, spectrum_size(), T(0));
  }

  /// Adds the pair's share to the sum, and to the gradient unless it is null.
  void add_pair(Index pair, Gradient* gradient) {
    const T* h = plan_.spectra.data() + pair * n_ * n_ * 2;
    for (Index i = 0; i < inputs_; ++i)
      run_.spectrum_to_columns(twiddles(), spectra_[i], h, lines_[i], stride_);
    set_alpha(pair);
    const Index filters = std::min<Index>(2, tiles_.channels_ - 2 * pair);
    for (Index part = 0; strips_ && part < filters; ++part)
      for (Index i = 0; i < inputs_; ++i) strips_->begin(i, part, 2 * pair + part);
    const Index top = layout_.margin.rows, bottom = top + layout_.inner.rows;
    for (Index i = results(); i < inputs_; ++i) {
      std::fill_n(lines_[i], top * stride_, T(0));
      std::fill_n(lines_[i] + bottom * stride_, (n_ - bottom) * stride_, T(0));
    }
    for (Index y = top; y < bottom; ++y) {
      for (Index i = 0; i < inputs_; ++i) run_.inverse_line(twiddles(), lines_[i] + y * stride_);
      for (Index part = 0; part < 2; ++part) finish(y, part, 2 * pair + part);
      for (Index i = results(); i < inputs_; ++i)
        run_.forward_line(twiddles(), lines_[i] + y * stride_);
    }
    for (Index part = 0; strips_ && part < filters; ++part) {
      const Index channel = 2 * pair + part;
      if (work_.out != nullptr) strips_->end(inputs_ - 1, part, channel);
      for (Index i = 0; gradient != nullptr && i < 2; ++i)
        strips_->add_kernels(i, 1 - i, part, channel, gradient->border);
    }
    if (gradient != nullptr) return add_gradient(pair, h, gradient->once.data());
    if (work_.out == nullptr) return;
    run_.columns_to_spectrum(twiddles(), lines_[inputs_ - 1], stride_, h, sum_);
  }

  /// The real parts of the sum's tiles; of images that are one tile each, the images themselves.
  void store(T* tiles) {
    T* const lines = lines_[0];
    run_.spectrum_to_columns(twiddles(), sum_, nullptr, lines, stride_);
    const Extent size = layout_.single() ? layout_.size : Extent{n_, n_};
    for (Index y = 0; y < size.rows; ++y) {
      T* const line = lines + y * stride_;
      run_.inverse_line(twiddles(), line);
      if (strips_) strips_->subtract(y, line);
      for (Index lane = 0; lane < used(); ++lane) {
        T* const row = tiles + ((first_ + lane) * size.rows + y) * size.columns;
        for (Index x = 0; x < size.columns; ++x) row[x] = line[x * lanes_ + lane];
      }
    }
  }

 private:
  Index spectrum_size() const { return n_ * n_ * 2 * lanes_; }
  Index used() const { return std::min(lanes_, layout_.tiles() - first_); }
  const T* twiddles() const { return plan_.twiddles.data(); }
  /// The first of the lines that are transformed back.
  Index results() const {
    if (work_.kernel != nullptr) return 0;
    return work_.out != nullptr ? inputs_ - 1 : inputs_;
  }

  /// Always in double: filters take away all but the finest of an image, which would drown in the
  /// rounding of what they take away.
  void load(Index input, const T* images) {
    T* const spectrum = spectra_[input];
    const Index few = exact_.lanes, stride = line_stride(exact_);
    Scratch<double> memory(n_ * stride + n_ * n_ * 2 * few);
    double *const lines = memory.data(), *const values = lines + n_ * stride;
    const double* const twiddles = plan_.exact_twiddles.data();
    for (Index from = 0; from < lanes_; from += few) {
      std::fill_n(lines, n_ * stride, 0.0);
      const Index count = std::clamp<Index>(used() - from, 0, few);
      for (Index lane = 0; lane < count; ++lane)
        copy_tile(images, first_ + from + lane, stride, few, lines + lane);
      for (Index y = 0; y < n_; ++y) exact_.forward_line(twiddles, lines + y * stride);
      exact_.columns_to_spectrum(twiddles, lines, stride, nullptr, values);
      for (Index k = 0; k < 2 * n_ * n_; ++k)
        for (Index lane = 0; lane < std::min(few, lanes_); ++lane)
          spectrum[k * lanes_ + from + lane] = static_cast<T>(values[k * few + lane]);
    }
    if (!strips_) return;
    const Extent size = layout_.size;
    std::vector<TileLayout::Place> places;
    for (Index lane = 0; lane < used(); ++lane) places.push_back(layout_.place(first_ + lane));
    strips_->take(input, [&](Index lane, Index y, Index x) {
      const auto& place = places[static_cast<std::size_t>(lane)];
      const Index row = place.top + y, column = place.left + x;
      if (row < 0 || row >= size.rows || column < 0 || column >= size.columns) return T(0);
      return images[(place.plane * size.rows + row) * size.columns + column];
    });
  }

  void copy_tile(const T* images, Index tile, Index stride, Index step, double* lines) const {
    const auto place = layout_.place(tile);
    const Extent size = layout_.size;
    const T* const image = images + place.plane * size.rows * size.columns;
    const Index left = std::max<Index>(0, -place.left);
    const Index right = std::min(n_, size.columns - place.left);
    for (Index y = std::max<Index>(0, -place.top); y < std::min(n_, size.rows - place.top); ++y)
      for (Index x = left; x < right; ++x)
        lines[y * stride + x * step] =
            static_cast<double>(image[(place.top + y) * size.columns + place.left + x]);
  }

  /// Rows above full_.rows and columns left of full_.columns count in every tile.
  void make_masks() {
    full_ = layout_.margin + layout_.inner;
    std::fill_n(masks_.data(), 2 * n_ * lanes_, T(0));
    for (Index lane = 0; lane < used(); ++lane) {
      const auto w = layout_.counted(first_ + lane);
      full_ = smaller(full_, {w.bottom, w.right});
      for (Index y = w.top; y < w.bottom; ++y) masks_.data()[y * lanes_ + lane] = 1;
      for (Index x = w.left; x < w.right; ++x) masks_.data()[(n_ + x) * lanes_ + lane] = 1;
    }
    if (used() < lanes_) full_ = layout_.margin;
  }

  void mask(Index y, T* row) {
    const T* const rows = masks_.data() + y * lanes_;
    const T* const columns = masks_.data() + n_ * lanes_;
    const Index side = layout_.margin.columns, end = side + layout_.inner.columns;
    for (Index x = y < full_.rows ? full_.columns : side; x < end; ++x)
      for (Index lane = 0; lane < lanes_; ++lane)
        row[(x - side) * lanes_ + lane] *= rows[lane] * columns[x * lanes_ + lane];
  }

  T* alpha(Index part) { return masks_.data() + (2 * n_ + 2 * part) * lanes_; }
  void set_alpha(Index pair) {
    for (Index part = 0; part < 2; ++part) {
      const Index channel = std::min(2 * pair + part, tiles_.channels_ - 1);
      for (Index lane = 0; lane < lanes_; ++lane) {
        const Index plane =
            std::min(first_ + lane, layout_.tiles() - 1) / layout_.tiles_per_plane();
        const double a = work_.alpha[plane * tiles_.channels_ + channel];
        alpha(part)[lane] = static_cast<T>(a);
        alpha(part)[lanes_ + lane] = static_cast<T>(1 / a);
      }
    }
  }

  /// A row of one channel: W x becomes phi(W x), 0 where it does not count.
  void finish(Index y, Index part, Index channel) {
    const Index side = layout_.margin.columns * lanes_, count = layout_.inner.columns * lanes_;
    T* z[2] = {};
    for (Index i = 0; i < inputs_; ++i) z[i] = lines_[i] + y * stride_ + part * n_ * lanes_ + side;
    for (Index i = results(); i < inputs_; ++i) {
      std::fill_n(z[i] - side, side, T(0));
      std::fill_n(z[i] + count, n_ * lanes_ - side - count, T(0));
      if (channel >= tiles_.channels_) std::fill_n(z[i], count, T(0));
    }
    if (channel >= tiles_.channels_) return;
    for (Index i = 0; strips_ && i < inputs_; ++i) strips_->correct(i, part, y, z[i]);
    if (work_.masked) mask(y, z[0]);
    if (inputs_ == 2) mask(y, z[1]);
    work_.row({batch_, first_, used(), channel, y - layout_.margin.rows, layout_.inner.rows,
               layout_.inner.columns, lanes_, z[0], z[1], alpha(part), alpha(part) + lanes_});
    if (results() == 0) mask(y, z[0]);
    for (Index i = results(); strips_ && i < inputs_; ++i) strips_->keep(i, part, y, z[i]);
  }

  /// Spectra of gradients of as many pairs as there are lanes, one after the other; then they are
  /// transformed together.
  void add_gradient(Index pair, const T* h, double* kernel) {
    const Index slot = pair % lanes_;
    run_.columns_to_gradient({twiddles(), lines_[0], lines_[1], stride_, h, spectra_[1],
                              spectra_[0], sum_, gradients_ + slot * n_ * n_ * 2});
    if (slot + 1 < lanes_ && pair + 1 < tiles_.pairs()) return;
    T *const lines = lines_[0], *const column = lines_[1];
    for (Index x = 0; x < n_; ++x) {
      // Column by column: lanes beyond `slot` hold what does not matter.
      for (Index k = 0; k < 2 * n_; ++k)
        for (Index lane = 0; lane < lanes_; ++lane)
          column[(x * 2 * n_ + k) * lanes_ + lane] =
              lane <= slot ? gradients_[lane * n_ * n_ * 2 + x * 2 * n_ + k] : T(0);
    }
    run_.spectrum_to_columns(twiddles(), column, nullptr, lines, stride_);
    const Extent r = tiles_.radius_;
    const Index width = 2 * r.columns + 1;
    const double factor = 1 / static_cast<double>(n_ * n_);
    for (Index dy = -r.rows; dy <= r.rows; ++dy) {
      // g[d] = sum_k G(k) exp(-2 pi i k d / N) / N^2: the inverse transform at -d.
      T* const line = lines + (n_ - dy) % n_ * stride_;
      run_.inverse_line(twiddles(), line);
      for (Index lane = 0; lane <= slot; ++lane)
        for (Index part = 0; part < 2; ++part) {
          const Index channel = 2 * (pair - slot + lane) + part;
          if (channel >= tiles_.channels_) continue;
          double* const to = kernel + channel * tiles_.taps() + (dy + r.rows) * width + r.columns;
          for (Index dx = -r.columns; dx <= r.columns; ++dx)
            to[dx] =
                factor * static_cast<double>(line[(part * n_ + (n_ - dx) % n_) * lanes_ + lane]);
        }
    }
  }

  const RidgeTiles& tiles_;
  const Plan& plan_;
  const TileKernels<double>& exact_;
  const TileKernels<T>& run_;
  const TileLayout& layout_;
  const Work& work_;
  Index n_, lanes_, batch_, first_, stride_, inputs_;
  Scratch<T> memory_, masks_;
  T *lines_[2] = {}, *spectra_[2] = {}, *sum_ = nullptr, *gradients_ = nullptr;
  Extent full_;
  std::optional<RidgeStrips<T>> strips_;
};

template <class T>
void RidgeTiles<T>::run(const Work& work, Index planes, Extent size) const {
  border_.prepare(layers_, collapsed().kernel());
  const Cut parts = cut(planes, size);
  const TileLayout where = layout(planes, size, parts.plan);
  const bool apart = work.out != nullptr && !where.single();
  Scratch<T> tiles(apart ? where.tiles() * where.tile * where.tile : 1);
  std::vector<Gradient> shares(work.kernel != nullptr ? static_cast<std::size_t>(parts.batches)
                                                      : 0);
  T* const results = apart ? tiles.data() : work.out;
  parallel_for(parts.batches, 1, [&](Index begin, Index end) {
    for (Index b = begin; b < end; ++b) {
      Gradient* const share = shares.empty() ? nullptr : &shares[static_cast<std::size_t>(b)];
      if (share != nullptr) *share = no_gradient();
      Batch batch(*this, parts.plan, where, work, b);
      for (Index p = 0; p < pairs(); ++p) batch.add_pair(p, share);
      if (work.out != nullptr) batch.store(results);
    }
  });
  for (const Gradient& share : shares) work.kernel->add(1, share);
  if (apart) where.gather(results, work.out);
}

template class RidgeTiles<float>;
template class RidgeTiles<double>;

}  // namespace fejer::detail
