#include <fejer/resample.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <vector>

namespace fejer {
namespace {

void require_image(const char* where, const Shape& shape) {
  if (shape.rank() != 3)
    throw ShapeError(std::string(where) + ": got " + to_string(shape) + ", expected (C,H,W)");
}

/// The four source pixels of a target pixel along one axis, and their weights.
struct Taps {
  std::array<Index, 4> at;
  std::array<double, 4> weight;
};

std::vector<Taps> cubic_taps(Index from, Index to) {
  constexpr double a = -0.75;
  // Keys' kernel, |t| <= 1 and 1 < |t| < 2.
  const auto near = [](double t) { return ((a + 2) * t - (a + 3)) * t * t + 1; };
  const auto far = [](double t) { return ((a * t - 5 * a) * t + 8 * a) * t - 4 * a; };
  std::vector<Taps> taps(static_cast<std::size_t>(to));
  const double step = static_cast<double>(from) / static_cast<double>(to);
  for (Index i = 0; i < to; ++i) {
    const double place = (static_cast<double>(i) + 0.5) * step - 0.5, left = std::floor(place);
    const double t = place - left;
    Taps& tap = taps[static_cast<std::size_t>(i)];
    tap.weight = {far(1 + t), near(t), near(1 - t), far(2 - t)};
    for (Index k = 0; k < 4; ++k)
      tap.at[static_cast<std::size_t>(k)] =
          std::clamp<Index>(static_cast<Index>(left) + k - 1, 0, from - 1);
  }
  return taps;
}

}  // namespace

template <class T>
Array<T> resize_cubic(const Array<T>& image, Index rows, Index columns) {
  require_image("resize_cubic", image.shape());
  const Index C = image.shape()[0], H = image.shape()[1], W = image.shape()[2];
  if (rows < 1 || columns < 1 || image.size() == 0)
    throw ShapeError("resize_cubic: got " + to_string(image.shape()) + " to " +
                     std::to_string(rows) + "x" + std::to_string(columns) +
                     ", expected at least one pixel");
  const std::vector<Taps> across = cubic_taps(W, columns), down = cubic_taps(H, rows);
  std::vector<double> narrow(static_cast<std::size_t>(H * columns));
  Array<T> out(Shape{C, rows, columns});
  for (Index c = 0; c < C; ++c) {
    const T* plane = image.data() + c * H * W;
    double* to = narrow.data();
    for (Index i = 0; i < H; ++i)
      for (const Taps& tap : across) {
        double sum = 0;
        for (std::size_t k = 0; k < 4; ++k)
          sum += tap.weight[k] * static_cast<double>(plane[i * W + tap.at[k]]);
        *to++ = sum;
      }
    T* pixel = out.data() + c * rows * columns;
    for (const Taps& tap : down)
      for (Index j = 0; j < columns; ++j) {
        double sum = 0;
        for (std::size_t k = 0; k < 4; ++k)
          sum += tap.weight[k] * narrow[static_cast<std::size_t>(tap.at[k] * columns + j)];
        *pixel++ = static_cast<T>(sum);
      }
  }
  return out;
}

template Array<float> resize_cubic(const Array<float>&, Index, Index);
template Array<double> resize_cubic(const Array<double>&, Index, Index);

template <class X>
Array<X> crop(const Array<X>& image, Index top, Index left, Index rows, Index columns) {
  require_image("crop", image.shape());
  const Index C = image.shape()[0], H = image.shape()[1], W = image.shape()[2];
  if (top < 0 || left < 0 || rows < 1 || columns < 1 || top > H - rows || left > W - columns)
    throw ShapeError("crop: rows " + std::to_string(top) + " to " + std::to_string(top + rows) +
                     ", columns " + std::to_string(left) + " to " + std::to_string(left + columns) +
                     " do not lie inside an image of " + to_string(image.shape()));
  Array<X> out(Shape{C, rows, columns});
  for (Index r = 0; r < C * rows; ++r) {
    const X* from = image.data() + (r / rows * H + top + r % rows) * W + left;
    std::copy(from, from + columns, out.data() + r * columns);
  }
  return out;
}

template <class X>
Array<X> shrink(const Array<X>& image, Index factor) {
  require_image("shrink", image.shape());
  const Index C = image.shape()[0], H = image.shape()[1], W = image.shape()[2];
  if (factor < 1 || factor > std::min(H, W))
    throw ShapeError("shrink: the factor " + std::to_string(factor) + " does not fit an image of " +
                     to_string(image.shape()));
  using Sum = std::conditional_t<is_complex<X>, std::complex<double>, double>;
  const Index rows = H / factor, columns = W / factor;
  Array<X> out(Shape{C, rows, columns});
  for (Index r = 0; r < C * rows; ++r)
    for (Index c = 0; c < columns; ++c) {
      const X* block = image.data() + (r / rows * H + r % rows * factor) * W + c * factor;
      Sum sum{};
      for (Index i = 0; i < factor; ++i)
        for (Index j = 0; j < factor; ++j) sum += Sum(block[i * W + j]);
      out[r * columns + c] = static_cast<X>(sum / static_cast<double>(factor * factor));
    }
  return out;
}

#define FEJER_INSTANTIATE(X)                                           \
  template Array<X> crop(const Array<X>&, Index, Index, Index, Index); \
  template Array<X> shrink(const Array<X>&, Index);
FEJER_INSTANTIATE(float)
FEJER_INSTANTIATE(double)
FEJER_INSTANTIATE(std::complex<float>)
FEJER_INSTANTIATE(std::complex<double>)
#undef FEJER_INSTANTIATE

}  // namespace fejer
