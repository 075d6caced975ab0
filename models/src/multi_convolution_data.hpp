#pragma once
#include <fejer/models/multi_convolution.hpp>

#include "planes.hpp"

namespace fejer {

/// Layer l maps v_l to v_{l+1}; r_l is its radius. With `zero_once` v_l is known on
/// reach_l = sum_{j >= l} r_j more pixels on each side than the image, else on the image only.
template <class T>
struct MultiConvolution<T>::Data {
  using RowDone = typename detail::PackedKernel<T>::RowDone;

  std::vector<Array<T>> kernels;
  Borders borders;
  std::vector<detail::PackedKernel<T>> forward, backward;

  std::size_t layers() const { return kernels.size(); }
  detail::Extent radius(std::size_t l) const { return forward[l].radius(); }
  detail::Extent reach(std::size_t l) const;
  /// What the adjoint needs of v_l beyond the image: no more than later layers look at.
  detail::Extent adjoint_reach(std::size_t l) const;
  /// Zeros that must lie around v_l, computed on the image plus adjoint_reach(l), in the adjoint.
  detail::Extent adjoint_border(std::size_t l) const;

  /// z = W x; `done` is called for every finished row of z.
  void apply(const detail::Planes<const T>& x, const detail::Planes<T>& z,
             const RowDone* done = nullptr) const;
  /// x = W^T z; z has adjoint_border(layers()) zeros around it.
  void apply_adjoint(const detail::Planes<T>& z, const detail::Planes<T>& x) const;

 private:
  void apply_from(std::size_t l, const detail::Planes<T>& v, const detail::Planes<T>& z,
                  const RowDone* done) const;
  void apply_adjoint_from(std::size_t l, const detail::Planes<T>& v,
                          const detail::Planes<T>& x) const;
};

}  // namespace fejer
