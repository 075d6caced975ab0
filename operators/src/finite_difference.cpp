#include <fejer/operators/finite_difference.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include <fejer/parallel.hpp>

#include "pieces.hpp"
#include "text.hpp"

namespace fejer {
namespace {

/// Largest eigenvalue of D^T D along one axis of n pixels.
double eigenvalue(Index n) {
  if (n == 1) return 0;
  const double c = std::cos(std::numbers::pi / (2 * static_cast<double>(n)));
  return 4 * c * c;
}

}  // namespace

template <class X>
FiniteDifference<X>::FiniteDifference(const Shape& image) : image_(image) {
  if (image.rank() < 2 || image.rank() > 3 || image.size() == 0)
    throw ShapeError(text("FiniteDifference: got an image ", to_string(image),
                          ", expected (H,W) or (C,H,W) with at least one pixel"));
  range_ = Shape{2};
  for (const Index length : image) range_.push_back(length);
}

template <class X>
void FiniteDifference<X>::apply(ConstView<X> x, View<X> y) const {
  const Index H = image_.back(1), W = image_.back(0), rows = image_.size() / W;
  X* const vertical = y.data();
  X* const horizontal = y.data() + image_.size();
  parallel_for(rows, rows_per_piece(W), [&](Index begin, Index end) {
    for (Index r = begin; r < end; ++r) {
      const X* here = x.data() + r * W;
      X* v = vertical + r * W;
      X* h = horizontal + r * W;
      const bool last = r % H == H - 1;
      const X* below = last ? here : here + W;
      for (Index j = 0; j < W; ++j) v[j] = below[j] - here[j];
      if (last) std::fill(v, v + W, X(0));
      for (Index j = 0; j + 1 < W; ++j) h[j] = here[j + 1] - here[j];
      h[W - 1] = X(0);
    }
  });
}

template <class X>
void FiniteDifference<X>::apply_adjoint(ConstView<X> y, View<X> x) const {
  const Index H = image_.back(1), W = image_.back(0), rows = image_.size() / W;
  parallel_for(rows, rows_per_piece(W), [&](Index begin, Index end) {
    for (Index r = begin; r < end; ++r) {
      const X* v = y.data() + r * W;
      const X* h = y.data() + image_.size() + r * W;
      X* out = x.data() + r * W;
      const bool first = r % H == 0, last = r % H == H - 1;
      for (Index j = 0; j < W; ++j) out[j] = X(0);
      if (!first)
        for (Index j = 0; j < W; ++j) out[j] += v[j - W];
      if (!last)
        for (Index j = 0; j < W; ++j) out[j] -= v[j];
      for (Index j = 1; j < W; ++j) out[j] += h[j - 1];
      for (Index j = 0; j + 1 < W; ++j) out[j] -= h[j];
    }
  });
}

template <class X>
NormInterval FiniteDifference<X>::norm_interval() const {
  const double norm = std::sqrt(eigenvalue(image_.back(1)) + eigenvalue(image_.back(0)));
  const double margin = 8 * static_cast<double>(std::numeric_limits<Real<X>>::epsilon());
  return {norm * (1 - margin), norm * (1 + margin), "closed form of the Neumann Laplacian"};
}

template class FiniteDifference<float>;
template class FiniteDifference<double>;
template class FiniteDifference<std::complex<float>>;
template class FiniteDifference<std::complex<double>>;

}  // namespace fejer
