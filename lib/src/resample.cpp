#include <fejer/resample.hpp>

#include <algorithm>
#include <complex>

namespace fejer {
namespace {

void require_image(const char* where, const Shape& shape) {
  if (shape.rank() != 3)
    throw ShapeError(std::string(where) + ": got " + to_string(shape) + ", expected (C,H,W)");
}

}  // namespace

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
