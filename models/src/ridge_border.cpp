#include "ridge_border.hpp"

#include <algorithm>

#include "ridge_levels.hpp"

namespace fejer::detail {

template <class T>
RidgeBorder<T>::RidgeBorder(const MultiConvolution<T>& layers) : layers_(layers.data_) {
  const std::size_t count = layers_->layers();
  for (std::size_t l = 0; l < count; ++l) radius_ = radius_ + layers_->radius(l);
  if (layers_->borders != Borders::zero_every_layer) return;
  // A path leaves the image after the first layer or later, and is back after the last.
  in_ = radius_ - layers_->radius(count - 1), out_ = radius_ - layers_->radius(0);
  if (in_.rows == 0 || out_.rows == 0) in_.rows = out_.rows = 0;
  if (in_.columns == 0 || out_.columns == 0) in_.columns = out_.columns = 0;
  for (std::size_t k = 0; k < border_pieces; ++k) {
    const Piece& p = pieces[k];
    const Index ends = p.depths(out_);
    weights_at_[k + 1] = weights_at_[k] + 2 * ends * p.depths(in_) * taps(p);
    sums_at_[k + 1] = sums_at_[k] + ends * (taps(p) + 1);
  }
  // What begins at one side does not come near where W x is read at another.
  probe_size_ = larger(in_ + out_ + radius_, radius_ + radius_ + Extent{1, 1});
}

template <class T>
bool RidgeBorder<T>::possible(Extent size) const {
  return in_.rows * in_.columns * out_.rows * out_.columns <= most_of_corner &&
         (in_.rows == 0 || size.rows >= radius_.rows) &&
         (in_.columns == 0 || size.columns >= radius_.columns);
}

template <class T>
double RidgeBorder<T>::multiplications(Extent size) const {
  double sum = 0;
  for (const Piece& p : pieces) {
    const Index along = p.corner() ? 1 : p.row != 0 ? size.columns : size.rows;
    sum += 2 * static_cast<double>(shape(p).size() * along);
  }
  return none() ? 0 : sum;
}

template <class T>
Extent RidgeBorder<T>::Piece::pixel(Index depth, Extent reach, Index along, Extent size) const {
  Index y = along, x = along;
  if (corner())
    y = depth / reach.columns, x = depth % reach.columns;
  else
    (row != 0 ? y : x) = depth;
  return {row < 0 ? size.rows - 1 - y : y, column < 0 ? size.columns - 1 - x : x};
}

template <class T>
Index RidgeBorder<T>::taps(const Piece& p) const {
  return p.corner() ? 1 : 2 * (p.row != 0 ? radius_.columns : radius_.rows) + 1;
}

/// (filter and depth in W x, depth in x, 1, taps).
template <class T>
Shape RidgeBorder<T>::shape(const Piece& p) const {
  return {layers_->forward.back().out_channels() * p.depths(out_), p.depths(in_), 1, taps(p)};
}

// ---- the kernels

template <class T>
auto RidgeBorder<T>::kernel(std::size_t piece, Index channel) const -> Kernel {
  const Piece& p = pieces[piece];
  const Index to = p.depths(out_), from = p.depths(in_), count = taps(p);
  const T* const weights = weights_.data() + weights_at(piece, channel);
  return {{weights, to, from, count},
          {weights + to * from * count, from, to, count},
          sums_.data() + sums_at(piece, channel)};
}

template <class T>
void RidgeBorder<T>::pack(std::size_t piece, const Array<double>& all) const {
  if (all.size() == 0) return;
  const Kernel shapes = kernel(piece, 0);
  const StripKernel<T>&forward = shapes.forward, &backward = shapes.backward;
  const Index channels = layers_->forward.back().out_channels(), count = forward.taps;
  const double* value = all.data();
  for (Index c = 0; c < channels; ++c) {
    T* const weights = weights_.data() + weights_at(piece, c);
    T* const reversed = weights + forward.to * forward.from * count;
    double* const sums = sums_.data() + sums_at(piece, c);
    for (Index o = 0; o < forward.to; ++o)
      for (Index i = 0; i < forward.from; ++i)
        for (Index tap = 0; tap < count; ++tap, ++value) {
          weights[forward.at(o, i, tap)] = static_cast<T>(*value);
          reversed[backward.at(i, o, count - 1 - tap)] = static_cast<T>(*value);
          sums[o * (count + 1) + tap + 1] += *value;
        }
    for (Index o = 0; o < forward.to; ++o)
      for (Index tap = 0; tap < count; ++tap)
        sums[o * (count + 1) + tap + 1] += sums[o * (count + 1) + tap];
  }
}

template <class T>
void StripKernel<T>::add(const T* in, Index in_plane, Index step, T* out, Index out_plane,
                         Index n) const {
  // Taps are rows of the kernel.
  for (Index first = 0; first < to; first += block)
    kernels<T>().convolve({.in = in,
                           .in_row = step,
                           .in_plane = in_plane,
                           .in_channels = from,
                           .kernel_rows = taps,
                           .kernel_columns = 1,
                           .weights = weights + first * from * taps,
                           .bias = nullptr,
                           .out = out + first * out_plane,
                           .out_row = 0,
                           .out_plane = out_plane,
                           .rows = 1,
                           .columns = n,
                           .block = static_cast<int>(std::min(block, to - first))});
}

template <class T>
Index RidgeBorder<T>::probe(const Piece& p, Index depth) const {
  if (p.corner()) return in_.rows + in_.columns + depth;
  return p.row != 0 ? depth : in_.rows + depth;
}

template <class T>
template <class F>
void RidgeBorder<T>::each_probe(const F& f) const {
  for (const Piece& p : pieces)
    for (Index depth = 0; depth < p.depths(in_); ++depth)
      f(probe(p, depth), p.pixel(depth, in_, taps(p) / 2, probe_size_));
}

template <class T>
template <class F>
void RidgeBorder<T>::each_entry(const F& f) const {
  for (std::size_t k = 0; k < border_pieces; ++k) {
    const Piece& p = pieces[k];
    const Index ends = p.depths(out_), begins = p.depths(in_), count = taps(p);
    for (Index to = 0; to < ends; ++to)
      for (Index from = 0; from < begins; ++from)
        for (Index tap = 0; tap < count; ++tap) each_filter(k, to, from, tap, f);
  }
}

template <class T>
template <class F>
void RidgeBorder<T>::each_filter(std::size_t k, Index to, Index from, Index tap, const F& f) const {
  const Piece& p = pieces[k];
  const Extent width = radius_ + radius_ + Extent{1, 1}, n = probe_size_;
  const Index channels = layers_->forward.back().out_channels(), count = taps(p);
  const Index ends = p.depths(out_), begins = p.depths(in_);
  // The pixel of x is tap - r further along than that of W x.
  const Extent x = p.pixel(from, in_, count / 2, n), z = p.pixel(to, out_, count - 1 - tap, n);
  const Extent q = x - z + radius_;
  const bool by_row = q.columns >= 0 && q.columns < width.columns;
  const bool by_column = q.rows >= 0 && q.rows < width.rows;
  const Index of_rows = p.corner() ? to / out_.columns * in_.rows + from / in_.columns : 0;
  const Index of_columns = p.corner() ? to % out_.columns * in_.columns + from % in_.columns : 0;
  for (Index c = 0; c < channels; ++c) {
    Entry e{k, ((c * ends + to) * begins + from) * count + tap, -1, probe(p, from), c, z, -1, -1};
    if (by_row && by_column) e.once = (c * width.rows + q.rows) * width.columns + q.columns;
    if (p.corner() && by_row)
      e.by_row = (c * out_.rows * in_.rows + of_rows) * width.columns + q.columns;
    if (p.corner() && by_column)
      e.by_column = (c * out_.columns * in_.columns + of_columns) * width.rows + q.rows;
    f(e);
  }
}

template <class T>
void RidgeBorder<T>::prepare(const std::vector<Array<double>>& layers,
                             const Array<double>& once) const {
  if (none()) return;
  std::call_once(once_, [&] {
    const MultiConvolution<double> w(layers, layers_->borders);
    const Index channels = w.out_channels();
    const Shape image{1, probe_size_.rows, probe_size_.columns};
    Array<double> x(Shape{number_of_probes(), image[1], image[2]});
    each_probe([&](Index probe, Extent at) {
      x[(probe * image[1] + at.rows) * image[2] + at.columns] = 1;
    });
    std::vector<Array<double>> z;
    for (Index i = 0; i < number_of_probes(); ++i) {
      z.emplace_back(Shape{channels, image[1], image[2]});
      w.apply(ConstView<double>(x.data() + i * image.size(), image), z.back());
    }
    auto kernels = no_gradient();
    each_entry([&](const Entry& e) {
      double value = (e.once >= 0 ? once[e.once] : 0) -
                     z[static_cast<std::size_t>(e.probe)]
                      [(e.channel * image[1] + e.z.rows) * image[2] + e.z.columns];
      const Piece& p = pieces[e.piece];
      if (e.by_row >= 0) value -= kernels[side_of_rows(p)][e.by_row];
      if (e.by_column >= 0) value -= kernels[side_of_columns(p)][e.by_column];
      kernels[e.piece][e.at] = value;
    });
    weights_ = Array<T>(Shape{channels * weights_at_[border_pieces]});
    sums_ = Array<double>(Shape{channels * sums_at_[border_pieces]});
    for (std::size_t k = 0; k < border_pieces; ++k) pack(k, kernels[k]);
  });
}

template <class T>
std::array<Array<double>, border_pieces> RidgeBorder<T>::no_gradient() const {
  std::array<Array<double>, border_pieces> result;
  for (std::size_t k = 0; k < border_pieces && !none(); ++k)
    result[k] = Array<double>(shape(pieces[k]));
  return result;
}

template <class T>
void RidgeBorder<T>::add_to_layers(std::array<Array<double>, border_pieces> gradient, double* once,
                                   std::vector<Array<double>>& sums) const {
  if (none()) return;
  each_entry([&](const Entry& e) {
    const Piece& p = pieces[e.piece];
    const double g = gradient[e.piece][e.at];
    if (e.by_row >= 0) gradient[side_of_rows(p)][e.by_row] -= g;
    if (e.by_column >= 0) gradient[side_of_columns(p)][e.by_column] -= g;
  });
  const Levels<T, Convolutions> levels(*layers_, probe_size_, number_of_probes());
  const Index width = number_of_probes() * levels.step();
  Array<T> x(Shape{probe_size_.rows, width});
  each_probe(
      [&](Index probe, Extent at) { x[at.rows * width + probe * levels.step() + at.columns] = 1; });
  const std::size_t last = layers_->layers() - 1;
  auto c = levels.cotangent(last);
  const Planes<T>& s = c->window();
  clear_rows(s, 0);
  each_entry([&](const Entry& e) {
    const double g = gradient[e.piece][e.at];
    if (e.once >= 0) once[e.once] -= g;
    *s.at(e.channel, e.z.rows, e.probe * levels.step() + e.z.columns) += static_cast<T>(g);
  });
  levels.backward(std::move(c), levels.forward(x.data()), sums.data(), nullptr);
}

template struct StripKernel<float>;
template struct StripKernel<double>;
template class RidgeBorder<float>;
template class RidgeBorder<double>;

}  // namespace fejer::detail
