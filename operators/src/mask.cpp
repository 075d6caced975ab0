#include <fejer/operators/mask.hpp>

#include <algorithm>
#include <cmath>

#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

#include "text.hpp"

namespace fejer {

template <class X>
Mask<X>::Mask(Array<Real<X>> weights) : Mask(std::move(weights), Shape{}) {}

template <class X>
Mask<X>::Mask(Array<Real<X>> weights, const Shape& image)
    : weights_(std::move(weights)), image_(image) {
  if (image_.rank() == 0) image_ = weights_.shape();
  const Shape& m = weights_.shape();
  bool fits = m.rank() <= image_.rank();
  for (int axis = 0; fits && axis < m.rank(); ++axis) fits = m.back(axis) == image_.back(axis);
  if (!fits)
    throw ShapeError(text("Mask: got weights ", to_string(m), " for an image ", to_string(image_),
                          ", expected the shape of the image or of its last axes"));
  if (!all_finite(weights_)) throw ArgumentError("Mask: a weight is not finite; check the mask");
}

template <class X>
void Mask<X>::apply(ConstView<X> x, View<X> y) const {
  const Index period = weights_.size();
  if (period == 0) return;
  const Real<X>* m = weights_.data();
  for (Index start = 0; start < x.size(); start += period) {
    const X* from = x.data() + start;
    X* to = y.data() + start;
    parallel_for(period, 16384, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) to[i] = m[i] * from[i];
    });
  }
}

template <class X>
NormInterval Mask<X>::norm_interval() const {
  const double largest = weights_.size() > 0 ? max_abs<Real<X>>(weights_) : 0;
  return {largest, largest, "largest weight"};
}

template <std::floating_point T>
Array<T> random_mask(const Shape& shape, double keep, const RandomStream& stream) {
  if (!(keep >= 0 && keep <= 1))
    throw ArgumentError(text("random_mask: got keep = ", keep, ", expected a fraction in [0, 1]"));
  Array<T> mask(shape);
  for (Index i = 0; i < mask.size(); ++i)
    mask[i] = stream.uniform(static_cast<std::uint64_t>(i)) < keep ? T(1) : T(0);
  return mask;
}

template class Mask<float>;
template class Mask<double>;
template class Mask<std::complex<float>>;
template class Mask<std::complex<double>>;
template Array<float> random_mask(const Shape&, double, const RandomStream&);
template Array<double> random_mask(const Shape&, double, const RandomStream&);

}  // namespace fejer
