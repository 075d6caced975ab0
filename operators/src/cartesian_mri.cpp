#include <fejer/operators/cartesian_mri.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <fejer/fft.hpp>
#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

#include "pieces.hpp"
#include "text.hpp"

namespace fejer {
namespace {

template <class T>
void check_mask(const Array<T>& mask) {
  if (mask.shape().rank() != 2 || mask.size() == 0)
    throw ShapeError(text("CartesianMri: got a mask ", to_string(mask.shape()),
                          ", expected (H,W) with at least one pixel"));
  for (Index i = 0; i < mask.size(); ++i)
    if (mask[i] != T(0) && mask[i] != T(1))
      throw ArgumentError(text("CartesianMri: got ", mask[i], " in the mask, expected 0 or 1"));
}

}  // namespace

/// Everything with frequency and position zero at index 0, so that no array is shifted on its own:
/// the shifts are folded into the products with maps and mask.
template <class T>
struct CartesianMri<T>::Plan {
  using C = std::complex<T>;
  Index coils, H, W;
  Shape image, data;
  Array<T> mask;  ///< ifftshifted
  Array<C> maps;  ///< ifftshifted; empty: one coil of sensitivity 1
  ComplexFft<T> fft;
  NormInterval norm;

  Plan(const Array<T>& m, const Array<C>* s)
      : coils(s == nullptr ? 1 : s->shape()[0]),
        H(m.shape()[0]),
        W(m.shape()[1]),
        image{1, H, W},
        data{coils, H, W},
        mask(m.shape()),
        fft(m.shape()) {
    ifftshift2<T>(m, mask);
    if (s != nullptr) {
      maps = Array<C>(s->shape());
      ifftshift2<C>(*s, maps);
    }
    set_norm();
  }

  void set_norm() {
    double squares = maps.size() > 0 ? 0 : 1;
    for (Index i = 0; maps.size() > 0 && i < H * W; ++i) {
      double sum = 0;
      for (Index c = 0; c < coils; ++c) sum += std::norm(std::complex<double>(maps[c * H * W + i]));
      squares = std::max(squares, sum);
    }
    const auto sampled = std::count(mask.begin(), mask.end(), T(1));
    const double largest = sampled > 0 ? std::sqrt(squares) : 0;
    const bool exact = sampled == 0 || maps.size() == 0 || sampled == mask.size();
    const double margin = 8 * static_cast<double>(std::numeric_limits<T>::epsilon());
    norm = {exact ? largest * (1 - margin) : 0, largest * (1 + margin),
            "unitary transform, largest root of the sum of squares of the maps"};
  }

  /// body(row, row of the centred array) in parallel over the rows of all coils.
  template <class Body>
  void for_rows(Index planes, Body body) const {
    parallel_for(planes * H, rows_per_piece(W), [&](Index begin, Index end) {
      for (Index r = begin; r < end; ++r) body(r, r - r % H + (r % H + H / 2) % H);
    });
  }
  /// body(first, length, first in the centred array) for the two runs of a row.
  template <class Body>
  void for_runs(Body body) const {
    const Index left = W - W / 2;
    body(Index(0), left, W / 2);
    body(left, W / 2, Index(0));
  }

