#include <fejer/operators/blur.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <fejer/check.hpp>
#include <fejer/fft.hpp>
#include <fejer/parallel.hpp>
#include <fejer/scratch.hpp>
#include <fejer/vector.hpp>

#include "pieces.hpp"
#include "symbol.hpp"
#include "text.hpp"

namespace fejer {
namespace {

Index wrap(Index i, Index n) { return ((i % n) + n) % n; }

/// One axis of the grid: which pixel of the image each grid point takes (-1: none), and the way
/// back.
struct Axis {
  Index pixels = 0, grid = 0;
  Index shift = 0;                         ///< h[k] lies at grid point k - shift
  std::vector<Index> source;               ///< grid point -> pixel
  std::vector<std::vector<Index>> copies;  ///< pixel -> its grid points, ascending

  Axis(Index n, Index kernel, Boundary boundary) : pixels(n) {
    const bool circular = boundary == Boundary::circular;
    const Index centre = kernel / 2;
    const Index extended = circular ? n : n + kernel - 1;
    grid = circular ? n : fast_fft_length(extended);
    shift = circular ? centre : kernel - 1;
    const Index before = circular ? 0 : kernel - 1 - centre;
    source.assign(static_cast<std::size_t>(grid), -1);
    copies.resize(static_cast<std::size_t>(n));
    for (Index g = 0; g < extended; ++g) {
      const Index pixel = outside(g - before, boundary);
      if (pixel < 0) continue;
      source[static_cast<std::size_t>(g)] = pixel;
      copies[static_cast<std::size_t>(pixel)].push_back(g);
    }
  }
  /// The pixel whose value position i has, i any integer.
  Index outside(Index i, Boundary boundary) const {
    if (i >= 0 && i < pixels) return i;
    if (boundary == Boundary::zero) return -1;
    if (boundary == Boundary::replicate) return std::clamp<Index>(i, 0, pixels - 1);
    const Index folded = wrap(i, 2 * pixels);
    return folded < pixels ? folded : 2 * pixels - 1 - folded;
  }
  /// ||Extend||^2 along this axis.
  double most_copies() const {
    std::size_t most = 0;
    for (const auto& list : copies) most = std::max(most, list.size());
    return static_cast<double>(most);
  }
};

template <class T>
void check_arguments(const Array<T>& kernel, const Shape& image) {
  if (kernel.shape().rank() != 2 || kernel.size() == 0)
    throw ShapeError(text("Blur: got a kernel ", to_string(kernel.shape()),
                          ", expected (rows,columns) with at least one element"));
  if (!all_finite(kernel)) throw ArgumentError("Blur: a kernel element is not finite");
  if (image.rank() < 2 || image.rank() > 3 || image.size() == 0)
    throw ShapeError(text("Blur: got an image ", to_string(image),
                          ", expected (H,W) or (C,H,W) with at least one pixel"));
}

}  // namespace

template <class T>
struct Blur<T>::Plan {
  Shape image;  ///< as given
  Index channels;
  Array<T> kernel;
  Boundary boundary;
  Axis rows, columns;
  RealFft<T> fft;
  Array<std::complex<T>> transfer;  ///< transposed, as RealFft::filter expects it
  Array<T> power;                   ///< |transfer|^2, for circular boundaries only
  double largest;                   ///< max |transfer|

  Plan(const Array<T>& h, const Shape& shape, Boundary b)
      : image(shape),
        channels(shape.rank() == 3 ? shape[0] : 1),
        kernel(h),
        boundary(b),
        rows(shape.back(1), h.shape()[0], b),
        columns(shape.back(0), h.shape()[1], b),
        fft(Shape{rows.grid, columns.grid}) {
    // In double for every T, so that only the rounding of the result is left.
    const RealFft<double> exact(fft.dims());
    Array<double> placed(fft.dims());
    const Index kh = h.shape()[0], kw = h.shape()[1];
    for (Index i = 0; i < kh; ++i)
      for (Index j = 0; j < kw; ++j)
        placed[wrap(i - rows.shift, rows.grid) * columns.grid +
               wrap(j - columns.shift, columns.grid)] += static_cast<double>(h[i * kw + j]);
    Array<std::complex<double>> spectrum(exact.spectrum_dims());
    exact.forward(placed, spectrum);
    scale<std::complex<double>>(spectrum, std::sqrt(static_cast<double>(placed.size())));
    largest = max_abs<std::complex<double>>(spectrum);
    const Index height = spectrum.shape()[0], width = spectrum.shape()[1];
    const bool circular = b == Boundary::circular;
    transfer = Array<std::complex<T>>(Shape{width, height});
    power = Array<T>(circular ? transfer.shape() : Shape{0});
    for (Index i = 0; i < height; ++i)
      for (Index j = 0; j < width; ++j) {
        const std::complex<double> value = spectrum[i * width + j];
        transfer[j * height + i] = std::complex<T>(value);
        if (circular) power[j * height + i] = static_cast<T>(std::norm(value));
      }
  }

