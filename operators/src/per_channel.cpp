#include <fejer/operators/per_channel.hpp>

#include <algorithm>
#include <complex>

namespace fejer {
namespace {

Shape with_channels(std::size_t channels, const Shape& rest) {
  Shape shape{static_cast<Index>(channels)};
  for (const Index length : rest) shape.push_back(length);
  return shape;
}

}  // namespace

template <class X>
PerChannel<X>::PerChannel(std::vector<LinearOperator<X>> parts) : parts_(std::move(parts)) {
  if (parts_.empty())
    throw ArgumentError("PerChannel: got no operator, expected one for each channel");
  for (const LinearOperator<X>& A : parts_) {
    require_shape("PerChannel, domain of a channel", A.domain(), parts_.front().domain());
    require_shape("PerChannel, range of a channel", A.range(), parts_.front().range());
  }
  domain_ = with_channels(parts_.size(), parts_.front().domain());
  range_ = with_channels(parts_.size(), parts_.front().range());
}

template <class X>
void PerChannel<X>::apply(ConstView<X> x, View<X> y) const {
  Index c = 0;
  for (const LinearOperator<X>& A : parts_) {
    A.apply(x.slice(c), y.slice(c));
    ++c;
  }
}

template <class X>
void PerChannel<X>::apply_adjoint(ConstView<X> y, View<X> x) const {
  Index c = 0;
  for (const LinearOperator<X>& A : parts_) {
    A.apply_adjoint(y.slice(c), x.slice(c));
    ++c;
  }
}

template <class X>
void PerChannel<X>::normal(ConstView<X> x, View<X> out) const {
  Index c = 0;
  for (const LinearOperator<X>& A : parts_) {
    A.normal(x.slice(c), out.slice(c));
    ++c;
  }
}

template <class X>
NormInterval PerChannel<X>::norm_interval() const {
  NormInterval largest = parts_.front().norm_interval();
  for (const LinearOperator<X>& A : parts_) {
    const NormInterval& one = A.norm_interval();
    largest.lower = std::max(largest.lower, one.lower);
    if (one.upper > largest.upper) largest.upper = one.upper, largest.how = one.how;
  }
  largest.how = "the largest of the channels: " + largest.how;
  return largest;
}

template class PerChannel<float>;
template class PerChannel<double>;
template class PerChannel<std::complex<float>>;
template class PerChannel<std::complex<double>>;

}  // namespace fejer
