#include <fejer/fft.hpp>

#include <algorithm>
#include <climits>
#include <cmath>
#include <vector>

#include <fejer/line_fft.hpp>
#include <fejer/parallel.hpp>
#include <fejer/scratch.hpp>

#include "fft_plans.hpp"

namespace fejer {
namespace {

using detail::aligned_for_fft;
using detail::LineKind;
using detail::LinePlan;
using detail::Scratch;

/// Lines of n elements in one piece of a parallel loop.
Index lines_per_piece(Index n) { return std::max<Index>(1, 8192 / std::max<Index>(1, n)); }
/// Columns of n elements in one piece: whole blocks of eight.
Index columns_per_piece(Index n) { return (lines_per_piece(n) + 7) / 8 * 8; }

Shape half_spectrum(const Shape& dims) {
  Shape half(dims.begin(), dims.end() - 1);
  half.push_back(dims.back(0) / 2 + 1);
  return half;
}

void require_dims(const char* where, const Shape& dims) {
  bool good = dims.rank() >= 1 && dims.rank() <= 3;
  for (const Index n : dims) good = good && n >= 1 && n <= INT_MAX;
  if (!good)
    throw ShapeError(std::string(where) + ": got the dimensions " + to_string(dims) +
                     ", expected 1 to 3 positive lengths");
}

/// Number of transforms in an array whose last axes are dims; throws where they are not.
Index batch_size(const char* where, const Shape& shape, const Shape& dims) {
  const int leading = shape.rank() - dims.rank();
  if (leading < 0 || !(Shape(shape.begin() + leading, shape.end()) == dims))
    throw ShapeError(std::string(where) + ": got " + to_string(shape) +
                     ", expected the last axes to be " + to_string(dims));
  return Shape(shape.begin(), shape.begin() + leading).size();
}

Index require_batches(const char* where, const Shape& in, const Shape& in_dims, const Shape& out,
                      const Shape& out_dims) {
  const Index n = batch_size(where, in, in_dims);
  batch_size(where, out, out_dims);
  const Shape leading_in(in.begin(), in.end() - in_dims.rank());
  const Shape leading_out(out.begin(), out.end() - out_dims.rank());
  require_shape(where, leading_out, leading_in);
  return n;
}

/// body(b) for each transform of a batch: several in parallel, or the loops inside a single one.
template <class Body>
void for_batch(Index batch, Index size, Body body) {
  const Index grain = std::max<Index>(1, 16384 / std::max<Index>(1, size));
  parallel_for(batch, grain, [&](Index begin, Index end) {
    for (Index b = begin; b < end; ++b) body(b);
  });
}

template <class T>
T unitary_factor(const Shape& dims) {
  return static_cast<T>(1 / std::sqrt(static_cast<double>(dims.size())));
}

template <class X, class T>
void times(X* x, Index n, T factor) {
  T* p = reinterpret_cast<T*>(x);
  const Index reals = n * static_cast<Index>(sizeof(X) / sizeof(T));
  for (Index i = 0; i < reals; ++i) p[i] *= factor;
}

/// The transforms along all axes but the last of an array (.., row) in place, of which the last one
/// done multiplies by `factor`.
template <class T>
class Columns {
 public:
  explicit Columns(const Shape& dims, Index row) : row_(row) {
    for (int axis = 0; axis + 1 < dims.rank(); ++axis) axes_.emplace_back(dims[axis]);
  }
  const LineFft<T>& first() const { return axes_.front(); }
  /// False where there is nothing to do.
  bool any() const {
    return std::any_of(axes_.begin(), axes_.end(), [](const auto& a) { return a.length() > 1; });
  }
  void run(std::complex<T>* x, bool forward, T factor) const {
    Index inner = row_, outer = 1;
    for (const auto& axis : axes_) outer *= axis.length();
    for (auto axis = axes_.rbegin(); axis != axes_.rend(); ++axis) {
      const Index n = axis->length();
      outer /= n;
      const bool last = outer == 1;
      if (n > 1 || last) pass(*axis, x, outer, inner, forward, last ? factor : T(1));
      inner *= n;
    }
  }

 private:
  static void pass(const LineFft<T>& fft, std::complex<T>* x, Index outer, Index inner,
                   bool forward, T factor) {
    for (Index o = 0; o < outer; ++o)
      parallel_for(inner, columns_per_piece(fft.length()), [&, o](Index begin, Index end) {
        std::complex<T>* plane = x + o * fft.length() * inner;
        if (forward)
          fft.forward_columns(plane, inner, begin, end, factor);
        else
          fft.inverse_columns(plane, inner, begin, end, factor);
      });
  }
  Index row_;
  std::vector<LineFft<T>> axes_;
};

}  // namespace

template <class T>
struct ComplexFft<T>::Plans {
  Shape dims;
  LineFft<T> rows;
  Columns<T> columns;
  T factor;
  explicit Plans(const Shape& d)
      : dims(d), rows(d.back(0)), columns(d, d.back(0)), factor(unitary_factor<T>(d)) {}