  Shape grid_shape() const { return {channels, rows.grid, columns.grid}; }
  Shape image_shape() const { return {channels, rows.pixels, columns.pixels}; }

  /// Circular convolution on the grid (or its adjoint); from and to may be the same memory.
  void convolve(ConstView<T> from, View<T> to, bool adjoint) const {
    fft.filter(from, ConstView<std::complex<T>>(transfer), to, adjoint);
  }

  /// grid = Extend x.
  void extend(ConstView<T> x, View<T> grid) const {
    parallel_for(channels * rows.grid, rows_per_piece(columns.grid), [&](Index begin, Index end) {
      for (Index r = begin; r < end; ++r) {
        T* out = grid.data() + r * columns.grid;
        const Index row = rows.source[static_cast<std::size_t>(r % rows.grid)];
        if (row < 0) {
          std::fill_n(out, columns.grid, T(0));
          continue;
        }
        const T* in = x.data() + ((r / rows.grid) * rows.pixels + row) * columns.pixels;
        for (Index g = 0; g < columns.grid; ++g) {
          const Index column = columns.source[static_cast<std::size_t>(g)];
          out[g] = column < 0 ? T(0) : in[column];
        }
      }
    });
  }

  /// x = Extend^T grid: every pixel gathers its copies, row by row in ascending order.
  void fold(ConstView<T> grid, View<T> x) const {
    parallel_for(channels * rows.pixels, rows_per_piece(columns.grid), [&](Index begin, Index end) {
      for (Index r = begin; r < end; ++r) {
        T* out = x.data() + r * columns.pixels;
        std::fill_n(out, columns.pixels, T(0));
        for (const Index g : rows.copies[static_cast<std::size_t>(r % rows.pixels)]) {
          const T* in = grid.data() + ((r / rows.pixels) * rows.grid + g) * columns.grid;
          for (Index k = 0; k < columns.grid; ++k) {
            const Index column = columns.source[static_cast<std::size_t>(k)];
            if (column >= 0) out[column] += in[k];
          }
        }
      }
    });
  }

