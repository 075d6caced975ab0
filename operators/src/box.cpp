#include <fejer/operators/box.hpp>

#include <algorithm>

#include <fejer/parallel.hpp>

namespace fejer {

template <class T>
Box<T>::Box(T lower, T upper) : lower_(lower), upper_(upper) {
  if (!(lower <= upper))
    throw ArgumentError("Box: got the bounds " + std::to_string(lower) + " and " +
                        std::to_string(upper) + ", expected lower <= upper");
}

template <class T>
void Box<T>::prox(ConstView<T> v, double /*gamma*/, View<T> out) const {
  require_shape("Box::prox output", out.shape(), v.shape());
  parallel_for(v.size(), 32768, [=, this](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      const T low = v[i] < lower_ ? lower_ : v[i];  // not-a-number stays
      out[i] = low > upper_ ? upper_ : low;
    }
  });
}

template <class T>
double Box<T>::value(ConstView<T> x) const {
  const bool inside =
      std::all_of(x.begin(), x.end(), [this](T u) { return u >= lower_ && u <= upper_; });
  return inside ? 0 : std::numeric_limits<double>::infinity();
}

template class Box<float>;
template class Box<double>;

}  // namespace fejer