  void run(const std::complex<T>* in, std::complex<T>* out, bool forward) const {
    const Index n = rows.length(), count = dims.size() / n;
    const bool more = columns.any();
    parallel_for(count, lines_per_piece(n), [&](Index begin, Index end) {
      for (Index r = begin; r < end; ++r) {
        if (forward)
          rows.forward(in + r * n, out + r * n);
        else
          rows.inverse(in + r * n, out + r * n);
        if (!more) times(out + r * n, n, factor);
      }
    });
    if (more) columns.run(out, forward, factor);
  }
};

template <class T>
ComplexFft<T>::ComplexFft(const Shape& dims) {
  require_dims("ComplexFft", dims);
  plans_ = std::make_shared<const Plans>(dims);
}

template <class T>
const Shape& ComplexFft<T>::dims() const {
  return plans_->dims;
}

template <class T>
void ComplexFft<T>::forward(ConstView<std::complex<T>> x, View<std::complex<T>> y) const {
  const Shape& d = dims();
  const Index batch = require_batches("ComplexFft::forward", x.shape(), d, y.shape(), d);
  const Index n = d.size();
  for_batch(batch, n, [&](Index b) { plans_->run(x.data() + b * n, y.data() + b * n, true); });
}

template <class T>
void ComplexFft<T>::inverse(ConstView<std::complex<T>> y, View<std::complex<T>> x) const {
  const Shape& d = dims();
  const Index batch = require_batches("ComplexFft::inverse", y.shape(), d, x.shape(), d);
  const Index n = d.size();
  for_batch(batch, n, [&](Index b) { plans_->run(y.data() + b * n, x.data() + b * n, false); });
}

template <class T>
struct RealFft<T>::Plans {
  using C = std::complex<T>;
  Shape dims, spectrum;
  LinePlan<T> to_half, to_real;
  Columns<T> columns;
  T factor;
  explicit Plans(const Shape& d)
      : dims(d),
        spectrum(half_spectrum(d)),
        to_half(LineKind::real_forward, d.back(0)),
        to_real(LineKind::real_inverse, d.back(0)),
        columns(d, spectrum.back(0)),
        factor(unitary_factor<T>(d)) {}

  Index width() const { return dims.back(0); }
  Index half() const { return spectrum.back(0); }
  Index rows() const { return dims.size() / width(); }

