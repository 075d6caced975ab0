#include <fejer/operators/identity.hpp>
#include <fejer/vector.hpp>

namespace fejer {

template <class X>
void Identity<X>::apply(ConstView<X> x, View<X> y) const {
  copy<X>(x, y);
}

template class Identity<float>;
template class Identity<double>;
template class Identity<std::complex<float>>;
template class Identity<std::complex<double>>;

}  // namespace fejer