  /// z = ifftshift(maps .* x), all coils.
  void expand(ConstView<C> x, View<C> z) const {
    for_rows(coils, [&](Index r, Index centred) {
      const C* from = x.data() + centred % H * W;
      const C* map = maps.size() > 0 ? maps.data() + r * W : nullptr;
      C* to = z.data() + r * W;
      for_runs([&](Index first, Index length, Index shifted) {
        for (Index j = 0; j < length; ++j) {
          const C value = from[shifted + j];
          to[first + j] = map == nullptr ? value : product(map[first + j], value);
        }
      });
    });
  }
  /// x = fftshift(sum over coils of conj(maps) .* z), coils in order.
  void combine(ConstView<C> z, View<C> x) const {
    for_rows(1, [&](Index r, Index centred) {
      C* to = x.data() + centred * W;
      for_runs([&](Index first, Index length, Index shifted) {
        for (Index j = 0; j < length; ++j) to[shifted + j] = C(0);
        for (Index c = 0; c < coils; ++c) {
          const Index at = (c * H + r) * W + first;
          for (Index j = 0; j < length; ++j)
            to[shifted + j] +=
                maps.size() == 0 ? z[at + j] : product(std::conj(maps[at + j]), z[at + j]);
        }
      });
    });
  }
  /// y = fftshift(mask .* z).
  void sample(ConstView<C> z, View<C> y) const {
    for_rows(coils, [&](Index r, Index centred) {
      const T* m = mask.data() + r % H * W;
      for_runs([&](Index first, Index length, Index shifted) {
        for (Index j = 0; j < length; ++j)
          y[centred * W + shifted + j] = m[first + j] * z[r * W + first + j];
      });
    });
  }
  /// z = mask .* ifftshift(y).
  void sample_adjoint(ConstView<C> y, View<C> z) const {
    for_rows(coils, [&](Index r, Index centred) {
      const T* m = mask.data() + r % H * W;
      for_runs([&](Index first, Index length, Index shifted) {
        for (Index j = 0; j < length; ++j)
          z[r * W + first + j] = m[first + j] * y[centred * W + shifted + j];
      });
    });
  }

  /// Without the checks for infinities that operator* makes.
  static C product(C a, C b) {
    return C(a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real());
  }
};

template <class T>
CartesianMri<T>::CartesianMri(const Array<T>& mask) {
  check_mask(mask);
  plan_ = std::make_shared<const Plan>(mask, nullptr);
}

template <class T>
CartesianMri<T>::CartesianMri(const Array<T>& mask, const Array<std::complex<T>>& maps) {
  check_mask(mask);
  const Shape& s = maps.shape();
  if (s.rank() != 3 || s[0] == 0 || s[1] != mask.shape()[0] || s[2] != mask.shape()[1])
    throw ShapeError(text("CartesianMri: got maps ", to_string(s), " with a mask ",
                          to_string(mask.shape()), ", expected (coils,H,W) of the mask's (H,W)"));
  if (!all_finite(maps)) throw ArgumentError("CartesianMri: a value of the maps is not finite");
  plan_ = std::make_shared<const Plan>(mask, &maps);
}

template <class T>
const Shape& CartesianMri<T>::domain() const {
  return plan_->image;
}
template <class T>
const Shape& CartesianMri<T>::range() const {
  return plan_->data;
}
template <class T>
NormInterval CartesianMri<T>::norm_interval() const {
  return plan_->norm;
}

template <class T>
void CartesianMri<T>::apply(ConstView<std::complex<T>> x, View<std::complex<T>> y) const {
  Array<std::complex<T>> z(plan_->data), spectrum(plan_->data);
  plan_->expand(x, z);
  plan_->fft.forward(z, spectrum);
  plan_->sample(spectrum, y);
}

template <class T>
void CartesianMri<T>::apply_adjoint(ConstView<std::complex<T>> y, View<std::complex<T>> x) const {
  Array<std::complex<T>> z(plan_->data), spectrum(plan_->data);
  plan_->sample_adjoint(y, spectrum);
  plan_->fft.inverse(spectrum, z);
  plan_->combine(z, x);
}

template <class T>
void CartesianMri<T>::normal(ConstView<std::complex<T>> x, View<std::complex<T>> out) const {
  const Plan& p = *plan_;
  Array<std::complex<T>> z(p.data), spectrum(p.data);
  p.expand(x, z);
  p.fft.forward(z, spectrum);
  p.for_rows(p.coils, [&](Index r, Index) {
    const T* m = p.mask.data() + r % p.H * p.W;
    std::complex<T>* row = spectrum.data() + r * p.W;
    for (Index j = 0; j < p.W; ++j) row[j] *= m[j];
  });
  p.fft.inverse(spectrum, z);
  p.combine(z, out);
}

template class CartesianMri<float>;
template class CartesianMri<double>;

}  // namespace fejer
