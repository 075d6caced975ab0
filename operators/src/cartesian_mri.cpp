#include <fejer/operators/cartesian_mri.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <fejer/fft.hpp>
#include <fejer/line_fft.hpp>
#include <fejer/parallel.hpp>
#include <fejer/scratch.hpp>
#include <fejer/vector.hpp>

#include "pieces.hpp"
#include "text.hpp"

namespace fejer {
namespace {

template <class T>
void check_mask(const Array<T>& mask) {
  if (mask.shape().rank() != 2 || mask.size() == 0)
    throw ShapeError(text("CartesianMri: got a mask ", to_string(mask.shape()),
                          ", expected (H,W) with at least one pixel"));
  for (Index i = 0; i < mask.size(); ++i)
    if (mask[i] != T(0) && mask[i] != T(1))
      throw ArgumentError(text("CartesianMri: got ", mask[i], " in the mask, expected 0 or 1"));
}

/// The axis along which the mask samples whole lines: it depends on the column only (1), on the
/// row only (0), or on both (-1).
template <class T>
int line_axis(const Array<T>& mask) {
  const Index H = mask.shape()[0], W = mask.shape()[1];
  bool by_column = true, by_row = true;
  for (Index i = 0; i < H; ++i)
    for (Index j = 0; j < W; ++j) {
      by_column = by_column && mask[i * W + j] == mask[j];
      by_row = by_row && mask[i * W + j] == mask[i * W];
    }
  return by_column ? 1 : by_row ? 0 : -1;
}

/// to[j, i] = from[i, j], from of (rows, columns), in tiles that stay in the cache.
template <class X>
void transpose(const X* from, Index rows, Index columns, X* to) {
  constexpr Index tile = 16;
  parallel_for((rows + tile - 1) / tile, 4, [=](Index begin, Index end) {
    for (Index i0 = begin * tile; i0 < std::min(rows, end * tile); i0 += tile)
      for (Index j0 = 0; j0 < columns; j0 += tile)
        for (Index j = j0; j < std::min(columns, j0 + tile); ++j)
          for (Index i = i0; i < std::min(rows, i0 + tile); ++i)
            to[j * rows + i] = from[i * columns + j];
  });
}

}  // namespace

/// The shifts of the centred transform are folded into the products with maps and mask. The normal
/// operator needs none: maps^H (F^H mask F) maps holds a circular convolution, which commutes with
/// cyclic shifts. Where the mask samples whole lines, the transform along them cancels in F^H mask
/// F, which leaves convolutions along the other axis, line by line.
template <class T>
struct CartesianMri<T>::Plan {
  using C = std::complex<T>;
  Index coils, H, W;
  Shape image, data;
  Array<T> mask;  ///< ifftshifted
  Array<C> maps;  ///< as given; empty: one coil of sensitivity 1
  ComplexFft<T> fft;
  int axis;                 ///< see line_axis
  LineFft<T> rows, down;    ///< of W and of H
  Array<T> filter;          ///< the mask as the normal operator needs it: one line, or transposed
  Array<C> maps_by_column;  ///< (coils,W,H), for axis 0 only
  NormInterval norm;

  Plan(const Array<T>& m, const Array<C>* s)
      : coils(s == nullptr ? 1 : s->shape()[0]),
        H(m.shape()[0]),
        W(m.shape()[1]),
        image{1, H, W},
        data{coils, H, W},
        mask(m.shape()),
        fft(m.shape()),
        axis(line_axis(m)),
        rows(W),
        down(H) {
    ifftshift2<T>(m, mask);
    if (s != nullptr) maps = *s;
    set_filter();
    set_norm();
  }

  void set_filter() {
    filter = Array<T>(axis < 0 ? Shape{W, H} : Shape{axis == 1 ? W : H});
    const T factor = static_cast<T>(1 / static_cast<double>(axis < 0 ? H * W : filter.size()));
    for (Index k = 0; k < filter.size(); ++k) {
      const Index at = axis < 0 ? k % H * W + k / H : axis == 1 ? k : k * W;
      filter[k] = factor * mask[at];
    }
    if (axis != 0 || maps.size() == 0) return;
    maps_by_column = Array<C>(Shape{coils, W, H});
    for (Index c = 0; c < coils; ++c)
      transpose(maps.data() + c * H * W, H, W, maps_by_column.data() + c * H * W);
  }