  /// Row by row, half spectra `stride` apart. Through an aligned copy where memory is not.
  void rows_to_half(const T* x, C* y, Index stride, T scale) const {
    const Index n = width(), m = half();
    parallel_for(rows(), lines_per_piece(n), [&](Index begin, Index end) {
      Scratch<T> real(n);
      Scratch<C> line(m);
      for (Index r = begin; r < end; ++r) {
        const T* in = x + r * n;
        if (!aligned_for_fft<T>(in)) in = std::copy_n(in, n, real.data()) - n;
        C* const target = y + r * stride;
        C* const out = aligned_for_fft<T>(target) ? target : line.data();
        to_half.real_forward(in, out);
        if (scale != T(1)) times(out, m, scale);
        if (out != target) std::copy_n(out, m, target);
      }
    });
  }
  void rows_to_real(C* y, Index stride, T* x, T scale) const {
    const Index n = width(), m = half();
    parallel_for(rows(), lines_per_piece(n), [&](Index begin, Index end) {
      Scratch<T> real(n);
      Scratch<C> line(m);
      for (Index r = begin; r < end; ++r) {
        C* in = y + r * stride;
        if (!aligned_for_fft<T>(in)) in = std::copy_n(in, m, line.data()) - m;
        T* const target = x + r * n;
        T* const out = aligned_for_fft<T>(target) ? target : real.data();
        to_real.real_inverse(in, out);
        if (scale != T(1)) times(out, n, scale);
        if (out != target) std::copy_n(out, n, target);
      }
    });
  }
};

template <class T>
RealFft<T>::RealFft(const Shape& dims) {
  require_dims("RealFft", dims);
  plans_ = std::make_shared<const Plans>(dims);
}

template <class T>
const Shape& RealFft<T>::dims() const {
  return plans_->dims;
}

template <class T>
Shape RealFft<T>::spectrum_dims() const {
  return plans_->spectrum;
}

template <class T>
void RealFft<T>::forward(ConstView<T> x, View<std::complex<T>> y) const {
  const Plans& p = *plans_;
  const Index batch = require_batches("RealFft::forward", x.shape(), p.dims, y.shape(), p.spectrum);
  const bool more = p.columns.any();
  for_batch(batch, p.dims.size(), [&](Index b) {
    std::complex<T>* const out = y.data() + b * p.spectrum.size();
    p.rows_to_half(x.data() + b * p.dims.size(), out, p.half(), more ? T(1) : p.factor);
    if (more) p.columns.run(out, true, p.factor);
  });
}

template <class T>
void RealFft<T>::inverse(View<std::complex<T>> y, View<T> x) const {
  const Plans& p = *plans_;
  const Index batch = require_batches("RealFft::inverse", y.shape(), p.spectrum, x.shape(), p.dims);
  const bool more = p.columns.any();
  for_batch(batch, p.dims.size(), [&](Index b) {
    std::complex<T>* const in = y.data() + b * p.spectrum.size();
    if (more) p.columns.run(in, false, p.factor);
    p.rows_to_real(in, p.half(), x.data() + b * p.dims.size(), more ? T(1) : p.factor);
  });
}

template <class T>
template <class M>
void RealFft<T>::filter(ConstView<T> x, ConstView<M> multiplier, View<T> y, bool conjugate) const {
  const Plans& p = *plans_;
  const Index batch = require_batches("RealFft::filter", x.shape(), p.dims, y.shape(), p.dims);
  if (p.dims.rank() != 2)
    throw ShapeError("RealFft::filter: got the dimensions " + to_string(p.dims) +
                     ", expected two of them");
  require_shape("RealFft::filter, multiplier", multiplier.shape(), Shape{p.half(), p.rows()});
  const LineFft<T>& down = p.columns.first();
  const Index stride = (p.half() + 7) / 8 * 8;  // aligned rows
  const T factor = p.factor * p.factor;
  for_batch(batch, p.dims.size(), [&](Index b) {
    Scratch<std::complex<T>> spectrum(p.rows() * stride);
    std::complex<T>* const s = spectrum.data();
    p.rows_to_half(x.data() + b * p.dims.size(), s, stride, T(1));
    parallel_for(p.half(), columns_per_piece(p.rows()), [&](Index begin, Index end) {
      down.filter_columns(s, stride, begin, end, multiplier.data(), factor, conjugate);
    });
    p.rows_to_real(s, stride, y.data() + b * p.dims.size(), T(1));
  });
}

namespace {

/// y[(i + rows) mod H, (j + columns) mod W] = x[i, j] in the last two axes.
template <class X>
void cyclic_shift(const char* where, ConstView<X> x, View<X> y, bool half_down) {
  require_shape(where, y.shape(), x.shape());
  if (x.shape().rank() < 2)
    throw ShapeError(std::string(where) + ": got " + to_string(x.shape()) +
                     ", expected two axes or more");
  const Index height = x.shape().back(1), width = x.shape().back(0);
  if (x.size() == 0) return;
  const Index down = half_down ? height / 2 : height - height / 2;
  const Index right = half_down ? width / 2 : width - width / 2;
  parallel_for(x.size() / width, std::max<Index>(1, 32768 / width), [=](Index begin, Index end) {
    for (Index row = begin; row < end; ++row) {
      const Index i = row % height;
      const X* from = x.data() + row * width;
      X* to = y.data() + (row - i + (i + down) % height) * width;
      std::rotate_copy(from, from + (width - right) % width, from + width, to);
    }
  });
}

}  // namespace

template <class X>
void fftshift2(ConstView<X> x, View<X> y) {
  cyclic_shift("fftshift2", x, y, true);
}
template <class X>
void ifftshift2(ConstView<X> x, View<X> y) {
  cyclic_shift("ifftshift2", x, y, false);
}

template class ComplexFft<float>;
template class RealFft<float>;
template void RealFft<float>::filter(ConstView<float>, ConstView<float>, View<float>, bool) const;
template void RealFft<float>::filter(ConstView<float>, ConstView<std::complex<float>>, View<float>,
                                     bool) const;
template class ComplexFft<double>;
template class RealFft<double>;
template void RealFft<double>::filter(ConstView<double>, ConstView<double>, View<double>,
                                      bool) const;
template void RealFft<double>::filter(ConstView<double>, ConstView<std::complex<double>>,
                                      View<double>, bool) const;
template void fftshift2<float>(ConstView<float>, View<float>);
template void ifftshift2<float>(ConstView<float>, View<float>);
template void fftshift2<double>(ConstView<double>, View<double>);
template void ifftshift2<double>(ConstView<double>, View<double>);
template void fftshift2<std::complex<float>>(ConstView<std::complex<float>>,
                                             View<std::complex<float>>);
template void ifftshift2<std::complex<float>>(ConstView<std::complex<float>>,
                                              View<std::complex<float>>);
template void fftshift2<std::complex<double>>(ConstView<std::complex<double>>,
                                              View<std::complex<double>>);
template void ifftshift2<std::complex<double>>(ConstView<std::complex<double>>,
                                               View<std::complex<double>>);

}  // namespace fejer
