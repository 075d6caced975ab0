#include <algorithm>
#include <complex>

#include <fejer/error.hpp>
#include <fejer/image_io.hpp>
#include <fejer/resample.hpp>
#include <fejer/rng.hpp>

#include "row.hpp"

namespace fejer::benchmarks {

Array<float> photograph(const Setting& setting, Index H, Index W) {
  const Array<float> grey = to_grey(read_image(setting.photo));
  const Index factor = std::min(grey.shape()[1] / H, grey.shape()[2] / W);
  if (factor < 1)
    throw ShapeError("benchmarks: " + setting.photo + " is " + to_string(grey.shape()) +
                     ", expected at least " + to_string(Shape{1, H, W}));
  const Array<float> small = shrink(grey, factor);
  return crop(small, (small.shape()[1] - H) / 2, (small.shape()[2] - W) / 2, H, W);
}

Array<float> patches(const Setting& setting, Index N, Index H, Index W) {
  Index columns = 1;
  while (columns * columns < N) ++columns;
  const Array<float> image = photograph(setting, (N + columns - 1) / columns * H, columns * W);
  Array<float> result(Shape{N, H, W});
  for (Index i = 0; i < N; ++i) {
    const Array<float> patch = crop(image, i / columns * H, i % columns * W, H, W);
    std::copy(patch.begin(), patch.end(), result.data() + i * H * W);
  }
  return result;
}

template <class X>
Array<X> noise(const std::string& name, const Shape& shape, double scale) {
  Array<X> x(shape);
  fill_normal<X>(x, Rng(2026).stream(name));
  for (X& v : x) v *= static_cast<Real<X>>(scale);
  return x;
}

template Array<float> noise(const std::string&, const Shape&, double);
template Array<double> noise(const std::string&, const Shape&, double);
template Array<std::complex<float>> noise(const std::string&, const Shape&, double);

}  // namespace fejer::benchmarks
