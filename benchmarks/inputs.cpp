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