  void set_norm() {
    double squares = maps.size() > 0 ? 0 : 1;
    for (Index i = 0; maps.size() > 0 && i < H * W; ++i) {
      double sum = 0;
      for (Index c = 0; c < coils; ++c) sum += std::norm(std::complex<double>(maps[c * H * W + i]));
      squares = std::max(squares, sum);
    }
    const auto sampled = std::count(mask.begin(), mask.end(), T(1));
    const double largest = sampled > 0 ? std::sqrt(squares) : 0;
    const bool exact = sampled == 0 || maps.size() == 0 || sampled == mask.size();
    const double margin = 8 * static_cast<double>(std::numeric_limits<T>::epsilon());
    norm = {exact ? largest * (1 - margin) : 0, largest * (1 + margin),
            "unitary transform, largest root of the sum of squares of the maps"};
  }

  /// body(row, row of the centred array) in parallel over the rows of all coils.
  template <class Body>
  void for_rows(Index planes, Body body) const {
    parallel_for(planes * H, rows_per_piece(W), [&](Index begin, Index end) {
      for (Index r = begin; r < end; ++r) body(r, r - r % H + (r % H + H / 2) % H);
    });
  }
  /// body(first, length, first in the centred array) for the two runs of a row.
  template <class Body>
  void for_runs(Body body) const {
    const Index left = W - W / 2;
    body(Index(0), left, W / 2);
    body(left, W / 2, Index(0));
  }

  /// z = ifftshift(maps .* x), all coils.
  void expand(ConstView<C> x, View<C> z) const {
    for_rows(coils, [&](Index r, Index centred) {
      const C* from = x.data() + centred % H * W;
      const C* map = maps.size() > 0 ? maps.data() + centred * W : nullptr;
      C* to = z.data() + r * W;
      for_runs([&](Index first, Index length, Index shifted) {
        sensed(map == nullptr ? nullptr : map + shifted, from + shifted, to + first, length);
      });
    });
  }
  /// x = fftshift(sum over coils of conj(maps) .* z), coils in order.
  void combine(ConstView<C> z, View<C> x) const {
    for_rows(1, [&](Index r, Index centred) {
      C* to = x.data() + centred * W;
      for_runs([&](Index first, Index length, Index shifted) {
        for (Index c = 0; c < coils; ++c) {
          const Index at = (c * H + centred) * W + shifted;
          add_back(maps.size() > 0 ? maps.data() + at : nullptr, z.data() + (c * H + r) * W + first,
                   c == 0, to + shifted, length);
        }
      });
    });
  }
  /// y = fftshift(mask .* z).
  void sample(ConstView<C> z, View<C> y) const {
    for_rows(coils, [&](Index r, Index centred) {
      const T* m = mask.data() + r % H * W;
      for_runs([&](Index first, Index length, Index shifted) {
        for (Index j = 0; j < length; ++j)
          y[centred * W + shifted + j] = m[first + j] * z[r * W + first + j];
      });
    });
  }
  /// z = mask .* ifftshift(y).
  void sample_adjoint(ConstView<C> y, View<C> z) const {
    for_rows(coils, [&](Index r, Index centred) {
      const T* m = mask.data() + r % H * W;
      for_runs([&](Index first, Index length, Index shifted) {
        for (Index j = 0; j < length; ++j)
          z[r * W + first + j] = m[first + j] * y[centred * W + shifted + j];
      });
    });
  }

  /// to = map .* from, without the checks for infinities that operator* makes.
  static void sensed(const C* map, const C* from, C* to, Index n) {
    if (map == nullptr) {
      std::copy_n(from, n, to);
      return;
    }
    for (Index j = 0; j < n; ++j) {
      const T a = map[j].real(), b = map[j].imag(), u = from[j].real(), v = from[j].imag();
      to[j] = {a * u - b * v, a * v + b * u};
    }
  }
  /// sum += conj(map) .* z, or sum = it for the first coil.
  static void add_back(const C* map, const C* z, bool first, C* sum, Index n) {
    if (first) std::fill_n(sum, n, C(0));
    if (map == nullptr) {
      for (Index j = 0; j < n; ++j) sum[j] += z[j];
      return;
    }
    for (Index j = 0; j < n; ++j) {
      const T a = map[j].real(), b = map[j].imag(), u = z[j].real(), v = z[j].imag();
      sum[j] = {sum[j].real() + (a * u + b * v), sum[j].imag() + (a * v - b * u)};
    }
  }