  /// Copies the corner of the grid that holds the image to y, or from it with zeros elsewhere.
  void crop(ConstView<T> grid, View<T> y) const {
    parallel_for(channels * rows.pixels, rows_per_piece(columns.grid), [&](Index begin, Index end) {
      for (Index r = begin; r < end; ++r)
        std::copy_n(grid.data() + grid_row(r) * columns.grid, columns.pixels,
                    y.data() + r * columns.pixels);
    });
  }
  void pad(ConstView<T> y, View<T> grid) const {
    parallel_for(channels * rows.grid, rows_per_piece(columns.grid), [&](Index begin, Index end) {
      for (Index r = begin; r < end; ++r) {
        T* out = grid.data() + r * columns.grid;
        const Index row = r % rows.grid, pixels = row < rows.pixels ? columns.pixels : 0;
        const T* in = y.data() + (r / rows.grid * rows.pixels + row) * columns.pixels;
        std::fill(std::copy_n(in, pixels, out), out + columns.grid, T(0));
      }
    });
  }
  /// Zeros outside the corner that holds the image.
  void keep_image(View<T> grid) const {
    parallel_for(channels * rows.grid, rows_per_piece(columns.grid), [&](Index begin, Index end) {
      for (Index r = begin; r < end; ++r) {
        const Index kept = r % rows.grid < rows.pixels ? columns.pixels : 0;
        std::fill_n(grid.data() + r * columns.grid + kept, columns.grid - kept, T(0));
      }
    });
  }
  Index grid_row(Index r) const { return (r / rows.pixels) * rows.grid + r % rows.pixels; }
};

template <class T>
Blur<T>::Blur(const Array<T>& kernel, const Shape& image, Boundary boundary) {
  check_arguments(kernel, image);
  plan_ = std::make_shared<const Plan>(kernel, image, boundary);
}

template <class T>
const Shape& Blur<T>::domain() const {
  return plan_->image;
}
template <class T>
const Array<T>& Blur<T>::kernel() const {
  return plan_->kernel;
}
template <class T>
Boundary Blur<T>::boundary() const {
  return plan_->boundary;
}

template <class T>
void Blur<T>::apply(ConstView<T> x, View<T> y) const {
  const Plan& p = *plan_;
  if (p.boundary == Boundary::circular)
    return p.convolve(x.reshaped(p.image_shape()), y.reshaped(p.image_shape()), false);
  detail::Scratch<T> memory(p.grid_shape().size());
  const View<T> grid(memory.data(), p.grid_shape());
  p.extend(x, grid);
  p.convolve(grid, grid, false);
  p.crop(grid, y);
}

template <class T>
void Blur<T>::apply_adjoint(ConstView<T> y, View<T> x) const {
  const Plan& p = *plan_;
  if (p.boundary == Boundary::circular)
    return p.convolve(y.reshaped(p.image_shape()), x.reshaped(p.image_shape()), true);
  detail::Scratch<T> memory(p.grid_shape().size());
  const View<T> grid(memory.data(), p.grid_shape());
  p.pad(y, grid);
  p.convolve(grid, grid, true);
  p.fold(grid, x);
}

template <class T>
void Blur<T>::normal(ConstView<T> x, View<T> out) const {
  const Plan& p = *plan_;
  if (p.boundary == Boundary::circular)
    return p.fft.filter(x.reshaped(p.image_shape()), ConstView<T>(p.power),
                        out.reshaped(p.image_shape()));
  detail::Scratch<T> memory(p.grid_shape().size());
  const View<T> grid(memory.data(), p.grid_shape());
  p.extend(x, grid);
  p.convolve(grid, grid, false);
  p.keep_image(grid);
  p.convolve(grid, grid, true);
  p.fold(grid, out);
}

template <class T>
NormInterval Blur<T>::norm_interval() const {
  const Plan& p = *plan_;
  const double margin = 1e-10 + 16 * static_cast<double>(std::numeric_limits<T>::epsilon());
  if (p.boundary == Boundary::circular)
    return {p.largest * (1 - margin), p.largest * (1 + margin), "largest transfer value"};
  Array<double> signed_kernel(p.kernel.shape()), kernel(p.kernel.shape());
  bool nonnegative = true;
  for (Index i = 0; i < kernel.size(); ++i) {
    signed_kernel[i] = static_cast<double>(p.kernel[i]);
    kernel[i] = std::abs(signed_kernel[i]);
    nonnegative = nonnegative && signed_kernel[i] >= 0;
  }
  const double by_symbol =
      symbol_supremum(signed_kernel) * std::sqrt(p.rows.most_copies() * p.columns.most_copies());
  // One channel stands for all; in double, since the ratio of small numbers amplifies rounding.
  const Shape plane{p.rows.pixels, p.columns.pixels};
  const Blur<double> B(kernel, plane, p.boundary);
  double rayleigh = 0;
  const auto normal = [&](ConstView<double> v, View<double> out) {
    B.normal(v, out);
    rayleigh = std::max(rayleigh, norm<double>(out) / norm<double>(v));
  };
  const double by_ratio = nonnegative_norm_bound<double>(normal, plane);
  NormInterval interval;
  interval.lower = nonnegative ? std::sqrt(rayleigh) * (1 - margin) : 0;
  interval.upper = std::min(by_symbol, by_ratio) * (1 + margin);
  interval.how = by_ratio <= by_symbol ? "positive-vector ratio of the blur with |kernel|"
                                       : "supremum of the symbol over all frequencies";
  return interval;
}

template <class T>
Array<T> gaussian_kernel(double sigma, Index size) {
  if (!(sigma > 0) || !std::isfinite(sigma) || size < 0)
    throw ArgumentError(text("gaussian_kernel: got sigma ", sigma, " and size ", size,
                             ", expected sigma > 0 in pixels and size >= 0"));
  if (size == 0) size = 2 * static_cast<Index>(std::ceil(4 * sigma)) + 1;
  std::vector<double> profile(static_cast<std::size_t>(size));
  double total = 0;
  for (Index i = 0; i < size; ++i) {
    const double r = static_cast<double>(i - size / 2) / sigma;
    total += profile[static_cast<std::size_t>(i)] = std::exp(-r * r / 2);
  }
  Array<T> kernel(Shape{size, size});
  for (Index i = 0; i < size; ++i)
    for (Index j = 0; j < size; ++j)
      kernel[i * size + j] = static_cast<T>(profile[static_cast<std::size_t>(i)] / total *
                                            (profile[static_cast<std::size_t>(j)] / total));
  return kernel;
}

template class Blur<float>;
template class Blur<double>;
template Array<float> gaussian_kernel(double, Index);
template Array<double> gaussian_kernel(double, Index);

}  // namespace fejer
