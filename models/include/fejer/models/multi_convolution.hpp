#pragma once
/// W = W_n ... W_2 W_1: convolutions one after the other, without bias, as one linear map.
/// Goujon, Neumayer, Unser, IEEE TCI 9 (2023) 781 and SIAM J. Imaging Sci. 17 (2024) 91.
#include <memory>
#include <vector>

#include <fejer/array.hpp>

namespace fejer {

enum class Borders {
  zero_every_layer,  ///< zeros around the input of every layer (the published models)
  zero_once          ///< zeros around the image once, then `valid` layers: W is one convolution
};

namespace detail {
template <class T>
class RidgeBorder;
}

/// Shapes: kernels[l] (C_{l+1}, C_l, k, k'), odd; x (C_0, H, W), z = W x (C_n, H, W).
template <class T>
class MultiConvolution {
 public:
  MultiConvolution(const std::vector<Array<T>>& kernels, Borders borders);

  Index in_channels() const;
  Index out_channels() const;
  Borders borders() const;
  const std::vector<Array<T>>& kernels() const;

  void apply(ConstView<T> x, View<T> z) const;
  void apply_adjoint(ConstView<T> z, View<T> x) const;

 private:
  template <class>
  friend class RidgeRegulariser;
  template <class>
  friend class detail::RidgeBorder;
  struct Data;
  std::shared_ptr<const Data> data_;
};

/// Each output filter minus its mean over (in, kh, kw): W then maps constants to zero.
Array<double> remove_means(Array<double> kernel);

/// The one kernel (C_n, C_0, K, K') of the composition on an unbounded image,
/// K = 1 + sum (k_l - 1), as correlation kernel.
Array<double> collapse(const std::vector<Array<double>>& kernels);

extern template class MultiConvolution<float>;
extern template class MultiConvolution<double>;

}  // namespace fejer