  /// out = sum_c conj(map) .* convolution(map .* x) of `count` lines, each on its own.
  void filter_lines(const LineFft<T>& line, const Array<C>& s, const C* x, C* out) const {
    const Index n = line.length(), count = H * W / n, step = (n + 7) / 8 * 8;
    parallel_for(count, rows_per_piece(8 * n * coils), [&](Index begin, Index end) {
      detail::Scratch<C> memory(2 * step);
      C *const p = memory.data(), *const q = p + step;
      for (Index r = begin; r < end; ++r)
        for (Index c = 0; c < coils; ++c) {
          const C* map = s.size() > 0 ? s.data() + (c * count + r) * n : nullptr;
          sensed(map, x + r * n, p, n);
          line.forward(p, q);
          for (Index j = 0; j < n; ++j) q[j] = {filter[j] * q[j].real(), filter[j] * q[j].imag()};
          line.inverse(q, p);
          add_back(map, p, c == 0, out + r * n, n);
        }
    });
  }
  void normal_by_column(const C* x, C* out) const {
    detail::Scratch<C> memory(2 * H * W);
    C *const turned = memory.data(), *const result = turned + H * W;
    transpose(x, H, W, turned);
    filter_lines(down, maps_by_column, turned, result);
    transpose(result, W, H, out);
  }
  /// Any mask: rows of all coils, columns there and back, rows back; sums in the order of coils.
  void normal_by_plane(const C* x, C* out) const {
    const Index stride = (W + 7) / 8 * 8 + 8, grain = rows_per_piece(8 * W);
    detail::Scratch<C> planes(coils * H * stride);
    C* const z = planes.data();
    const auto map_row = [&](Index r) { return maps.size() > 0 ? maps.data() + r * W : nullptr; };
    parallel_for(coils, 1, [&](Index first, Index last) {
      for (Index c = first; c < last; ++c) {
        C* const plane = z + c * H * stride;
        parallel_for(H, grain, [&, c](Index begin, Index end) {
          detail::Scratch<C> row(W);
          for (Index i = begin; i < end; ++i) {
            sensed(map_row(c * H + i), x + i * W, row.data(), W);
            rows.forward(row.data(), plane + i * stride);
          }
        });
        parallel_for(W, (rows_per_piece(8 * H) + 7) / 8 * 8, [&](Index begin, Index end) {
          down.filter_columns(plane, stride, begin, end, filter.data(), T(1));
        });
      }
    });
    parallel_for(H, rows_per_piece(8 * W * coils), [&](Index begin, Index end) {
      detail::Scratch<C> row(W);
      for (Index i = begin; i < end; ++i)
        for (Index c = 0; c < coils; ++c) {
          rows.inverse(z + (c * H + i) * stride, row.data());
          add_back(map_row(c * H + i), row.data(), c == 0, out + i * W, W);
        }
    });
  }
};

template <class T>
CartesianMri<T>::CartesianMri(const Array<T>& mask) {
  check_mask(mask);
  plan_ = std::make_shared<const Plan>(mask, nullptr);
}

template <class T>
CartesianMri<T>::CartesianMri(const Array<T>& mask, const Array<std::complex<T>>& maps) {
  check_mask(mask);
  const Shape& s = maps.shape();
  if (s.rank() != 3 || s[0] == 0 || s[1] != mask.shape()[0] || s[2] != mask.shape()[1])
    throw ShapeError(text("CartesianMri: got maps ", to_string(s), " with a mask ",
                          to_string(mask.shape()), ", expected (coils,H,W) of the mask's (H,W)"));
  if (!all_finite(maps)) throw ArgumentError("CartesianMri: a value of the maps is not finite");
  plan_ = std::make_shared<const Plan>(mask, &maps);
}

template <class T>
const Shape& CartesianMri<T>::domain() const {
  return plan_->image;
}
template <class T>
const Shape& CartesianMri<T>::range() const {
  return plan_->data;
}
template <class T>
NormInterval CartesianMri<T>::norm_interval() const {
  return plan_->norm;
}

template <class T>
void CartesianMri<T>::apply(ConstView<std::complex<T>> x, View<std::complex<T>> y) const {
  const Shape& data = plan_->data;
  detail::Scratch<std::complex<T>> memory(2 * data.size());
  const View<std::complex<T>> z(memory.data(), data), spectrum(memory.data() + data.size(), data);
  plan_->expand(x, z);
  plan_->fft.forward(z, spectrum);
  plan_->sample(spectrum, y);
}

template <class T>
void CartesianMri<T>::apply_adjoint(ConstView<std::complex<T>> y, View<std::complex<T>> x) const {
  const Shape& data = plan_->data;
  detail::Scratch<std::complex<T>> memory(2 * data.size());
  const View<std::complex<T>> z(memory.data(), data), spectrum(memory.data() + data.size(), data);
  plan_->sample_adjoint(y, spectrum);
  plan_->fft.inverse(spectrum, z);
  plan_->combine(z, x);
}

template <class T>
void CartesianMri<T>::normal(ConstView<std::complex<T>> x, View<std::complex<T>> out) const {
  const Plan& p = *plan_;
  if (p.axis == 1) return p.filter_lines(p.rows, p.maps, x.data(), out.data());
  if (p.axis == 0) return p.normal_by_column(x.data(), out.data());
  p.normal_by_plane(x.data(), out.data());
}

template class CartesianMri<float>;
template class CartesianMri<double>;

}  // namespace fejer
